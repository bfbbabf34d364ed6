"""Bradley-Terry by maximum likelihood: Newton's method on counted battles, ties half a win each.

P(i beats j) = 1 / (1 + exp(strength_j - strength_i)) (Bradley and Terry 1952). Strengths are natural
logarithms with mean zero; `leaderboard` turns them into the Elo scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

from arena.ratings.cells import FIRST_WON, TIED, Cells, Floats
from arena.ratings.trouble import is_whole

FINE = 1e-11
"""Largest last step in strength of a point fit; Newton squares the error, so it is far below 1e-6 Elo."""
COARSE = 1e-6
"""The same for a bootstrap draw: 2e-4 Elo."""
DRAW_PRIOR = 1.0
"""Tied battles with an average contender given to all in a draw that has no finite optimum."""


@dataclass(frozen=True, eq=False)
class Fits:
    """Many resampled boards, rated."""

    strengths: Floats
    """[draws, contenders]"""
    regularised: int = 0
    """Draws without a finite optimum (somebody unbeaten), fitted with `DRAW_PRIOR`."""


def halved(outcomes: Floats) -> Floats:
    """First's score of each pair, ties as half: [..., pairs, 3] -> [..., pairs]."""
    half: Floats = outcomes[..., FIRST_WON] + outcomes[..., TIED] / 2
    return half


def fit(cells: Cells, prior: float = 0.0, outcomes: Floats | None = None) -> Floats:
    """Strengths [contenders], mean zero; the optimum to 1e-9.

    `prior` is a number of tied battles of each contender with an average one (strength 0). Without
    it the board must be whole (`trouble.is_whole`), or there is no finite optimum.
    """
    weight = cells.weight if outcomes is None else outcomes
    score, number = halved(weight), weight.sum(axis=1)
    strengths = np.zeros(cells.size)
    value = _log_likelihood(cells, strengths, score, number, prior)
    for _ in range(100):
        chance = expit(strengths[cells.first] - strengths[cells.second])
        residual = score - number * chance
        slope = cells.total(residual, -residual) + prior * (0.5 - expit(strengths))
        step = cho_solve(cho_factor(curvature(cells, strengths, number, prior)), slope)
        scale = 1.0
        tried = strengths + step
        next_value = _log_likelihood(cells, tried, score, number, prior)
        while next_value < value - 1e-9 * abs(value) and scale > 1e-6:
            scale /= 2
            tried = strengths + scale * step
            next_value = _log_likelihood(cells, tried, score, number, prior)
        strengths, value = tried, next_value
        if np.abs(step).max() < FINE:
            break
    centred: Floats = strengths - strengths.mean()
    return centred


def curvature(cells: Cells, strengths: Floats, number: Floats, prior: float = 0.0) -> Floats:
    """Minus the Hessian, [contenders, contenders]; ratings have no natural zero, so without a prior a
    constant is added along that direction, which changes no difference."""
    chance = expit(strengths[cells.first] - strengths[cells.second])
    information = number * chance * (1 - chance)
    matrix = np.zeros((cells.size, cells.size))
    matrix[cells.first, cells.second] = matrix[cells.second, cells.first] = -information
    np.fill_diagonal(matrix, cells.total(information, information))
    if prior:
        own = expit(strengths)
        matrix[np.diag_indices(cells.size)] += prior * own * (1 - own)
    else:
        matrix += max(float(information.mean()), 1e-12) / cells.size
    return matrix


def fit_draws(cells: Cells, outcomes: Floats, prior: float = 0.0) -> Fits:
    """Strengths of many resampled boards [draws, pairs, 3] at once.

    All draws share the factor of the whole board's curvature, which is nearly theirs; the few that do
    not settle get a Newton fit of their own, with `DRAW_PRIOR` where they have no finite optimum.
    """
    start = fit(cells, prior)
    score, number = halved(outcomes), outcomes.sum(axis=2)
    factor = cho_factor(curvature(cells, start, cells.weight.sum(axis=1), prior))
    incidence = cells.incidence()
    strengths = np.tile(start, (len(outcomes), 1))
    moving = np.arange(len(outcomes))
    for _ in range(12):
        now = strengths[moving]
        chance = expit((incidence @ now.T).T)
        slope = (incidence.T @ (score[moving] - number[moving] * chance).T).T
        slope += prior * (0.5 - expit(now))
        step = cho_solve(factor, slope.T).T
        strengths[moving] = now + step
        moving = moving[np.abs(step).max(axis=1) > COARSE]
        if not len(moving):
            break
    regularised = 0
    for draw in moving:
        own = prior
        if not own and not is_whole(cells, outcomes[draw]):
            own, regularised = DRAW_PRIOR, regularised + 1
        strengths[draw] = fit(cells, own, outcomes[draw])
    return Fits(strengths - strengths.mean(axis=1, keepdims=True), regularised)


def _log_likelihood(cells: Cells, strengths: Floats, score: Floats, number: Floats, prior: float) -> float:
    gap = strengths[cells.first] - strengths[cells.second]
    value = float(score @ gap - number @ np.logaddexp(0.0, gap))
    if prior:
        value += prior * float((strengths / 2 - np.logaddexp(0.0, strengths)).sum())
    return value
