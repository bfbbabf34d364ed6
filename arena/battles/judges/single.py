"""MT-Bench's single-answer grading: each answer alone, 1 to 10, with the reference where there is one."""

from __future__ import annotations

from collections.abc import Mapping

from arena.backends import Completion
from arena.battles.judges.chat_bench import ChatBench, Manner, Verdict, open_chat_bench
from arena.battles.judges.strict import Shape, read
from arena.records import Contender, Judge

SHAPE: Shape = {"explanation": None, "score": (1, 10)}


def verdict(completion: Completion) -> Verdict:
    found = read(completion.text, SHAPE)
    return Verdict(found.numbers["score"], None, found.texts["explanation"])


def open_bench(judge: Judge, models: Mapping[str, Contender]) -> ChatBench:
    return open_chat_bench(judge, models, Manner(verdict, SHAPE))
