"""A bench whose judge is a language model: ask, read strictly, ask once more when unreadable."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from arena.backends import Chat, Completion, Message, Prompt, open_chat
from arena.battles.judges.game import Game
from arena.battles.judges.prompt import fill
from arena.battles.judges.strict import Shape, Unreadable, schema
from arena.records import Contender, Json, Judge, Judgement, Outcome, Sampling

REPAIR = (
    "That was not of the agreed form. Reply with the JSON object only, with exactly the fields asked for."
)


@dataclass(frozen=True)
class Verdict:
    """What a judge's words mean."""

    score_first: float
    score_second: float | None
    explanation: str = ""


@dataclass(frozen=True)
class Manner:
    """How a kind asks and reads."""

    read: Callable[[Completion], Verdict]
    """Raises Unreadable."""
    shape: Shape | None = None
    """Fields of the JSON object asked for, in their order; None where a word is asked for."""
    logprobs: int = 0
    max_tokens: int = 160
    longest: int = 80
    """Characters of the explanation; on 2 cores a token of them costs 60 ms."""


class ChatBench:
    """Plays games by asking its chat."""

    def __init__(self, judge: Judge, chat: Chat, manner: Manner) -> None:
        self._judge, self._chat, self._manner = judge, chat, manner
        longest = whole(judge.settings.get("longest"), manner.longest)
        self._schema = schema(manner.shape, longest) if manner.shape else None
        tokens = whole(judge.settings.get("max_tokens"), manner.max_tokens)
        self._sampling = Sampling(temperature=0.0, top_p=1.0, max_tokens=tokens, seed=0)

    def play(self, games: Iterable[Game]) -> Iterator[Judgement]:
        asked: dict[str, Game] = {}

        def prompts() -> Iterator[Prompt]:
            for game in games:
                key = game.key(self._judge)
                asked[key] = game
                yield self._prompt(key, self._messages(game))

        broken: list[tuple[Game, Judgement]] = []
        for completion in self._chat.complete(prompts()):
            game = asked.pop(completion.key)
            judgement = self._judgement(game, completion)
            if judgement.outcome is Outcome.UNREADABLE:
                broken.append((game, judgement))
            yield judgement
        if broken and not self._manner.logprobs:
            yield from self._repair(broken)

    def _repair(self, broken: list[tuple[Game, Judgement]]) -> Iterator[Judgement]:
        """One more try; what it cost is added to the first one's."""
        first_tries = {judgement.id: (game, judgement) for game, judgement in broken}

        def prompts() -> Iterator[Prompt]:
            for game, judgement in broken:
                again = (
                    *self._messages(game),
                    Message("assistant", judgement.raw or "(nothing)"),
                    Message("user", REPAIR),
                )
                yield self._prompt(judgement.id, again)

        for completion in self._chat.complete(prompts()):
            game, before = first_tries[completion.key]
            now = self._judgement(game, completion)
            if now.outcome not in {Outcome.OK, Outcome.UNREADABLE}:
                continue  # the first try's record stands
            yield dataclasses.replace(
                now,
                tokens_in=now.tokens_in + before.tokens_in,
                tokens_out=now.tokens_out + before.tokens_out,
                seconds=now.seconds + before.seconds,
            )

    def _messages(self, game: Game) -> tuple[Message, ...]:
        return fill(self._judge.prompt, game.instruction, game.first, game.second)

    def _read(self, _game: Game, completion: Completion) -> Verdict:
        """What the completion means; raises Unreadable."""
        return self._manner.read(completion)

    def _prompt(self, key: str, messages: tuple[Message, ...]) -> Prompt:
        return Prompt(key, messages, self._sampling, self._schema, self._manner.logprobs)

    def _judgement(self, game: Game, completion: Completion) -> Judgement:
        outcome, why, verdict = completion.outcome, completion.error, None
        cut_is_fine = bool(self._manner.logprobs)  # one token is all we ask for then
        if outcome is Outcome.OK or (cut_is_fine and outcome is Outcome.TRUNCATED):
            try:
                verdict, outcome = self._read(game, completion), Outcome.OK
            except Unreadable as error:
                outcome, why = Outcome.UNREADABLE, str(error)
        elif outcome in {Outcome.TRUNCATED, Outcome.EMPTY}:
            outcome, why = Outcome.UNREADABLE, f"the judge's reply was {completion.outcome}"
        return Judgement(
            id=game.key(self._judge),
            judge=self._judge.name,
            prompt_hash=self._judge.prompt_hash,
            instruction=game.instruction.id,
            first=game.first.id,
            second=game.second.id if game.second else "",
            score_first=verdict.score_first if verdict else None,
            score_second=verdict.score_second if verdict else None,
            explanation=verdict.explanation if verdict else why,
            outcome=outcome,
            raw=completion.text,
            tokens_in=completion.tokens_in,
            tokens_out=completion.tokens_out,
            seconds=completion.seconds,
        )

    def close(self) -> None:
        self._chat.close()

    def __enter__(self) -> ChatBench:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_chat_bench(judge: Judge, models: Mapping[str, Contender], manner: Manner) -> ChatBench:
    """The bench with its model loaded or connected."""
    return ChatBench(judge, open_chat(models[judge.contender]), manner)


def whole(value: Json, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
