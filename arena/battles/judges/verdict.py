"""Arena-Hard's judge: one of five levels, kept as scores whose difference is 6, 3 or 0."""

from __future__ import annotations

from collections.abc import Mapping

from arena.backends import Completion
from arena.battles.judges.chat_bench import ChatBench, Manner, Verdict, open_chat_bench
from arena.battles.judges.strict import Shape, read
from arena.records import Contender, Judge

LEVELS: dict[str, tuple[float, float]] = {
    "A>>B": (8.5, 2.5),
    "A>B": (7.0, 4.0),
    "A=B": (5.5, 5.5),
    "B>A": (4.0, 7.0),
    "B>>A": (2.5, 8.5),
}
"""Arena-Hard counts a clear win three times; here it is a margin twice as wide."""
SHAPE: Shape = {"explanation": None, "verdict": tuple(LEVELS)}


def verdict(completion: Completion) -> Verdict:
    found = read(completion.text, SHAPE)
    return Verdict(*LEVELS[found.texts["verdict"]], found.texts["explanation"])


def open_bench(judge: Judge, models: Mapping[str, Contender]) -> ChatBench:
    return open_chat_bench(judge, models, Manner(verdict, SHAPE))
