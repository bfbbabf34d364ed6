"""What the battles and inspect pages ask: filters, facets, windows, panels, one battle with everything."""

from __future__ import annotations

import datetime as dt
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import polars as pl

from arena.battles.searches import SEARCH_SECONDS, searched, stopping
from arena.records import BadInput, Battle, Contender, Instruction, Judgement, Response, Vote
from arena.store import Store

MOST_EXPORTED = 50_000
KEPT_ORDERS = 12
DAY = 86_400
"""Seconds."""
TOP = 200
"""Rows at the head of a list that come without its whole order."""

SORTS = {
    "newest": "made_at DESC, battle.rowid",
    "oldest": "made_at, battle.rowid",
    "widest gap": "abs(margin) DESC NULLS LAST, made_at DESC, battle.rowid",
    "closest": "abs(margin) NULLS LAST, made_at DESC, battle.rowid",
    "instruction": "instruction, battle.rowid",
}
"""Menu word -> ORDER BY. Row numbers break ties: ids cost three times as much at a million battles."""

GAPS = {"0-1": (0, 1), "1-2": (1, 2), "2-4": (2, 4), "4 and more": (4, 99)}
"""Menu word -> score gap, from below to below."""

COLUMNS = ("winner", "category", "language", "judge", "run", "source")
"""Facets that are a column of the battle."""

FLAGS = {
    "flipped": "battle.flipped",
    "unreadable": "(battle.response_a IN (SELECT first FROM judgement WHERE outcome = 'unreadable') "
    "OR battle.response_b IN (SELECT first FROM judgement WHERE outcome = 'unreadable'))",
    "unvoted": "battle.id NOT IN (SELECT battle FROM vote)",
    "disputed": "battle.id IN (SELECT v.battle FROM vote v JOIN battle j ON j.id = v.battle "
    "WHERE replace(v.winner, 'both_bad', 'tie') <> j.winner)",
}
"""Facets that hold or not: flipped when seats were swapped; a game was unreadable; nobody voted; people disagree."""


FOUND = (
    "(instruction IN (SELECT id FROM found) OR response_a IN (SELECT id FROM found) "
    "OR response_b IN (SELECT id FROM found))"
)
"""Battles whose instruction or answers hold the searched text: `found` holds the ids of those texts."""


@dataclass(frozen=True)
class Filter:
    """Which battles, in the words of the address; empty words choose all."""

    pair: str = ""
    """Two names joined by ' vs '."""
    contender: str = ""
    testset: str = ""
    category: str = ""
    language: str = ""
    winner: str = ""
    judge: str = ""
    run: str = ""
    round: str = ""
    source: str = ""
    """Judged, live and imported ones when empty; people's votes only when asked for."""
    since: str = ""
    """A day in UTC, e.g. 2026-11-23: battles of it and later ones."""
    until: str = ""
    """A day in UTC: battles of it and earlier ones."""
    gap: str = ""
    score: str = ""
    """Side and rounded score, e.g. "A 8"."""
    theme: str = ""
    """Word stems, of which an explanation of the battle's judge holds one (`themes.Theme.stems`)."""
    flipped: str = ""
    unreadable: str = ""
    unvoted: str = ""
    disputed: str = ""
    instruction: str = ""
    text: str = ""
    """Searched in instructions and answers."""
    sort: str = "newest"

    @staticmethod
    def of(words: Mapping[str, object]) -> Filter:
        """The filter of an address; unknown words are ignored.

        Raises:
            BadInput: a sort, gap or score that is none.
        """
        names = {f.name for f in fields(Filter)}
        chosen = Filter(**{k: str(v)[:400] for k, v in words.items() if k in names and v})
        if chosen.sort not in SORTS:
            raise BadInput(f"There is no order {chosen.sort!r}; choose from {', '.join(SORTS)}.")
        if chosen.gap and chosen.gap not in GAPS:
            raise BadInput(f"There is no score gap {chosen.gap!r}; choose from {', '.join(GAPS)}.")
        if chosen.score and not re.fullmatch(r"[AB] ([1-9]|10)", chosen.score):
            raise BadInput(f"There is no score {chosen.score!r}; write a side and a score, e.g. A 8.")
        for text in (chosen.since, chosen.until):
            _day(text)
        return chosen

    def where(self, without: str = "") -> tuple[str, list[object]]:
        """SQL condition over `battle` and its parameters, leaving one facet out."""
        parts: list[str] = []
        params: list[object] = []

        def add(name: str, condition: str, *values: object) -> None:
            if name != without and getattr(self, name):
                parts.append(condition)
                params.extend(values)

        left, _, right = self.pair.partition(" vs ")
        add("pair", "contender_a = ? AND contender_b = ?", left, right)
        add("contender", "(contender_a = ? OR contender_b = ?)", self.contender, self.contender)
        add("testset", "instruction IN (SELECT instruction FROM pick WHERE testset = ?)", self.testset)
        for name in COLUMNS:
            add(name, f"battle.{name} = ?", getattr(self, name))
        if not self.source and without != "source":
            parts.append("battle.source <> 'vote'")
        add("round", "run IN (SELECT run FROM round WHERE name = ?)", self.round)
        add("since", "made_at >= ?", _day(self.since))
        add("until", "made_at < ?", _day(self.until) + DAY)
        low, high = GAPS.get(self.gap, (0, 0))
        add("gap", "abs(margin) >= ? AND abs(margin) < ?", low, high)
        side, _, score = self.score.partition(" ")
        add("score", f"round(score_{'b' if side == 'B' else 'a'}) = ?", int(score or 0))
        add("theme", "battle.id IN (SELECT id FROM themed)")
        for name, condition in FLAGS.items():
            add(name, condition)
        add("instruction", "instruction = ?", self.instruction)
        add("text", FOUND)
        return " AND ".join(parts) or "true", params


