"""Pictures of a filter's battles: scores, win rate by category, length, the judge's themes, what flips."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from arena.battles.browse import Filter, select
from arena.store import Store

SAMPLE = 2_000
"""Explanations read for themes, and answers for lengths: the newest of the filter."""

THEMES = {
    "accuracy": r"accura|correct|factual|wrong|mistake|error|false",
    "completeness and detail": r"detail|thorough|complete|comprehensive|depth|missing|omits|incomplete",
    "clarity and structure": r"clear|clarity|structur|organi[sz]|readab|coheren|well.written|confus",
    "concision": r"concis|brief|verbose|wordy|ramble|lengthy|too long|short",
    "following the instruction": r"instruction|request|asked|relevan|on topic|off.topic|constraint|format",
    "repetition": r"repeat|repetit|redundan|loop",
    "reasoning": r"reason|logic|step.by.step|explain|justif",
    "code": r"\bcode\b|function|compil|syntax|runs?\b|bug",
    "creativity and style": r"creativ|engag|vivid|style|tone|imaginat",
    "language": r"language|translat|gramma|spelling|fluen",
    "helpfulness and safety": r"helpful|harm|safe|refus|polite",
}
"""Name -> words by which a judge's explanation is filed under it; one explanation may carry several."""


@dataclass(frozen=True)
class Share:
    """A's win rate in one slice, ties half, with Wilson's 95% interval."""

    name: str
    battles: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class Panels:
    """The pictures; `hist_a[k]` counts scores of about k + 1."""

    hist_a: list[int]
    hist_b: list[int]
    categories: list[Share]
    lengths: list[Share]
    """By how much longer A's answer is."""
    themes: list[tuple[str, int, int]]
    """Theme, explanations that carry it, and how many of those battles A won."""
    flipped: list[tuple[str, str, int, int]]
    """Instruction id, its words, flipped battles, battles."""
    themes_of: int


def wilson(wins: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval (1927) of a share."""
    if not n:
        return 0.0, 1.0
    p = wins / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _share(name: str, n: int, wins: float) -> Share:
    return Share(name, n, wins / n if n else 0.0, *wilson(wins, n))


WON = "sum(CASE winner WHEN 'A' THEN 1 WHEN 'B' THEN 0 ELSE .5 END)::DOUBLE AS won"


def panels(store: Store, chosen: Filter) -> Panels:
    """Everything beside the list, for the current filter."""
    hist = {side: [0] * 10 for side in "ab"}
    for side in "ab":
        score = f"round(score_{side})::INTEGER"
        frame = select(store, chosen, f"{score} AS k, count(*) AS n", "GROUP BY 1 HAVING k BETWEEN 1 AND 10")
        for k, n in frame.iter_rows():
            hist[side][int(k) - 1] = int(n)
    rows = select(
        store, chosen, f"category, count(*) AS n, {WON}", "GROUP BY 1 ORDER BY n DESC LIMIT 12"
    ).iter_rows()
    categories = [_share(str(c) or "(none)", int(n), float(w)) for c, n, w in rows]
    themes, read = _themes(store, chosen)
    return Panels(
        hist["a"], hist["b"], categories, _lengths(store, chosen), themes, _flips(store, chosen), read
    )


def _newest(store: Store, chosen: Filter, most: int) -> str:
    """A subselect's values: ids of the newest battles, as a quoted list."""
    ids = select(store, chosen, "id", f"ORDER BY made_at DESC LIMIT {most}")["id"].to_list()
    return ", ".join("'" + str(i).replace("'", "''") + "'" for i in ids) or "''"


def _lengths(store: Store, chosen: Filter) -> list[Share]:
    frame = store.query(
        "SELECT CASE WHEN d < -.5 THEN 1 WHEN d < -.1 THEN 2 WHEN d <= .1 THEN 3 WHEN d <= .5 THEN 4 ELSE 5 END AS k, "
        f"count(*) AS n, {WON} FROM (SELECT b.winner, (x.tokens_out - y.tokens_out) / "
        "greatest(1, x.tokens_out + y.tokens_out) AS d FROM battle b JOIN response x ON x.id = b.response_a "
        f"JOIN response y ON y.id = b.response_b WHERE b.id IN ({_newest(store, chosen, SAMPLE)})) "
        "GROUP BY 1 ORDER BY 1"
    )
    names = ("A much shorter", "A shorter", "about equal", "A longer", "A much longer")
    return [_share(names[int(k) - 1], int(n), float(w)) for k, n, w in frame.iter_rows()]


def _themes(store: Store, chosen: Filter) -> tuple[list[tuple[str, int, int]], int]:
    frame = store.query(
        "SELECT any_value(b.winner) AS winner, string_agg(j.explanation, ' ') AS said FROM battle b JOIN judgement j "
        "ON j.instruction = b.instruction AND j.judge = b.judge AND j.first IN (b.response_a, b.response_b) "
        f"AND j.second IN (b.response_a, b.response_b) WHERE b.id IN ({_newest(store, chosen, SAMPLE)}) GROUP BY b.id"
    )
    said = [(winner, text.lower()) for winner, text in frame.iter_rows() if text]
    found = []
    for name, words in THEMES.items():
        pattern = re.compile(words)
        winners = [winner for winner, text in said if pattern.search(text)]
        if winners:
            found.append((name, len(winners), winners.count("A")))
    return sorted(found, key=lambda theme: -theme[1])[:8], len(said)


def _flips(store: Store, chosen: Filter) -> list[tuple[str, str, int, int]]:
    frame = select(
        store,
        chosen,
        "instruction, count(*) FILTER (flipped) AS f, count(*) AS n",
        "GROUP BY 1 HAVING f > 0 ORDER BY f DESC, n, instruction LIMIT 8",
    )
    found = []
    for instruction, flipped, n in frame.iter_rows():
        words = store.query(
            "SELECT left(turns[len(turns)], 120) AS w FROM instruction WHERE id = ?", [instruction]
        )
        found.append((str(instruction), str(words.item()) if words.height else "", int(flipped), int(n)))
    return found
