"""Reads each answer alone, then both together in both seat orders with a reason: the best that small models do.

Alone, a small model tells right from wrong well but knows no second answer; together it sees the difference but
leans to a seat. The log-odds of both readings add up.
"""

from __future__ import annotations

from collections.abc import Mapping

from arena.backends import Completion, Prompt, open_chat
from arena.battles.judges.chat_bench import Manner, Verdict
from arena.battles.judges.game import Game
from arena.battles.judges.preference import PairBench
from arena.battles.judges.probability import ALTERNATIVES, odds, score, share
from arena.battles.judges.prompt import ALONE, fill
from arena.battles.judges.strict import Unreadable
from arena.records import Contender, Judge, Outcome, Response, Sampling

FIRST_WORD = Sampling(temperature=0.0, top_p=1.0, max_tokens=1, seed=0)


class WeighedBench(PairBench):
    """Keeps what it read of an answer alone for every pair in which the answer stands."""

    def __init__(self, judge: Judge, models: Mapping[str, Contender]) -> None:
        manner = Manner(_never, None, ALTERNATIVES, max_tokens=1)
        super().__init__(judge, open_chat(models[judge.contender]), manner)
        self._alone: dict[str, float | str] = {}
        """Response -> log-odds that it is right, or why they could not be read."""

    def _prepare(self, games: list[Game]) -> None:
        wanted = {
            answer.id: (game, answer)
            for game in games
            for answer in _both(game)
            if not isinstance(self._alone.get(answer.id), float)
        }
        prompt = str(self._judge.settings[ALONE])
        prompts = (
            Prompt(key, fill(prompt, game.instruction, answer, None), FIRST_WORD, None, ALTERNATIVES)
            for key, (game, answer) in wanted.items()
        )
        for completion in self._chat.complete(prompts):
            self._alone[completion.key] = _odds_alone(completion)

    def _read(self, game: Game, completion: Completion) -> Verdict:
        first, second = (self._alone.get(answer.id, "it was not read") for answer in _both(game))
        if isinstance(first, str) or isinstance(second, str):
            why = first if isinstance(first, str) else second
            raise Unreadable(f"an answer could not be read alone: {why}")
        return weigh(first, second, odds(completion, "A", "B"))


def weigh(first: float, second: float, together: float) -> Verdict:
    """Scores from the log-odds that each answer is right and that the first is the better one.

    The first wins when first - second + together > 0, to the tenth of a point that is kept.
    """
    scores = score(first + together / 2), score(second - together / 2)
    alone = f"alone {score(first):.1f} and {score(second):.1f}"
    return Verdict(
        round(scores[0], 1), round(scores[1], 1), f"[{alone}, P(first is better) = {share(together):.2f}]"
    )


def _both(game: Game) -> tuple[Response, Response]:
    assert game.second, "a pair has two answers"
    return game.first, game.second


def _odds_alone(completion: Completion) -> float | str:
    if completion.outcome not in {Outcome.OK, Outcome.TRUNCATED}:
        return completion.error or str(completion.outcome)
    try:
        return odds(completion, "Yes", "No")
    except Unreadable as error:
        return str(error)


def _never(_completion: Completion) -> Verdict:
    raise AssertionError("a weighed pair is read together with its game")


def open_bench(judge: Judge, models: Mapping[str, Contender]) -> WeighedBench:
    return WeighedBench(judge, models)
