"""Boards frozen with everything that made them, and what changed between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import cast

from arena.ratings.leaderboard import Leaderboard, Settings
from arena.ratings.slices import Slice, board, cells, content
from arena.records import BadInput, Json, Snapshot, content_id
from arena.store import Store


@dataclass(frozen=True)
class Change:
    """One contender in two snapshots; None where it is missing."""

    model: str
    rating_before: float | None
    rating_after: float | None
    rank_before: int | None
    rank_after: int | None


def freeze(store: Store, name: str, chosen: Slice, settings: Settings) -> Snapshot:
    """Keep the slice's board; the same board under the same name is kept once.

    Raises:
        BadInput: no name, or the slice holds no battle.
    """
    if not name.strip():
        raise BadInput("Give the snapshot a name, for example the date and what it is for.")
    frozen = board(store, chosen, settings)
    by_instruction = settings.interval in ("instructions", "cluster-sandwich")
    made_of = content(cells(store, chosen, by_instruction))
    how = cast("dict[str, Json]", {"slice": asdict(chosen), "settings": asdict(settings), "cells": made_of})
    how["slice"] = {**asdict(chosen), "contenders": list(chosen.contenders)}
    rows = cast("Json", [asdict(row) for row in frozen.rows])
    snapshot = Snapshot(content_id(name.strip(), how, rows), name.strip(), how, rows, content_id(how, rows))
    store.save([snapshot])
    return snapshot


def every(store: Store) -> list[Snapshot]:
    """All snapshots, the latest first."""
    return store.load(Snapshot, order="made_at DESC")


def compare(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """What moved, in the later board's order, then those that left."""
    old, new = _rows(before.rows), _rows(after.rows)
    return tuple(
        Change(
            model,
            _value(old, model, "rating"),
            _value(new, model, "rating"),
            _rank(old, model),
            _rank(new, model),
        )
        for model in [*new, *(m for m in old if m not in new)]
    )


def against(snapshot: Snapshot, now: Leaderboard) -> tuple[Change, ...]:
    """What moved between a snapshot and a board of today."""
    rows = cast("Json", [asdict(row) for row in now.rows])
    return compare(snapshot, Snapshot("now", "now", {}, rows, ""))


def _rows(rows: Json) -> dict[str, Mapping[str, Json]]:
    assert isinstance(rows, list)
    return {str(row["model"]): row for row in rows if isinstance(row, dict)}


def _value(rows: Mapping[str, Mapping[str, Json]], model: str, name: str) -> float | None:
    value = rows[model][name] if model in rows else None
    return float(value) if isinstance(value, int | float) else None


def _rank(rows: Mapping[str, Mapping[str, Json]], model: str) -> int | None:
    value = _value(rows, model, "rank")
    return None if value is None else int(value)
