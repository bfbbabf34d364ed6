"""From raw rows to clean ones: each step on or off, with what it dropped, why, and samples of it.

The paper's order: harmful, short, same beginning, near duplicates, contamination, other languages.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from arena.records import BadInput, Instruction, Json, Settings
from arena.testsets.contamination import overlap, too_near
from arena.testsets.duplicates import near_duplicates
from arena.testsets.read import SHIPPED, Row
from arena.testsets.words import words

SAMPLES = 5
Vectors = NDArray[np.float32]


@dataclass
class Context:
    """What steps may need beside the rows."""

    benchmarks: Sequence[Instruction] = ()
    """Prompts that no clean row may be close to."""
    embed: Callable[[Sequence[Instruction]], Vectors] | None = None
    """Unit vectors of instructions; rows and benchmarks in one call."""
    languages: dict[str, str] = field(default_factory=dict)
    """Instruction id -> language that the language step found."""


Find = Callable[[Sequence[Row], Settings, Context], list[str]]
"""For each row why it is dropped, or an empty string."""


@dataclass(frozen=True)
class Step:
    title: str
    settings: Settings
    """Settings with their defaults."""
    find: Find


@dataclass(frozen=True)
class Stage:
    """What one step did."""

    step: str
    kept: int
    dropped: int
    seconds: float = 0.0
    samples: tuple[Mapping[str, Json], ...] = ()
    """Dropped rows: line, reason, text."""


@dataclass(frozen=True)
class Cleaned:
    rows: list[Row]
    funnel: list[Stage]


def _integer(settings: Settings, name: str) -> int:
    return int(str(settings[name]))


def _number(settings: Settings, name: str) -> float:
    return float(str(settings[name]))


@cache
def harmful_words() -> Mapping[str, tuple[str, ...]]:
    """Our word list: first word -> its phrases."""
    lines = (SHIPPED / "harmful_words.txt").read_text("utf-8").splitlines()
    phrases: dict[str, tuple[str, ...]] = {}
    for line in lines:
        if line.strip() and not line.startswith("#"):
            first = line.split()[0]
            phrases[first] = (*phrases.get(first, ()), line.strip())
    return phrases


def listed_phrase(text: str) -> str:
    """The first phrase of our list that a text holds as whole words, in any case, or ""."""
    phrases = harmful_words()
    found = words(text)
    begun = phrases.keys() & set(found)
    if not begun:
        return ""
    spaced = f" {' '.join(found)} "
    return next((p for first in sorted(begun) for p in phrases[first] if f" {p} " in spaced), "")


def _harmful(rows: Sequence[Row], settings: Settings, context: Context) -> list[str]:
    reasons = []
    for row in rows:
        phrase = listed_phrase(row.text)
        by_source = row.flagged and bool(settings["moderation"])
        word = f"word list: {phrase!r}" if phrase else ""
        reasons.append("marked by the source's moderation" if by_source else word)
    return reasons


def _length(rows: Sequence[Row], settings: Settings, context: Context) -> list[str]:
    low, high, unit = _integer(settings, "least"), _integer(settings, "most"), str(settings["unit"])
    sizes = [len(words(row.text)) if unit == "words" else len(row.text) for row in rows]
    return [
        f"{n:,} {unit}, fewer than {low}"
        if n < low
        else f"{n:,} {unit}, more than {high:,}"
        if n > high
        else ""
        for n in sizes
    ]


def _prefix(rows: Sequence[Row], settings: Settings, context: Context) -> list[str]:
    length, unit = _integer(settings, "length"), str(settings["unit"])
    first: dict[str, int] = {}
    reasons = []
    for row in rows:
        parts = " ".join(words(row.text)[:length]) if unit == "words" else row.text[:length].lower()
        earlier = first.setdefault(parts, row.line)
        reasons.append(f"begins like line {earlier}" if earlier != row.line else "")
    return reasons


def _duplicates(rows: Sequence[Row], settings: Settings, context: Context) -> list[str]:
    repeats = near_duplicates(
        [row.text for row in rows],
        _number(settings, "threshold"),
        _integer(settings, "permutations"),
        _integer(settings, "words"),
    )
    return [f"repeats line {rows[n].line}" if n >= 0 else "" for n in repeats.tolist()]


def _overlap(rows: Sequence[Row], settings: Settings, context: Context) -> list[str]:
    found = overlap(
        [row.text for row in rows],
        ["\n".join(b.turns) for b in context.benchmarks],
        _integer(settings, "words"),
        _number(settings, "share"),
    )
    return [_like_benchmark("shares its words with", context, n) for n in found.tolist()]


def _neighbours(rows: Sequence[Row], settings: Settings, context: Context) -> list[str]:
    if not context.benchmarks:
        return [""] * len(rows)
    assert context.embed is not None
    vectors = context.embed([*(row.instruction for row in rows), *context.benchmarks])
    found = too_near(
        vectors[: len(rows)], vectors[len(rows) :], _integer(settings, "top"), _number(settings, "cutoff")
    )
    return [_like_benchmark("is a near neighbour of", context, n) for n in found.tolist()]


def _like_benchmark(how: str, context: Context, number: int) -> str:
    if number < 0:
        return ""
    prompt = context.benchmarks[number]
    return f"{how} {prompt.source or 'a benchmark'}: {prompt.turns[0][:80]!r}"


def _language(rows: Sequence[Row], settings: Settings, context: Context) -> list[str]:
    from arena.testsets.language import detect

    wanted = str(settings["keep"])
    names = detect([row.instruction.language for row in rows], [row.text for row in rows])
    context.languages.update(
        (row.instruction.id, name) for row, name in zip(rows, names, strict=True) if name
    )
    return [f"in {name}" if name and name.lower() != wanted.lower() else "" for name in names]


STEPS: dict[str, Step] = {
    "harmful": Step("Harmful: a word list, and the source's own moderation", {"moderation": True}, _harmful),
    "length": Step("Too short or too long", {"least": 10, "most": 20_000, "unit": "characters"}, _length),
    "prefix": Step("Same beginning", {"length": 10, "unit": "words"}, _prefix),
    "duplicates": Step(
        "Near duplicates (MinHash-LSH)", {"threshold": 0.7, "permutations": 128, "words": 3}, _duplicates
    ),
    "overlap": Step("Contamination: shared words", {"words": 8, "share": 0.5}, _overlap),
    "neighbours": Step("Contamination: embedding neighbours", {"top": 5, "cutoff": 0.8}, _neighbours),
    "language": Step("Other languages (lingua)", {"keep": "English"}, _language),
}
"""Name -> cleaning step, in the paper's order; it names no units, thresholds and cutoffs: these are ours."""

