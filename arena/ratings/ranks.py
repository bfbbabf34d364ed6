"""Places instead of points: rank intervals, LMArena's rank, and how surely one contender beats another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from arena.ratings.cells import Floats, Ints
from arena.ratings.intervals import LEVEL, ends


def ranks(values: Floats) -> Ints:
    """[..., contenders] 1 for the highest; equals share the better place."""
    higher: Ints = 1 + (values[..., None, :] > values[..., :, None]).sum(axis=-1).astype(np.int64)
    return higher


def rank_ends(draws: Floats, level: float = LEVEL) -> Ints:
    """[2, contenders] best and worst place within `level` of the draws, rounded outwards."""
    places = np.concatenate([ranks(part) for part in np.array_split(draws, max(1, len(draws) // 50))])
    best = np.quantile(places, (1 - level) / 2, axis=0, method="lower")
    worst = np.quantile(places, (1 + level) / 2, axis=0, method="higher")
    return np.stack([best, worst]).astype(np.int64)


def rank_ub(rating: Floats, low: Floats, high: Floats) -> Ints:
    """LMArena's rank: 1 + the number of contenders whose interval lies above mine (touching counts)."""
    above = (low[None, :] >= high[:, None]) & (rating[None, :] > rating[:, None])
    places: Ints = 1 + above.sum(axis=1).astype(np.int64)
    return places


def surely_better(draws: Floats) -> Floats:
    """[contenders, contenders] share of draws in which the row stands above the column, ties half."""
    size = draws.shape[1]
    share = np.empty((size, size))
    for k in range(size):
        above = draws[:, k, None] - draws
        share[k] = (above > 0).mean(axis=0) + (above == 0).mean(axis=0) / 2
    return share


@dataclass(frozen=True)
class Duel:
    """What the board says of one contender against another."""

    gap: float
    """Difference in Elo (or the method's unit) with its interval."""
    low: float
    high: float
    better: float
    """Share of draws in which the first stands above."""
    wins: float | None = None
    """Chance to win one battle by the fitted model, ties half; None off the Elo scale."""
    wins_low: float | None = None
    wins_high: float | None = None


def duel(rating: Floats, draws: Floats, first: int, second: int, points: float | None) -> Duel:
    """`points` is Elo points per natural unit of strength; None where values are no strengths."""
    gaps = draws[:, first] - draws[:, second]
    gap = float(rating[first] - rating[second])
    low, high = (float(end) for end in ends(gaps))
    better = float((gaps > 0).mean() + (gaps == 0).mean() / 2)
    if points is None:
        return Duel(gap, low, high, better)
    wins, wins_low, wins_high = (float(expit(value / points)) for value in (gap, low, high))
    return Duel(gap, low, high, better, wins, wins_low, wins_high)