def _day(text: str) -> float:
    """Seconds from 1970 to the start of a day in UTC; 0 for no text."""
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC).timestamp() if text else 0.0
    except ValueError:
        raise BadInput(f"{text!r} is no day; write it as 2026-11-23.") from None


@dataclass(frozen=True)
class Detail:
    """One battle with everything that hangs on it."""

    battle: Battle
    instruction: Instruction
    response_a: Response | None
    response_b: Response | None
    games: list[Judgement]
    """Of these two answers, by any judge."""
    siblings: list[Battle]
    """All battles on this instruction, itself too."""
    votes: list[Vote]
    contender_a: Contender | None
    contender_b: Contender | None
    answered: list[str]
    """Every contender that answered this instruction."""


_orders: WeakKeyDictionary[Store, OrderedDict[tuple[Filter, int], np.ndarray[Any, Any]]] = WeakKeyDictionary()
"""Store -> row ids in order for the latest filters (8 bytes a battle), dropped when the store moves."""


def select(store: Store, chosen: Filter, what: str, tail: str = "", without: str = "") -> pl.DataFrame:
    where, params = chosen.where(without)
    return ask(store, chosen, f"SELECT {what} FROM battle WHERE {where} {tail}", params)


def ask(store: Store, chosen: Filter, sql: str, params: list[object]) -> pl.DataFrame:
    """A query that holds the filter's condition."""
    return store.query(sql, params, SEARCH_SECONDS, searched(store, chosen), stop=stopping.get())


def order_of(store: Store, chosen: Filter) -> np.ndarray[Any, Any]:
    """Row ids of the filter's battles in its order. The first call sorts, the others are free."""
    kept = _orders.setdefault(store, OrderedDict())
    key = (chosen, store.version)
    if key not in kept:
        for old in [k for k in kept if k[1] != store.version]:
            kept.pop(old, None)
        frame = select(store, chosen, "battle.rowid AS row", f"ORDER BY {SORTS[chosen.sort]}")
        kept[key] = frame["row"].to_numpy()
        while len(kept) > KEPT_ORDERS:
            kept.popitem(last=False)
    return kept[key]


