"""The paper's judge: both answers get a score from 1 to 10, after the judge has said what a right answer is.

Asked for an explanation first, the embedded 1.5B writes that the answer in the first seat is right, whichever it
is; asked for the right answer first it compares both with that. The setting {"explain": true} adds an explanation
after the scores, which costs some 20 tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from arena.backends import Completion
from arena.battles.judges.chat_bench import ChatBench, Manner, Verdict, open_chat_bench
from arena.battles.judges.strict import Shape, read
from arena.records import Contender, Judge

SHAPE: Shape = {"right_answer": None, "score_a": (1, 10), "score_b": (1, 10)}
EXPLAINED: Shape = {**SHAPE, "explanation": None}


def verdict(completion: Completion, shape: Shape = SHAPE) -> Verdict:
    found = read(completion.text, shape)
    explanation = found.texts.get("explanation", "")
    said = f"Right would be: {found.texts['right_answer']} {explanation}".strip()
    return Verdict(found.numbers["score_a"], found.numbers["score_b"], said)


def open_bench(judge: Judge, models: Mapping[str, Contender]) -> ChatBench:
    shape = EXPLAINED if judge.settings.get("explain") is True else SHAPE
    return open_chat_bench(judge, models, Manner(partial(verdict, shape=shape), shape, longest=60))
