"""A leaderboard with style held equal, in the same form as any other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from arena.ratings import intervals, style
from arena.ratings.leaderboard import Leaderboard, Settings, rate
from arena.ratings.methods import POINTS
from arena.ratings.ranks import rank_ends, rank_ub, ranks
from arena.ratings.slices import Slice
from arena.records import BadInput
from arena.store import Store


def board(store: Store, chosen: Slice, settings: Settings) -> Leaderboard:
    """Bradley-Terry with style control; intervals are the sandwich's, by instruction.

    Raises:
        BadInput: another method, no answers kept, or a board without finite ratings.
    """
    if settings.method != "bradley-terry":
        raise BadInput(f"Style control is a Bradley-Terry fit; it does not go with {settings.method}.")
    fitted = style.fit(style.battles(store, chosen))
    plain = rate(fitted.cells, replace(settings, interval="none", prior=None, style_control=False))
    by_name = {row.model: row for row in plain.rows}
    anchor = fitted.names.index(settings.anchor) if settings.anchor else None
    shift = np.eye(len(fitted.names))
    if anchor is not None:
        shift[:, anchor] -= 1
    at = settings.anchor_at if settings.anchor else 1000.0
    values = at + POINTS * (shift @ fitted.strengths)
    covariance = POINTS**2 * shift @ fitted.covariance @ shift.T
    draws = (
        None
        if settings.interval == "none"
        else intervals.normal_draws(values, covariance, 2000, settings.seed)
    )
    low, high = intervals.normal_ends(values, covariance)
    places, ub = ranks(values), rank_ub(values, low, high)
    span = None if draws is None else rank_ends(draws)
    every = None if draws is None else intervals.simultaneous(draws, values)
    order = sorted(range(len(values)), key=lambda k: (-values[k], fitted.names[k]))
    rows = []
    for k in order:
        row = replace(by_name[fitted.names[k]], rating=float(values[k]), rank=int(places[k]))
        if span is not None and every is not None:
            row = replace(
                row,
                low=float(low[k]),
                high=float(high[k]),
                rank_low=int(min(span[0, k], places[k])),
                rank_high=int(max(span[1, k], places[k])),
                rank_ub=int(ub[k]),
                low_all=float(every[0, k]),
                high_all=float(every[1, k]),
            )
        rows.append(row)
    worth = ", ".join(
        f"{name} {POINTS * e:+.0f}" for name, e in zip(fitted.features, fitted.effects, strict=True)
    )
    notes = (
        "Style is held equal; intervals are the sandwich's, by instruction.",
        f"Elo points that one standard deviation more is worth: {worth or 'no feature differs'}.",
    )
    kind = "none" if draws is None else "cluster-sandwich"
    return replace(
        plain,
        rows=tuple(rows),
        settings=replace(settings, interval=kind),
        notes=notes,
        values=values[order],
        draws=None if draws is None else draws[:, order],
    )
