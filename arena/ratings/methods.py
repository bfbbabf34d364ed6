"""The menu of rating methods and their one contract: resampled boards in, values of contenders out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from arena.ratings import bradley_terry, davidson, elo, mean_score, second_opinion, win_rate
from arena.ratings.bradley_terry import DRAW_PRIOR, Fits
from arena.ratings.cells import Cells, Floats
from arena.ratings.trouble import is_whole

POINTS = 400 / math.log(10)
"""Elo points of one natural unit of strength: base 10, scale 400."""


@dataclass(frozen=True, eq=False)
class Boards:
    """Resampled boards; a plain board is one draw."""

    outcomes: Floats
    """[draws, pairs, 3] weights of battles."""
    scores: Floats
    """[draws, pairs, 3] as `Cells.scores`."""


@dataclass(frozen=True)
class Options:
    """What some methods also want to know."""

    prior: float = 0.0
    """Tied battles of each contender with an average one."""
    k: float = elo.K
    shuffles: int = elo.SHUFFLES
    seed: int = 0


@dataclass(frozen=True)
class Method:
    """One way from battles to values. On the Elo scale, values are strengths (natural logarithms)."""

    rate: Callable[[Cells, Boards, Options], Fits]
    says: str
    """For the menu: what the number means."""
    unit: str = "Elo"
    """"Elo" values are shifted to an anchor; "%" are shares; "score" runs from 1 to 10."""
    needs_whole: bool = True
    """Without a prior, unbeaten contenders or separate pools have no finite value."""
    sandwich: bool = False
    """`intervals.sandwich` knows its curvature."""
    digits: int = 1


def _bradley_terry(cells: Cells, boards: Boards, options: Options) -> Fits:
    if len(boards.outcomes) == 1:
        return Fits(bradley_terry.fit(cells, options.prior, boards.outcomes[0])[None])
    return bradley_terry.fit_draws(cells, boards.outcomes, options.prior)


def _davidson(cells: Cells, boards: Boards, options: Options) -> Fits:
    return davidson.fit_draws(cells, boards.outcomes, options.prior)


def _elo(cells: Cells, boards: Boards, options: Options) -> Fits:
    shuffles = options.shuffles if len(boards.outcomes) == 1 else 1
    rated = [
        elo.rate(cells, board, options.k, shuffles, options.seed + draw)
        for draw, board in enumerate(boards.outcomes)
    ]
    return Fits(np.array(rated) / POINTS)


def _win_rate(cells: Cells, boards: Boards, options: Options) -> Fits:
    return Fits(win_rate.rate_draws(cells, boards.outcomes))


def _mean_score(cells: Cells, boards: Boards, options: Options) -> Fits:
    return Fits(mean_score.rate_draws(cells, boards.scores))


def _choix(cells: Cells, boards: Boards, options: Options) -> Fits:
    strengths = np.empty((len(boards.outcomes), cells.size))
    regularised = 0
    for draw, board in enumerate(boards.outcomes):
        prior = options.prior
        if not prior and not is_whole(cells, board):
            prior, regularised = DRAW_PRIOR, regularised + 1
        strengths[draw] = second_opinion.fit(cells, board, prior)
    return Fits(strengths, regularised)


METHODS: dict[str, Method] = {
    "bradley-terry": Method(_bradley_terry, "Bradley-Terry, a tie is half a win each", sandwich=True),
    "davidson": Method(_davidson, "Bradley-Terry with ties as an outcome of their own (Davidson)"),
    "elo": Method(_elo, "Online Elo, averaged over shuffled orders", needs_whole=False),
    "win-rate": Method(_win_rate, "Average win rate over opponents", unit="%", needs_whole=False, digits=4),
    "mean-score": Method(_mean_score, "Mean judge score", unit="score", needs_whole=False, digits=2),
    "choix": Method(_choix, "Bradley-Terry by choix, an independent second opinion"),
}
"""Name -> method; menus, the command line and one contract test follow."""
