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
    value = odds(completion, "Yes", "No")
    return Verdict(score(value), None, f"P(yes) = {share(value):.3f}, log-odds {value:+.2f}")


def odds(completion: Completion, one: str, other: str) -> float:
    """Log-odds of one first word against another.

    Raises:
        Unreadable: neither is among the likeliest.
    """
    masses = [mass(completion.logprobs, word.lower()) for word in (one, other)]
    if masses == [0.0, 0.0]:
        raise Unreadable(f"neither {one} nor {other} is among the likeliest first words")
    return math.log(max(masses[0], 1e-9)) - math.log(max(masses[1], 1e-9))


def share(value: float) -> float:
    """Probability of the first word among the two, from their log-odds."""
    return 1 / (1 + math.exp(-value))


def score(value: float) -> float:
    """Log-odds on the scale from 1 to 10."""
    return 5.5 + 4.5 * math.tanh(value / SPREAD)


def mass(logprobs: Mapping[str, float], word: str) -> float:
    """Probability of all spellings of a word: 'Yes', ' yes', 'YES'."""
    return sum(math.exp(value) for token, value in logprobs.items() if token.strip().lower() == word)


def open_bench(judge: Judge, models: Mapping[str, Contender]) -> ChatBench:
    return open_chat_bench(judge, models, Manner(verdict, None, ALTERNATIVES, max_tokens=1))
