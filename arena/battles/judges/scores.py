"""The paper's judge: both answers get a score from 1 to 10 and one short explanation."""

from __future__ import annotations

from collections.abc import Mapping

from arena.backends import Completion
from arena.battles.judges.chat_bench import ChatBench, Manner, Verdict, open_chat_bench
from arena.battles.judges.strict import Shape, read
from arena.records import Contender, Judge

SHAPE: Shape = {"explanation": None, "score_a": (1, 10), "score_b": (1, 10)}


def verdict(completion: Completion) -> Verdict:
    found = read(completion.text, SHAPE)
    return Verdict(found.numbers["score_a"], found.numbers["score_b"], found.texts["explanation"])


def open_bench(judge: Judge, models: Mapping[str, Contender]) -> ChatBench:
    return open_chat_bench(judge, models, Manner(verdict, SHAPE))
