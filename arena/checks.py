"""Answers that code can verify: what `Instruction.check` may ask, and whether an answer meets it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from arena.records import BadInput, Settings

BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+\S")


def _is_json(answer: str) -> bool:
    """One JSON object or list, alone or in one code fence."""
    text = answer.strip()
    fenced = re.fullmatch(r"```(?:json)?\s*(.*?)\s*```", text, re.DOTALL)
    try:
        return isinstance(json.loads(fenced.group(1) if fenced else text), (dict, list))
    except ValueError:
        return False


def _is_uppercase(answer: str) -> bool:
    return any(c.isalpha() for c in answer) and answer == answer.upper()


def _has_at_most_words(answer: str, n: int) -> bool:
    return 0 < len(answer.split()) <= n


def _ends_with(answer: str, text: str) -> bool:
    """The answer ends in these very words; white space and a final stop do not count."""
    return answer.strip().rstrip(".").endswith(text.rstrip("."))


def _has_bullets(answer: str, n: int) -> bool:
    """Every line that is not empty is a bullet, and there are n."""
    lines = [line for line in answer.splitlines() if line.strip()]
    return len(lines) == n and all(BULLET.match(line) for line in lines)


def _contains(answer: str, text: str) -> bool:
    """One of the known answers, separated by "|", occurs as a whole word, whatever its case."""
    known = "|".join(map(re.escape, text.split("|")))
    return re.search(rf"(?<!\w)(?:{known})(?!\w)", answer, re.IGNORECASE) is not None


CHECKS: dict[str, Callable[[str, Settings], bool]] = {
    "uppercase": lambda answer, _: _is_uppercase(answer),
    "json": lambda answer, _: _is_json(answer),
    "max_words": lambda answer, check: _has_at_most_words(answer, int(str(check["n"]))),
    "ends_with": lambda answer, check: _ends_with(answer, str(check["text"])),
    "bullets": lambda answer, check: _has_bullets(answer, int(str(check["n"]))),
    "contains": lambda answer, check: _contains(answer, str(check["text"])),
}
"""Kind -> (answer, check) -> whether the answer does what was asked."""


def passes(check: Settings, answer: str) -> bool:
    """Whether the answer meets the instruction's check.

    Raises:
        BadInput: an unknown kind, or one whose figure is missing.
    """
    kind = str(check.get("kind", ""))
    if kind not in CHECKS:
        raise BadInput(f"No check of the kind {kind!r}; choose one of {', '.join(CHECKS)}.")
    try:
        return CHECKS[kind](answer, check)
    except (KeyError, ValueError) as error:
        raise BadInput(f"The check {dict(check)} lacks its figure or text: {error}.") from error
