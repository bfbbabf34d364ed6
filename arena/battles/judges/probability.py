"""Reads the probability of Yes against No, one token an answer: good for small models, few chance ties."""

from __future__ import annotations

import math
from collections.abc import Mapping

from arena.backends import Completion
from arena.battles.judges.chat_bench import ChatBench, Manner, Verdict, open_chat_bench
from arena.battles.judges.strict import Unreadable
from arena.records import Contender, Judge

ALTERNATIVES = 20
SPREAD = 4.0
"""The score is 5.5 + 4.5 tanh(log-odds / SPREAD): small models' odds fill the scale, and big ones still differ."""


def verdict(completion: Completion) -> Verdict:
    yes, no = (mass(completion.logprobs, word) for word in ("yes", "no"))
    if yes == no == 0.0:
        raise Unreadable("neither Yes nor No is among the likeliest first words")
    odds = math.log(max(yes, 1e-9)) - math.log(max(no, 1e-9))
    score = 5.5 + 4.5 * math.tanh(odds / SPREAD)
    return Verdict(score, None, f"P(yes) = {yes / (yes + no):.3f}, log-odds {odds:+.2f}")


def mass(logprobs: Mapping[str, float], word: str) -> float:
    """Probability of all spellings of a word: 'Yes', ' yes', 'YES'."""
    return sum(math.exp(value) for token, value in logprobs.items() if token.strip().lower() == word)


def open_bench(judge: Judge, models: Mapping[str, Contender]) -> ChatBench:
    return open_chat_bench(judge, models, Manner(verdict, None, ALTERNATIVES, max_tokens=1))
