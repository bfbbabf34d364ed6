"""Bradley-Terry with a tie model: ties are an outcome of their own, likelier between equals.

Davidson (1970): win, loss and tie are as pi_i : pi_j : nu * sqrt(pi_i * pi_j). Concave in the
strengths and log nu, so Newton's method finds the one optimum. Rao and Kupper's model is not offered.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from arena.ratings.bradley_terry import DRAW_PRIOR, FINE, Fits
from arena.ratings.cells import FIRST_WON, SECOND_WON, TIED, Cells, Floats
from arena.ratings.trouble import is_whole

TIE_PRIOR = 1e-3
"""Battles between equals, as many tied as decided, that keep nu finite where all or no battles are tied."""


def fit(cells: Cells, prior: float = 0.0, outcomes: Floats | None = None) -> tuple[Floats, float]:
    """Strengths [contenders] with mean zero, and nu (0 where nothing was tied).

    `prior` counts tied battles with an average contender, as in `bradley_terry.fit`; nu is fitted on
    real battles alone.
    """
    weight = cells.weight if outcomes is None else outcomes
    ties = float(weight[:, TIED].sum())
    decided = float(weight.sum()) - ties
    has_ties = ties > 0
    point = np.append(np.zeros(cells.size), np.log(max(2 * ties / max(decided, 0.5), 1e-3)))
    number = weight.sum(axis=1)
    score = weight[:, FIRST_WON] + weight[:, TIED] / 2
    value = -np.inf
    step = np.zeros_like(point)
    for _ in range(200):
        tried = _log_likelihood(cells, point, score, number, ties, prior, has_ties)
        if tried < value - 1e-9 * abs(value) and np.abs(step).max() > FINE:
            step /= 2
            point = point - step
            continue
        value = tried
        slope, matrix = _derivatives(cells, point, score, number, ties, prior, has_ties)
        step = cho_solve(cho_factor(matrix), slope)
        step *= min(1.0, 3.0 / max(float(np.abs(step).max()), FINE))
        point = point + step
        if np.abs(step).max() < FINE:
            break
    strengths = point[:-1]
    return strengths - strengths.mean(), float(np.exp(point[-1])) if has_ties else 0.0


def fit_draws(cells: Cells, outcomes: Floats, prior: float = 0.0) -> Fits:
    """Strengths of many resampled boards [draws, pairs, 3]."""
    strengths = np.empty((len(outcomes), cells.size))
    regularised = 0
    for draw, board in enumerate(outcomes):
        own = prior
        if not own and not is_whole(cells, board):
            own, regularised = DRAW_PRIOR, regularised + 1
        strengths[draw] = fit(cells, own, board)[0]
    return Fits(strengths, regularised)


def _chances(cells: Cells, point: Floats, has_ties: bool) -> Floats:
    """[pairs, 3] probability of each outcome."""
    half = (point[cells.first] - point[cells.second]) / 2
    tie = np.full(len(half), point[-1] if has_ties else -np.inf)
    logits = np.stack([half, -half, tie], axis=1)
    logits -= logits.max(axis=1, keepdims=True)
    chances = np.exp(logits)
    shares: Floats = chances / chances.sum(axis=1, keepdims=True)
    return shares


def _log_likelihood(
    cells: Cells, point: Floats, score: Floats, number: Floats, ties: float, prior: float, has_ties: bool
) -> float:
    half = (point[cells.first] - point[cells.second]) / 2
    total = np.logaddexp(half, -half)
    if has_ties:
        total = np.logaddexp(total, point[-1])
        ties += TIE_PRIOR
    value = float((2 * score - number) @ half - number @ total) + (
        ties * point[-1] - 2 * TIE_PRIOR * np.logaddexp(np.log(2), point[-1]) if has_ties else 0.0
    )
    return value + prior * float((point[:-1] / 2 - np.logaddexp(0.0, point[:-1])).sum())


def _derivatives(
    cells: Cells, point: Floats, score: Floats, number: Floats, ties: float, prior: float, has_ties: bool
) -> tuple[Floats, Floats]:
    chances = _chances(cells, point, has_ties)
    expected = chances[:, FIRST_WON] + chances[:, TIED] / 2
    residual = score - number * expected
    lead = chances[:, FIRST_WON] - chances[:, SECOND_WON]
    decided = chances[:, FIRST_WON] + chances[:, SECOND_WON]
    information = number * (decided - lead**2) / 4
    cross = -number * lead * chances[:, TIED] / 2
    own = 1 / (1 + np.exp(-point[:-1]))
    size = cells.size
    slope = np.zeros(size + 1)
    slope[:size] = cells.total(residual, -residual) + prior * (0.5 - own)
    matrix = np.zeros((size + 1, size + 1))
    matrix[cells.first, cells.second] = matrix[cells.second, cells.first] = -information
    matrix[np.arange(size), np.arange(size)] = cells.total(information, information) + prior * own * (1 - own)
    matrix[:size, :size] += 0.0 if prior else max(float(information.mean()), 1e-12) / size
    matrix[size, :size] = matrix[:size, size] = cells.total(cross, -cross)
    matrix[size, size], slope[size] = 1.0, 0.0
    if has_ties:
        equal = 1 / (1 + 2 * np.exp(-point[-1]))
        spread = number @ (chances[:, TIED] * (1 - chances[:, TIED]))
        matrix[size, size] = spread + 2 * TIE_PRIOR * equal * (1 - equal)
        slope[size] = ties + TIE_PRIOR - number @ chances[:, TIED] - 2 * TIE_PRIOR * equal
    return slope, matrix
