"""Bradley-Terry by maximum likelihood: Newton's method on counted battles, ties half a win each.

P(i beats j) = 1 / (1 + exp(strength_j - strength_i)) (Bradley and Terry 1952). Strengths are natural
logarithms with mean zero; `leaderboard` turns them into the Elo scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from arena.ratings.cells import FIRST_WON, TIED, Cells, Floats
from arena.ratings.trouble import is_whole

FINE = 1e-7
"""Largest last step in strength of a point fit; the logistic loss is self-concordant, so Newton leaves an error of
about its square: 1e-14, far below 1e-6 Elo."""
COARSE = 1e-6
"""Strength that a bootstrap draw may still lie off its optimum: 2e-4 Elo."""
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
    score, number = halved(weight), weight @ np.ones(3)
    won, lost = cells.total(score, number - score), cells.total(number - score, score)
    strengths = np.log((won + 0.5) / (lost + 0.5))  # nearer than zero: one step less
    strengths -= strengths.mean()
    gap = strengths[cells.first] - strengths[cells.second]
    value = _log_likelihood(gap, strengths, score, number, prior)
    for _ in range(100):
        chance = _logistic(gap)
        expected = number * chance
        residual = score - expected
        slope = cells.total(residual, -residual) + prior * (0.5 - _logistic(strengths))
        matrix = _hessian(cells, expected * (1 - chance), strengths, prior)
        step = cho_solve(cho_factor(matrix, overwrite_a=True, check_finite=False), slope)
        scale = 1.0
        while True:
            tried = strengths + scale * step
            gap = tried[cells.first] - tried[cells.second]
            next_value = _log_likelihood(gap, tried, score, number, prior)
            if next_value >= value - 1e-9 * abs(value) or scale <= 1e-6:
                break
            scale /= 2
        strengths, value = tried, next_value
        if np.abs(step).max() < FINE:
            break
    centred: Floats = strengths - strengths.mean()
    return centred


def curvature(cells: Cells, strengths: Floats, number: Floats, prior: float = 0.0) -> Floats:
    """Minus the Hessian, [contenders, contenders]; ratings have no natural zero, so without a prior a
    constant is added along that direction, which changes no difference."""
    chance = _logistic(strengths[cells.first] - strengths[cells.second])
    return _hessian(cells, number * chance * (1 - chance), strengths, prior)


def _hessian(cells: Cells, information: Floats, strengths: Floats, prior: float) -> Floats:
    """`curvature` of the Fisher information of each pair's gap, [pairs]."""
    matrix = np.zeros((cells.size, cells.size))
    matrix[cells.first, cells.second] = matrix[cells.second, cells.first] = -information
    np.fill_diagonal(matrix, cells.total(information, information))
    if prior:
        own = _logistic(strengths)
        matrix[np.diag_indices(cells.size)] += prior * own * (1 - own)
    else:
        matrix += max(float(information.mean()), 1e-12) / cells.size
    return matrix


def fit_draws(cells: Cells, outcomes: Floats, prior: float = 0.0) -> Fits:
    """Strengths of many resampled boards [draws, pairs, 3] at once.

    All draws start from the whole board's optimum and share the inverse of its curvature, which is nearly
    theirs: the first step is then linear in the counts, and some three more settle. Draws that do not get a
    Newton fit of their own, with `DRAW_PRIOR` where they have no finite optimum.
    """
    start = fit(cells, prior)
    inverse = np.linalg.inv(curvature(cells, start, cells.weight.sum(axis=1), prior))
    apart = cells.incidence()
    toward = apart.T.tocsr()
    # [pairs, draws]: long rows keep the processor's vector units busy
    score = np.ascontiguousarray(halved(outcomes).T)
    number = np.ascontiguousarray(outcomes.sum(axis=2).T)
    strengths = np.tile(start[:, None], len(outcomes))
    unsettled = moving = np.arange(len(outcomes))
    now, before = start[:, None], np.zeros(len(outcomes))
    for _ in range(12):
        residual = score - number * _logistic(apart @ now)
        step = inverse @ (toward @ residual + prior * (0.5 - _logistic(now)))
        now = now + step
        strengths[:, moving] = now
        size = np.abs(step).max(axis=0)
        # Steps shrink by a constant factor, so the way left is a geometric series.
        shrinks = np.minimum(size / np.maximum(before, 1e-12), 0.9)
        still = size * shrinks / (1 - shrinks) > COARSE
        before = size
        unsettled = moving[still]
        if not len(unsettled):
            break
        if len(unsettled) < len(moving) / 2:
            moving, now, before = unsettled, now[:, still], before[still]
            score, number = score[:, still], number[:, still]
    regularised = 0
    for draw in unsettled:
        own = prior
        if not own and not is_whole(cells, outcomes[draw]):
            own, regularised = DRAW_PRIOR, regularised + 1
        strengths[:, draw] = fit(cells, own, outcomes[draw])
    return Fits(np.ascontiguousarray((strengths - strengths.mean(axis=0)).T), regularised)


def _logistic(gap: Floats) -> Floats:
    """expit by tanh, which NumPy computes several numbers at a time."""
    chance: Floats = np.tanh(gap / 2)
    chance += 1
    chance /= 2
    return chance


def _log_likelihood(gap: Floats, strengths: Floats, score: Floats, number: Floats, prior: float) -> float:
    value = float(score @ gap - number @ _softplus(gap))
    if prior:
        value += prior * float((strengths / 2 - _softplus(strengths)).sum())
    return value


def _softplus(gap: Floats) -> Floats:
    """log(1 + exp(gap)) of functions that NumPy computes several numbers at a time."""
    found: Floats = np.maximum(gap, 0.0) + np.log1p(np.exp(-np.abs(gap)))
    return found
