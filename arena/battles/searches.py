"""Free-text searches: each reads the texts once, is capped in time and finds, and can be stopped."""

from __future__ import annotations

from collections import OrderedDict
from contextvars import ContextVar
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import polars as pl

from arena.battles.themes import pattern
from arena.store import Stop, Store

if TYPE_CHECKING:
    from arena.battles.browse import Filter

SEARCH_SECONDS = 4.0
"""A search that takes longer is stopped with a clear sentence."""
MOST_FOUND = 100_000
"""Texts that a search may find; what is beyond is left out, and the page says so."""
KEPT = 8

stopping: ContextVar[Stop | None] = ContextVar("stopping", default=None)
"""What ends the queries of the current request."""

_kept: WeakKeyDictionary[Store, OrderedDict[tuple[str, str, int], pl.DataFrame]] = WeakKeyDictionary()
"""Store -> ids of the latest searches' finds."""

TEXTS = (
    "SELECT id FROM instruction WHERE array_to_string(turns, ' ') ILIKE $like ESCAPE '\\' UNION ALL "
    "SELECT id FROM response WHERE array_to_string(answers, ' ') ILIKE $like ESCAPE '\\'"
)
EXPLAINED = """
    WITH said AS MATERIALIZED (
        SELECT judge, first, second FROM judgement WHERE regexp_matches(lower(explanation), $like)
    )
    SELECT k.id FROM said s JOIN battle k ON k.judge = s.judge AND k.response_a = s.first AND k.response_b = s.second
    UNION
    SELECT k.id FROM said s JOIN battle k ON k.judge = s.judge AND k.response_b = s.first AND k.response_a = s.second
    UNION
    SELECT k.id FROM (SELECT * FROM said WHERE second = '') s
    JOIN battle k ON k.judge = s.judge AND k.response_a = s.first
    UNION
    SELECT k.id FROM (SELECT * FROM said WHERE second = '') s
    JOIN battle k ON k.judge = s.judge AND k.response_b = s.first
"""
"""Battles with an explanation of either game, or of either grade, that a pattern matches; all joins are hash joins."""


def searched(store: Store, chosen: Filter) -> dict[str, pl.DataFrame]:
    """The frames `found` and `themed` that the filter's condition names; the first call reads the texts."""
    frames = {}
    if chosen.text:
        like = "%" + chosen.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        frames["found"] = _finds(store, "found", TEXTS, like)
    if chosen.theme:
        frames["themed"] = _finds(store, "themed", EXPLAINED, pattern(chosen.theme.split()))
    return frames


def capped(store: Store, chosen: Filter) -> bool:
    """Whether the filter's search found more than it may."""
    return any(frame.height >= MOST_FOUND for frame in searched(store, chosen).values())


def _finds(store: Store, name: str, sql: str, like: str) -> pl.DataFrame:
    kept = _kept.setdefault(store, OrderedDict())
    key = (name, like, store.version)
    frame = kept.get(key)
    if frame is None:
        frame = store.query(f"{sql} LIMIT {MOST_FOUND}", {"like": like}, SEARCH_SECONDS, stop=stopping.get())
        kept[key] = frame
        while len(kept) > KEPT:
            kept.popitem(last=False)
    return frame
