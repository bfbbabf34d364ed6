"""Pictures of a filter's battles: scores, win rate by category, length, the judge's themes, what flips."""

from __future__ import annotations

import math
from dataclasses import dataclass

from arena.battles.browse import Filter, select
from arena.battles.themes import Theme, themes
from arena.store import Store

SAMPLE = 2_000
"""Battles whose explanations are read for themes, and answers for lengths: the newest of the filter."""


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
    themes: list[Theme]
    """Found in the `themes_of` newest explained battles."""
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
    said, won, asked = _explained(store, chosen)
    return Panels(
        hist["a"],
        hist["b"],
        categories,
        _lengths(store, chosen),
        themes(said, won, asked),
        _flips(store, chosen),
        len(said),
    )


def _newest(store: Store, chosen: Filter) -> str:
    """The newest `SAMPLE` battles as a subselect: by row number, which costs no scan."""
    rows = select(store, chosen, "battle.rowid AS row", f"ORDER BY made_at DESC LIMIT {SAMPLE}")["row"]
    return f"(SELECT * FROM battle WHERE rowid IN ({', '.join(map(str, rows)) or '-1'}))"


def _lengths(store: Store, chosen: Filter) -> list[Share]:
    frame = store.query(
        "SELECT CASE WHEN d < -.5 THEN 1 WHEN d < -.1 THEN 2 WHEN d <= .1 THEN 3 WHEN d <= .5 THEN 4 ELSE 5 END AS k, "
        f"count(*) AS n, {WON} FROM (SELECT b.winner, (x.tokens_out - y.tokens_out) / "
        f"greatest(1, x.tokens_out + y.tokens_out) AS d FROM {_newest(store, chosen)} b "
        "JOIN response x ON x.id = b.response_a JOIN response y ON y.id = b.response_b) GROUP BY 1 ORDER BY 1"
    )
    names = ("A much shorter", "A shorter", "about equal", "A longer", "A much longer")
    return [_share(names[int(k) - 1], int(n), float(w)) for k, n, w in frame.iter_rows()]


def _explained(store: Store, chosen: Filter) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Battle -> what its judge said in small letters, its winner, and its instruction, of the newest."""
    frame = store.query(
        "SELECT b.id, any_value(b.winner) AS winner, lower(string_agg(j.explanation, '\n')) AS said, "
        "any_value(array_to_string(i.turns, ' ')) AS asked "
        f"FROM {_newest(store, chosen)} b "
        "JOIN judgement j ON j.instruction = b.instruction AND j.judge = b.judge AND j.explanation <> '' "
        "AND j.first IN (b.response_a, b.response_b) AND j.second IN (b.response_a, b.response_b, '') "
        "LEFT JOIN instruction i ON i.id = b.instruction GROUP BY b.id"
    )
    columns = frame.to_dict(as_series=False)
    winners, said, asked = (
        dict(zip(columns["id"], map(str, columns[name]), strict=True)) for name in ("winner", "said", "asked")
    )
    return said, winners, asked


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
