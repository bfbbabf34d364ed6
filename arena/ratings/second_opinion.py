"""Bradley-Terry by choix's spectral algorithm, an independent implementation of the same optimum."""

from __future__ import annotations

import numpy as np

from arena.ratings.bradley_terry import halved
from arena.ratings.cells import Cells, Floats


def fit(cells: Cells, outcomes: Floats, prior: float = 0.0) -> Floats:
    """Strengths [contenders], mean zero.

    choix knows no ties: a tie is entered as half a win each. `prior` is choix's own regularisation,
    tied battles between all pairs, scaled so that each contender gets `prior` of them.
    """
    import choix

    wins = np.zeros((cells.size, cells.size))
    number = outcomes.sum(axis=1)
    wins[cells.first, cells.second] = halved(outcomes)
    wins[cells.second, cells.first] = number - halved(outcomes)
    strengths: Floats = choix.ilsr_pairwise_dense(
        wins, alpha=prior / 2 / max(cells.size - 1, 1), max_iter=10_000, tol=1e-11
    )
    centred: Floats = strengths - strengths.mean()
    return centred
