"""A bench whose judge is a function of the answers: code, a reward model, several judges together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from arena.battles.judges.chat_bench import Verdict
from arena.battles.judges.game import Game
from arena.records import Judge, Judgement


class PlainBench:
    """Plays games by calling a function."""

    def __init__(self, judge: Judge, decide: Callable[[Game], Verdict]) -> None:
        self._judge, self._decide = judge, decide

    def play(self, games: Iterable[Game]) -> Iterator[Judgement]:
        for game in games:
            start = time.monotonic()
            verdict = self._decide(game)
            yield Judgement(
                id=game.key(self._judge),
                judge=self._judge.name,
                prompt_hash=self._judge.prompt_hash,
                instruction=game.instruction.id,
                first=game.first.id,
                second=game.second.id if game.second else "",
                score_first=verdict.score_first,
                score_second=verdict.score_second,
                explanation=verdict.explanation,
                seconds=time.monotonic() - start,
            )

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> PlainBench:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
