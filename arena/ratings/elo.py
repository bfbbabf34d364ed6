"""Online Elo: the rating after a sequence of battles, averaged over shuffled orders.

Expected score 1 / (1 + 10^((Rb - Ra) / 400)), update K * (score - expected). The result depends on the
order of battles, so it is averaged over shuffles; `MOST` caps one sequence, drawn from the cells.
"""

from __future__ import annotations

import math

import numpy as np

from arena.ratings.cells import FIRST_WON, SECOND_WON, Cells, Floats

K = 4.0
"""Points a battle can move, the value LMSYS used."""
SHUFFLES = 10
MOST = 20_000
"""Battles in one sequence: more of them barely move an online rating with a small K."""


def rate(cells: Cells, outcomes: Floats, k: float, shuffles: int, seed: int) -> Floats:
    """Ratings in Elo points around zero [contenders] of one board [pairs, 3]."""
    random = np.random.default_rng(seed)
    ratings = np.zeros(cells.size)
    for _ in range(shuffles):
        ratings += play(cells, _sequence(outcomes.ravel(), random), k)
    return ratings / shuffles


def play(cells: Cells, sequence: np.typing.NDArray[np.int64], k: float) -> Floats:
    """Ratings after battles given in order as pair * 3 + outcome."""
    ratings = [0.0] * cells.size
    firsts = cells.first[sequence // 3].tolist()
    seconds = cells.second[sequence // 3].tolist()
    scores = np.array([1.0, 0.0, 0.5])[sequence % 3].tolist()
    factor = math.log(10) / 400
    for i, j, score in zip(firsts, seconds, scores, strict=True):
        move = k * (score - 1 / (1 + math.exp(factor * (ratings[j] - ratings[i]))))
        ratings[i] += move
        ratings[j] -= move
    return np.array(ratings)


def _sequence(weights: Floats, random: np.random.Generator) -> np.typing.NDArray[np.int64]:
    counts = np.rint(weights).astype(np.int64)
    if counts.sum() > MOST:
        counts = random.multinomial(MOST, weights / weights.sum())
    return random.permutation(np.repeat(np.arange(len(counts)), counts))


assert (FIRST_WON, SECOND_WON) == (0, 1), "play() reads outcomes as positions in its table of scores"
