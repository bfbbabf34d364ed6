"""How few battles would have to go the other way for the first place to change hands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arena.ratings.bradley_terry import curvature, fit
from arena.ratings.cells import FIRST_WON, SECOND_WON, Cells, Floats
from arena.ratings.trouble import is_whole

TIGHT = 1e-9
"""Strength below which a gap is a draw, not a change of places."""


@dataclass(frozen=True)
class Flips:
    """Won battles to hand to the other side, checked by a full refit."""

    leader: str
    successor: str
    number: int
    share: float
    """Of all battles of the board."""


def fewest(cells: Cells, rivals: int = 3) -> Flips | None:
    """The fewest found for the nearest `rivals`; an upper bound, as the search is greedy.

    A flip of i over j moves the gap between leader and rival by its influence, inverse curvature
    times the change of slope; the cells with most influence are flipped first, then the number is
    made exact by refits. None where the board has no finite ratings.
    """
    if not is_whole(cells, cells.weight) or cells.size < 2:
        return None
    strengths = fit(cells)
    order = np.argsort(-strengths, kind="stable")
    information = curvature(cells, strengths, cells.weight.sum(axis=1))
    inverse = np.linalg.inv(information).astype(np.float64)
    best: Flips | None = None
    for rival in order[1 : rivals + 1]:
        number = _to_pass(cells, inverse, strengths, int(order[0]), int(rival))
        if number is not None and (best is None or number < best.number):
            best = Flips(cells.names[order[0]], cells.names[rival], number, number / cells.battles)
    return best


def _to_pass(cells: Cells, inverse: Floats, strengths: Floats, leader: int, rival: int) -> int | None:
    influence = inverse[leader] - inverse[rival]
    drop = influence[cells.first] - influence[cells.second]
    cell = np.r_[2 * np.arange(len(drop)), 2 * np.arange(len(drop)) + 1]
    gain = np.r_[drop, -drop]
    order = np.argsort(-gain, kind="stable")
    order = order[gain[order] > 0]
    held = np.r_[cells.number[:, FIRST_WON], cells.number[:, SECOND_WON]][order]
    reach = np.cumsum(held * gain[order])
    needed = int(np.searchsorted(reach, strengths[leader] - strengths[rival])) + 1
    low, high = 1, int(held.sum())
    guess = int(held[:needed].sum())
    if guess and _gap(cells, cell[order], held, guess, leader, rival) < -TIGHT:
        high = guess
    elif not high or _gap(cells, cell[order], held, high, leader, rival) >= -TIGHT:
        return None
    while low < high:
        middle = (low + high) // 2
        if _gap(cells, cell[order], held, middle, leader, rival) < -TIGHT:
            high = middle
        else:
            low = middle + 1
    return high


def _gap(
    cells: Cells, order: np.typing.NDArray[np.int64], held: Floats, number: int, leader: int, rival: int
) -> float:
    """Leader's strength less the rival's after the first `number` flips."""
    taken = np.minimum(held, np.maximum(number - (np.cumsum(held) - held), 0))
    outcomes = cells.number.copy()
    pair, side = order // 2, order % 2
    np.subtract.at(outcomes, (pair, side), taken)
    np.add.at(outcomes, (pair, 1 - side), taken)
    strengths = fit(cells, 0.0 if is_whole(cells, outcomes) else 0.01, outcomes)
    return float(strengths[leader] - strengths[rival])
