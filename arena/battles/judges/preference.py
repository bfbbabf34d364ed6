"""Reads the probability of A against B as the better answer, then asks why, in both seat orders.

A small model leans to a seat; over both orders the lean, which adds to the log-odds, cancels out. The scores come
from the first word alone: the reason is asked for afterwards and cannot change them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from arena.backends import Completion, Message, Prompt, open_chat
from arena.battles.judges.chat_bench import ChatBench, Manner, Verdict, whole
from arena.battles.judges.game import Game
from arena.battles.judges.probability import ALTERNATIVES, odds, share
from arena.records import Contender, Judge, Judgement, Outcome, Sampling

SPREAD = 1.0
"""The scores are 5.5 +- 4.5 tanh(log-odds / SPREAD), to a tenth: the odds of a 1.5B model seldom leave -0.5 to 0.5,
those of a strong one fill the scale."""
TOGETHER = 4
"""Games at once, since a game is more than one call: so many are asked again after a kill at most. A setting."""
WHY = "In one short sentence: what makes answer {letter} the better one?"
REASON = Sampling(temperature=0.0, top_p=1.0, max_tokens=28, seed=0)


class PairBench(ChatBench):
    """Plays each game by a letter, then has the verdict explained."""

    def play(self, games: Iterable[Game]) -> Iterator[Judgement]:
        """The setting {"explain": false} leaves the reasons out, at half the time."""
        source = iter(games)
        count = max(1, whole(self._judge.settings.get("together"), TOGETHER))
        explain = self._judge.settings.get("explain") is not False
        while some := {game.key(self._judge): game for game in islice(source, count)}:
            self._prepare(list(some.values()))
            clear = []
            for judgement in super().play(some.values()):
                if explain and judgement.outcome is Outcome.OK:
                    clear.append(judgement)
                else:
                    yield judgement
            yield from self._explained(clear, some)

    def _prepare(self, _games: list[Game]) -> None:
        """What has to be known before the letters are asked for."""

    def _explained(self, judgements: list[Judgement], games: Mapping[str, Game]) -> Iterator[Judgement]:
        """The judgements with reasons; one that is not given leaves the judgement as it is."""
        waiting = {judgement.id: judgement for judgement in judgements}

        def prompts() -> Iterator[Prompt]:
            for key, judgement in waiting.items():
                letter = "A" if (judgement.score_first or 0) >= (judgement.score_second or 0) else "B"
                # The same words come first as for the letter, so a server that keeps prefixes reads them once.
                said = (Message("assistant", letter), Message("user", WHY.format(letter=letter)))
                yield Prompt(key, (*self._messages(games[key]), *said), REASON)

        for completion in self._chat.complete(prompts()):
            before = waiting[completion.key]
            yield dataclasses.replace(
                before,
                explanation=f"{reason(completion.text)} {before.explanation}".strip(),
                tokens_in=before.tokens_in + completion.tokens_in,
                tokens_out=before.tokens_out + completion.tokens_out,
                seconds=before.seconds + completion.seconds,
            )


def verdict(completion: Completion) -> Verdict:
    value = odds(completion, "A", "B")
    lead = round(4.5 * math.tanh(value / SPREAD), 1)
    return Verdict(5.5 + lead, 5.5 - lead, f"[P(first is better) = {share(value):.2f}]")


def reason(text: str) -> str:
    """One line; a sentence that the limit of tokens cut off ends in an ellipsis."""
    said = " ".join(text.split())
    return said if not said or said.endswith((".", "!", "?")) else f"{said} ..."


def open_bench(judge: Judge, models: Mapping[str, Contender]) -> PairBench:
    return PairBench(
        judge, open_chat(models[judge.contender]), Manner(verdict, None, ALTERNATIVES, max_tokens=1)
    )
