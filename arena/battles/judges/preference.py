"""Reads the probability of A against B as the better answer, then the reason the judge gives, in both seat orders.

A small model leans to a seat; over both orders the lean, which adds to the log-odds, cancels out. The scores come
from the first word alone: what is written after it explains them and cannot change them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from arena.backends import Completion
from arena.battles.judges.chat_bench import ChatBench, Manner, Verdict, open_chat_bench
from arena.battles.judges.probability import ALTERNATIVES, mass
from arena.battles.judges.strict import Unreadable
from arena.records import Contender, Judge

SPREAD = 1.0
"""The scores are 5.5 +- 4.5 tanh(log-odds / SPREAD), to a tenth: the odds of a 1.5B model seldom leave -0.5 to 0.5,
those of a strong one fill the scale."""
REASON_TOKENS = 48
LETTER = re.compile(r"\s*\**(?:Answer |Assistant )?[AB]\b[\s.:,*)-]*", re.IGNORECASE)


def verdict(completion: Completion) -> Verdict:
    first, second = (mass(completion.logprobs, letter) for letter in ("a", "b"))
    if first == second == 0.0:
        raise Unreadable("neither A nor B is among the likeliest first words")
    odds = math.log(max(first, 1e-9)) - math.log(max(second, 1e-9))
    lead = round(4.5 * math.tanh(odds / SPREAD), 1)
    said = f"{reason(completion.text)} [P(first is better) = {first / (first + second):.2f}]"
    return Verdict(5.5 + lead, 5.5 - lead, said.strip())


def reason(text: str) -> str:
    """What stands after the letter; a sentence that the limit of tokens cut off ends in an ellipsis."""
    said = " ".join(LETTER.sub("", text, count=1).split())
    return said if not said or said.endswith((".", "!", "?")) else f"{said} ..."


def open_bench(judge: Judge, models: Mapping[str, Contender]) -> ChatBench:
    """The setting {"explain": false} asks for the letter alone, at half the time."""
    tokens = 1 if judge.settings.get("explain") is False else REASON_TOKENS
    return open_chat_bench(judge, models, Manner(verdict, None, ALTERNATIVES, max_tokens=tokens))
