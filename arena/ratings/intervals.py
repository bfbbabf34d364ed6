"""How sure a board is: bootstrap over battles or instructions, and the sandwich.

Battles on one instruction are not independent (a hard one is hard for all), so resampling battles
makes intervals too narrow there; resampling instructions is the honest default. Every kind yields
draws, from which ranks, differences and simultaneous intervals follow.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse
from scipy.special import expit, ndtri

from arena.ratings.bradley_terry import curvature
from arena.ratings.cells import FIRST_WON, SECOND_WON, TIED, Cells, Floats
from arena.ratings.methods import Boards, Method, Options

DRAWS = 200
LEVEL = 0.95
MANY = 20_000
"""Battles above which cells are drawn one by one instead of multinomially: several times faster."""
ENOUGH = 20
"""Battles in a cell from which its count is drawn from the normal law of the same mean and variance instead of
Poisson's: 5 times faster, and means and ends of the ratings are the same (`benchmarks/coverage.py --laws`)."""
BATCH = 100
"""Draws held in memory at once."""

INTERVALS: dict[str, str] = {
    "instructions": "bootstrap over instructions",
    "battles": "bootstrap over battles, rating is the median (the paper's way)",
    "sandwich": "sandwich, robust to a wrong model",
    "cluster-sandwich": "sandwich, robust to instructions that sway all their battles",
    "none": "no interval",
}
"""Name -> what the chart says."""


def plain(cells: Cells) -> Boards:
    """The board itself as one draw."""
    return Boards(cells.weight[None], cells.scores[None])


def bootstrap(cells: Cells, kind: str, draws: int, seed: int) -> Iterator[Boards]:
    """Resampled boards, `BATCH` at a time."""
    random = np.random.default_rng(seed)
    for start in range(0, draws, BATCH):
        size = min(BATCH, draws - start)
        yield (
            _by_instruction(cells, size, random)
            if kind == "instructions"
            else _by_battle(cells, size, random)
        )


def _by_battle(cells: Cells, draws: int, random: np.random.Generator) -> Boards:
    """Multinomial counts over the cells: the same law as drawing single battles with replacement. Above
    `MANY` battles each cell is drawn by itself, which differs only in that their total varies a little.

    Score sums are drawn from the normal law their mean approaches.
    """
    number = cells.number.ravel()
    total = int(number.sum())
    if total > MANY:
        drawn = _counts(number, draws, random).T
    else:
        drawn = random.multinomial(total, number / total, size=draws).astype(np.float64)
    outcomes = drawn.reshape(draws, -1, 3)
    counts = outcomes.sum(axis=2)
    if cells.weight is not cells.number:
        each = np.divide(cells.weight, cells.number, out=np.zeros_like(cells.weight), where=cells.number > 0)
        outcomes = outcomes * each
    scores = np.zeros(outcomes.shape)
    scored = cells.scores[:, 2]
    if scored.any():
        share = np.divide(scored, cells.number.sum(axis=1))
        count = np.rint(counts * share)
        for side in (0, 1):
            mean = np.divide(cells.scores[:, side], scored, out=np.zeros_like(scored), where=scored > 0)
            square = np.divide(
                cells.score_squares[:, side], scored, out=np.zeros_like(scored), where=scored > 0
            )
            spread = np.sqrt(np.maximum(square - mean**2, 0) * count)
            scores[..., side] = count * mean + spread * random.standard_normal(count.shape)
        scores[..., 2] = count
    return Boards(outcomes, scores)


def _counts(number: Floats, draws: int, random: np.random.Generator) -> Floats:
    """[cells, draws] resampled counts of cells that hold `number` battles each."""
    drawn: Floats = random.standard_normal((len(number), draws))
    drawn *= np.sqrt(number)[:, None]
    drawn += number[:, None]
    np.maximum(drawn, 0, out=drawn)
    few = np.flatnonzero(number < ENOUGH)
    drawn[few] = random.poisson(number[few, None], (len(few), draws))
    return drawn