USUAL = ("harmful", "length", "prefix", "duplicates", "overlap", "neighbours")
"""Steps that are on unless the user says otherwise; the paper also keeps English only."""


def settings_of(step: str, given: Json) -> Settings:
    """A step's settings with the user's changes.

    Raises:
        BadInput: no such step or setting, or a value of another kind.
    """
    if step not in STEPS:
        raise BadInput(f"There is no cleaning step {step!r}; choose among {', '.join(STEPS)}.")
    defaults = STEPS[step].settings
    changes = given if isinstance(given, Mapping) else {}
    for name, value in changes.items():
        if name not in defaults:
            raise BadInput(f"The step {step!r} has no setting {name!r}; it has {', '.join(defaults)}.")
        if isinstance(defaults[name], (int, float)) and not isinstance(value, (int, float)):
            raise BadInput(f"The setting {name!r} of {step!r} is a number, not {value!r}.")
    return {**defaults, **changes}


def clean(
    rows: list[Row],
    steps: Mapping[str, Json],
    context: Context,
    progress: Callable[[int, int, str], None] = lambda done, total, phase: None,
) -> Cleaned:
    """Apply the named steps in the menu's order; exact repeats are dropped first, always."""
    funnel = [Stage("read", len(rows), 0)]
    chosen = [name for name in STEPS if name in steps]
    for unknown in set(steps) - set(STEPS):
        settings_of(unknown, None)
    rows = _apply(rows, "exact repeats", _exact, funnel)
    for number, name in enumerate(chosen):
        progress(number, len(chosen), f"clean: {name}")
        settings = settings_of(name, steps[name])
        rows = _apply(rows, name, lambda r, n=name, s=settings: STEPS[n].find(r, s, context), funnel)  # type: ignore[misc]  # defaults bind the loop's values
    progress(len(chosen), len(chosen), "clean")
    named = [_with_language(row, context.languages.get(row.instruction.id, "")) for row in rows]
    return Cleaned(named, funnel)


def _exact(rows: Sequence[Row]) -> list[str]:
    first: dict[str, Row] = {}
    found = [first.setdefault(row.instruction.id, row) for row in rows]
    return ["" if f is row else f"is line {f.line} again" for row, f in zip(rows, found, strict=True)]


def _with_language(row: Row, language: str) -> Row:
    if not language or row.instruction.language:
        return row
    return dataclasses.replace(row, instruction=dataclasses.replace(row.instruction, language=language))


def _apply(
    rows: list[Row], name: str, find: Callable[[list[Row]], list[str]], funnel: list[Stage]
) -> list[Row]:
    start = time.perf_counter()
    reasons = find(rows) if rows else []
    kept = [row for row, reason in zip(rows, reasons, strict=True) if not reason]
    dropped = [(row, reason) for row, reason in zip(rows, reasons, strict=True) if reason]
    samples: tuple[Mapping[str, Json], ...] = tuple(
        {"line": row.line, "reason": reason, "text": row.text[:200]} for row, reason in _spread(dropped)
    )
    funnel.append(Stage(name, len(kept), len(dropped), round(time.perf_counter() - start, 3), samples))
    return kept


def _spread(dropped: list[tuple[Row, str]]) -> list[tuple[Row, str]]:
    """A few of them from beginning to end."""
    return dropped[:: max(1, len(dropped) // SAMPLES)][:SAMPLES]
