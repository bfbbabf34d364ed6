"""One call for judgement, and the seam every kind of judge fills."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from arena.battles.judges import JUDGES
from arena.records import BadInput, Contender, Instruction, Judge, Judgement, Response

POINTWISE = ("single", "probability", "reward", "code")
"""These grade one answer at a time: n grades instead of n (n - 1) games, and no seats."""
NEEDS_MODEL = ("scores", "verdict", "single", "probability", "preference", "weighed", "reward")
NEEDS_PROMPT = ("scores", "verdict", "single", "probability", "preference", "weighed")


@dataclass(frozen=True)
class Game:
    """One seat order of one pair; `second` is None where one answer is graded alone."""

    instruction: Instruction
    first: Response
    second: Response | None = None

    def key(self, judge: Judge) -> str:
        second = self.second.id if self.second else ""
        return Judgement.key(judge.name, judge.prompt_hash, self.first.id, second)


class Bench(Protocol):
    """A judge at work. Use as a context manager."""

    def play(self, games: Iterable[Game]) -> Iterator[Judgement]:
        """Judge each game, yielding as they finish, in any order.

        A game may come out twice: first as unreadable, then repaired. Games are drawn lazily.
        """
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Bench: ...

    def __exit__(self, *exc: object) -> None: ...


def open_bench(judge: Judge, models: Mapping[str, Contender]) -> Bench:
    """The judge, ready to play.

    Args:
        models: contenders by name; must hold the ones the judge names.

    Raises:
        BadInput: no such kind, or its model is not known.
        BackendError: the model cannot be loaded or reached.
    """
    if judge.kind not in JUDGES:
        raise BadInput(
            f"Judge {judge.name!r} is of the kind {judge.kind!r}; choose one of {', '.join(JUDGES)}."
        )
    if judge.kind in NEEDS_MODEL and judge.contender not in models:
        raise BadInput(f"Judge {judge.name!r} needs the contender {judge.contender!r}; add it first.")
    module, name = JUDGES[judge.kind].split(":")
    opener = cast("Callable[[Judge, Mapping[str, Contender]], Bench]", getattr(import_module(module), name))
    return opener(judge, models)