def _by_instruction(cells: Cells, draws: int, random: np.random.Generator) -> Boards:
    assert cells.instructions is not None, "count(..., by_instruction=True) first"
    size = cells.instructions.size
    times = random.multinomial(size, np.full(size, 1 / size), size=draws).astype(np.float64).T
    return Boards(
        _resampled(cells.instructions.weight, times),
        _resampled(cells.instructions.scores, times),
    )


def _resampled(rows: sparse.csr_array, times: Floats) -> Floats:
    table: Floats = (rows.T.tocsr() @ times).T
    return np.ascontiguousarray(table.reshape(times.shape[1], -1, 3))


def rate_all(method: Method, cells: Cells, kind: str, draws: int, options: Options) -> tuple[Floats, int]:
    """Values of all draws [draws, contenders], and how many draws had to be regularised."""
    fits = [method.rate(cells, boards, options) for boards in bootstrap(cells, kind, draws, options.seed)]
    return np.concatenate([f.strengths for f in fits]), sum(f.regularised for f in fits)


def sandwich(cells: Cells, strengths: Floats, prior: float = 0.0, by_instruction: bool = False) -> Floats:
    """Covariance of Bradley-Terry strengths [contenders, contenders], mean centred (Huber, White;
    clusters with the factor n / (n - 1)).

    Fisher's information alone is too wide here: half-counted ties vary less than coin tosses.
    """
    weight = cells.weight
    inverse = np.linalg.inv(curvature(cells, strengths, weight.sum(axis=1), prior))
    chance = expit(strengths[cells.first] - strengths[cells.second])
    if by_instruction:
        assert cells.instructions is not None, "count(..., by_instruction=True) first"
        meat = _clustered(cells, chance)
    else:
        spread = (
            cells.square[:, FIRST_WON] * (1 - chance) ** 2
            + cells.square[:, SECOND_WON] * chance**2
            + cells.square[:, TIED] * (0.5 - chance) ** 2
        )
        incidence = cells.incidence()
        meat = (incidence.T @ sparse.diags_array(spread) @ incidence).toarray()
    centre = np.eye(cells.size) - 1 / cells.size
    covariance: Floats = centre @ inverse @ meat @ inverse @ centre
    return covariance


def _clustered(cells: Cells, chance: Floats) -> Floats:
    assert cells.instructions is not None
    rows = cells.instructions.weight
    residual = np.stack([1 - chance, -chance, 0.5 - chance], axis=1).ravel()
    wide = sparse.kron(cells.incidence(), np.ones((3, 1)), format="csr")
    slopes = rows @ sparse.diags_array(residual) @ wide
    size = cells.instructions.size
    meat: Floats = (slopes.T @ slopes).toarray() * (size / max(size - 1, 1))
    return meat


def normal_draws(centre: Floats, covariance: Floats, draws: int, seed: int) -> Floats:
    """Draws [draws, contenders] from the normal law of a sandwich, for ranks and differences."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    noise = np.random.default_rng(seed).standard_normal((draws, len(centre)))
    moved: Floats = centre + noise @ root.T
    return moved


def ends(draws: Floats, level: float = LEVEL) -> Floats:
    """[2, contenders] lower and upper percentiles."""
    return np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)


def simultaneous(draws: Floats, centre: Floats, level: float = LEVEL) -> Floats:
    """[2, contenders] intervals that hold for all contenders at once: the largest standardised
    deviation of a draw stays within them in `level` of the draws."""
    spread = draws.std(axis=0, ddof=1)
    scaled = np.divide(np.abs(draws - centre), spread, out=np.zeros_like(draws), where=spread > 0)
    reach = np.quantile(scaled.max(axis=1), level) * spread
    return np.stack([centre - reach, centre + reach])


def normal_ends(centre: Floats, covariance: Floats, level: float = LEVEL) -> Floats:
    """[2, contenders] symmetric ends of the sandwich."""
    reach = ndtri((1 + level) / 2) * np.sqrt(np.maximum(np.diag(covariance), 0))
    return np.stack([centre - reach, centre + reach])
