"""Reads the probability of A against B as the better answer, one token a game, both seat orders.

A small model leans to a seat; over both orders the lean, which adds to the log-odds, cancels out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from arena.backends import Completion
from arena.battles.judges.chat_bench import ChatBench, Manner, Verdict, open_chat_bench
from arena.battles.judges.probability import ALTERNATIVES, mass
from arena.battles.judges.strict import Unreadable
from arena.records import Contender, Judge

SPREAD = 4.0
"""The scores are 5.5 +- 4.5 tanh(log-odds / SPREAD)."""


def verdict(completion: Completion) -> Verdict:
    first, second = (mass(completion.logprobs, letter) for letter in ("a", "b"))
    if first == second == 0.0:
        raise Unreadable("neither A nor B is among the likeliest first words")
    odds = math.log(max(first, 1e-9)) - math.log(max(second, 1e-9))
    lead = 4.5 * math.tanh(odds / SPREAD)
    said = f"P(first is better) = {first / (first + second):.3f}, log-odds {odds:+.2f}"
    return Verdict(5.5 + lead, 5.5 - lead, said)


def open_bench(judge: Judge, models: Mapping[str, Contender]) -> ChatBench:
    return open_chat_bench(judge, models, Manner(verdict, None, ALTERNATIVES, max_tokens=1))