def window(store: Store, chosen: Filter, offset: int, limit: int) -> tuple[int, pl.DataFrame]:
    """How many battles there are, and some of them for a list: texts are cut to a line."""
    total, rows = _rows(store, chosen, offset, limit)
    if not rows:
        return total, pl.DataFrame()
    marks = ", ".join("?" * len(rows))
    frame = store.query(
        f"SELECT b.rowid AS row, b.id, left(i.turns[len(i.turns)], 240) AS question, b.category, b.contender_a, "
        "b.contender_b, b.winner, b.score_a, b.score_b, b.flipped, b.judge, b.source, b.recorded, "
        "b.id IN (SELECT battle FROM vote) AS voted "
        f"FROM (SELECT rowid, * FROM battle WHERE rowid IN ({marks})) b "
        "LEFT JOIN instruction i ON i.id = b.instruction",
        rows,
    )
    place = pl.DataFrame({"row": rows, "place": range(len(rows))})
    return total, frame.join(place, on="row").sort("place")


def _rows(store: Store, chosen: Filter, offset: int, limit: int) -> tuple[int, list[int]]:
    """How many battles, and the row ids of a window. The top of a list that nobody has walked yet is found
    without sorting the rest."""
    if offset + limit > TOP or (chosen, store.version) in _orders.get(store, {}):
        order = order_of(store, chosen)
        return len(order), [int(row) for row in order[offset : offset + limit]]
    total = int(select(store, chosen, "count(*) AS n").item())
    tail = f"ORDER BY {SORTS[chosen.sort]} LIMIT {limit} OFFSET {offset}"
    return total, [int(row) for row in select(store, chosen, "battle.rowid AS row", tail)["row"]]


def neighbours(store: Store, chosen: Filter, battle: str) -> tuple[int, int, str, str]:
    """Place (from 0; -1 outside the filter), how many, and the ids before and after ('' at the ends)."""
    order = order_of(store, chosen)
    row = store.query("SELECT rowid FROM battle WHERE id = ?", [battle])
    found = np.flatnonzero(order == row.item()) if row.height else np.array([])
    if not len(found):
        return -1, len(order), "", ""
    place = int(found[0])
    near = [int(order[p]) for p in (place - 1, place + 1) if 0 <= p < len(order)]
    ids: dict[int, str] = {}
    if near:
        marks = ", ".join("?" * len(near))
        ids = dict(store.query(f"SELECT rowid, id FROM battle WHERE rowid IN ({marks})", near).iter_rows())
    before = ids.get(int(order[place - 1]), "") if place else ""
    after = ids.get(int(order[place + 1]), "") if place + 1 < len(order) else ""
    return place, len(order), before, after


def detail(store: Store, battle_id: str) -> Detail:
    """The battle and what hangs on it.

    Raises:
        BadInput: there is no such battle.
    """
    battle = store.get(Battle, battle_id)
    if battle is None:
        raise BadInput(f"There is no battle {battle_id!r} in this arena; the link may come from another one.")
    instruction = store.get(Instruction, battle.instruction)
    pair = [battle.response_a, battle.response_b]
    return Detail(
        battle,
        instruction or Instruction(battle.instruction, ("(the instruction is not in this arena)",)),
        store.get(Response, battle.response_a),
        store.get(Response, battle.response_b),
        store.load(
            Judgement,
            "rowid IN (SELECT rowid FROM judgement WHERE instruction = ? AND first IN (?, ?) "
            "AND second IN (?, ?, ''))",
            [battle.instruction, *pair, *pair],
            order="judge, made_at",
        ),
        store.load(
            Battle,
            "instruction = ?",
            [battle.instruction],
            order="contender_a, contender_b LIMIT 600",
        ),
        store.load(Vote, "battle = ?", [battle_id], order="made_at"),
        store.get(Contender, battle.contender_a),
        store.get(Contender, battle.contender_b),
        answered(store, battle.instruction),
    )


def answered(store: Store, instruction: str) -> list[str]:
    """Contenders that answered the instruction, by name."""
    found = store.query(
        "SELECT DISTINCT contender FROM response WHERE instruction = ? ORDER BY 1 LIMIT 200", [instruction]
    )
    return [str(name) for name in found["contender"]]


def between(store: Store, instruction: str, left: str, right: str) -> str:
    """The newest battle of two contenders on one instruction, whichever way round; '' when none."""
    frame = store.query(
        "SELECT id FROM battle WHERE instruction = ? AND ((contender_a = ? AND contender_b = ?) "
        "OR (contender_a = ? AND contender_b = ?)) ORDER BY source = 'vote', made_at DESC LIMIT 1",
        [instruction, left, right, right, left],
    )
    return str(frame.item()) if frame.height else ""
