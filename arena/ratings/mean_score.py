"""Mean judge score, 1 to 10: what single-answer grading reports; needs battles with scores."""

from __future__ import annotations

import numpy as np

from arena.ratings.cells import Cells, Floats
from arena.records import BadInput


def rate_draws(cells: Cells, scores: Floats) -> Floats:
    """Mean scores [draws, contenders] of resampled sums [draws, pairs, 3] (see `Cells.scores`).

    Raises:
        BadInput: a contender has no scored battle at all.
    """
    first = (cells.incidence() > 0).astype(np.float64)
    second = (cells.incidence() < 0).astype(np.float64)
    total = (first.T @ scores[..., 0].T + second.T @ scores[..., 1].T).T
    number = (abs(cells.incidence()).T @ scores[..., 2].T).T
    silent = [name for name, every in zip(cells.names, number.sum(axis=0), strict=True) if not every]
    if silent:
        raise BadInput(
            f"No battle of {', '.join(silent)} has judge scores (votes and imports have none). "
            "Choose another method, or a slice of judged battles."
        )
    average = total.sum(axis=0) / number.sum(axis=0)
    means: Floats = np.divide(total, number, out=np.tile(average, (len(total), 1)), where=number > 0)
    return means
