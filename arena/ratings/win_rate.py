"""Average win rate: the mean over opponents of the share of battles won, ties as half.

Every opponent counts the same however often it was met (FastChat's "average win rate").
"""

from __future__ import annotations

import numpy as np

from arena.ratings.bradley_terry import halved
from arena.ratings.cells import Cells, Floats


def rate_draws(cells: Cells, outcomes: Floats) -> Floats:
    """Win rates 0 to 1, [draws, contenders]; 0.5 for whoever met nobody in a draw."""
    number = outcomes.sum(axis=2)
    met = number > 0
    share = np.divide(halved(outcomes), number, out=np.zeros_like(number), where=met)
    toward = abs(cells.incidence())
    first = (cells.incidence() > 0).astype(np.float64)
    second = toward - first
    opponents = (toward.T @ met.T.astype(np.float64)).T
    won = (first.T @ share.T).T + (second.T @ np.where(met, 1 - share, 0).T).T
    rates: Floats = np.divide(won, opponents, out=np.full_like(won, 0.5), where=opponents > 0)
    return rates


def matrix(cells: Cells) -> Floats:
    """[contenders, contenders] share of battles the row won against the column; NaN where they never met."""
    share = halved(cells.number) / cells.number.sum(axis=1)
    table = np.full((cells.size, cells.size), np.nan)
    table[cells.first, cells.second] = share
    table[cells.second, cells.first] = 1 - share
    return table


def counts(cells: Cells) -> Floats:
    """[contenders, contenders] battles of each pair."""
    table = np.zeros((cells.size, cells.size))
    table[cells.first, cells.second] = table[cells.second, cells.first] = cells.number.sum(axis=1)
    return table
