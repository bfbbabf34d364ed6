"""How well one ranking agrees with another: the paper's three figures and what they leave out.

A is ours, B the reference. An interval that touches another counts as separated (lower >= upper),
everywhere: only so do the paper's printed figures come out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from arena.ratings.cells import Floats
from arena.ratings.intervals import LEVEL
from arena.ratings.names import Matching, match
from arena.records import BadInput, Reference

Flags = npt.NDArray[np.bool_]

METRICS: dict[str, str] = {
    "spearman": "Spearman correlation of the ranks",
    "human_agreement": "Human agreement with 95% CI: over pairs that the reference separates, +1 separated "
    "in the same order, -1 in the opposite order, 0 not separated by ours (Arena-Hard's agreement)",
    "differentiation": "Differentiation with 95% CI: pairs that ours separates (Arena-Hard's separability)",
    "average": "Plain mean of the three above, the paper's summary",
    "kendall": "Kendall's tau-b of the ranks",
    "pearson": "Pearson correlation of the ratings",
    "order_agreement": "Share of pairs, separated or not, in the reference's order",
    "brier": "Pair-rank Brier score, 0 best: squared error of the chance that our intervals give to the "
    "reference's order",
}
"""Name -> what it says."""


@dataclass(frozen=True)
class Metric:
    """A figure with its counts where it has some, and its 95% bootstrap interval over models."""

    value: float | None
    numerator: int | None = None
    denominator: int | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Disagreement:
    """A pair that the reference separates and ours does not put in the same order."""

    above: str
    """Our name of the one that the reference puts above."""
    below: str
    reversed: bool
    """Ours separates the pair in the opposite order; else ours cannot separate it."""
    our_gap: float
    their_gap: float


@dataclass(frozen=True)
class Consistency:
    """The comparison; `ours` and `theirs` are matched rows in the same order, the reference's best first."""

    metrics: Mapping[str, Metric]
    ours: tuple[Reference, ...]
    theirs: tuple[Reference, ...]
    matching: Matching
    disagreements: tuple[Disagreement, ...]


def compare(
    ours: Sequence[Reference],
    theirs: Sequence[Reference],
    aliases: Mapping[str, str] | None = None,
    *,
    close: float | None = None,
    top: int | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Consistency:
    """Compare two tables over the models both have.

    `top` keeps the reference's k best; `close` keeps the pairs at most so many points apart there (the
    correlations, which know no pairs, are then left out). `draws` of 0 skips the bootstrap, which
    resamples models, as the figures depend on which models were compared.

    Raises:
        BadInput: fewer than two models are in both tables.
    """
    matching = match([row.model for row in ours], [row.model for row in theirs], aliases)
    by_name = {row.model: row for row in ours}, {row.model: row for row in theirs}
    both = [(by_name[0][a], by_name[1][b]) for a, b in matching.pairs]
    both.sort(key=lambda pair: (-pair[1].rating, pair[1].model))
    both = both[:top] if top else both
    if len(both) < 2:
        raise BadInput(_too_few(matching, top))
    tables = _Tables.of([a for a, _ in both], [b for _, b in both], close)
    metrics = tables.metrics(np.ones((1, len(both))))
    resampled = tables.metrics(_resampled(len(both), draws, seed)) if draws else {}
    return Consistency(
        {
            name: _metric(tables, name, float(value[0]), resampled.get(name))
            for name, value in metrics.items()
        },
        tuple(a for a, _ in both),
        tuple(b for _, b in both),
        matching,
        tables.disagreements([a.model for a, _ in both]),
    )


def _too_few(matching: Matching, top: int | None) -> str:
    likely = "; ".join(f"{s.ours} may be {s.theirs}" for s in matching.suggestions[:5])
    return (
        f"Only {len(matching.pairs)} model{'s are' if len(matching.pairs) != 1 else ' is'} in both tables"
        f"{f' (top {top})' if top else ''}; a comparison needs two. Without counterpart: "
        f"{', '.join(matching.unmatched_ours[:10]) or 'none of ours'}."
        f"{f' {likely}: confirm them as aliases.' if likely else ''}"
    )


def _resampled(size: int, draws: int, seed: int) -> Floats:
    """[draws, models] how often each model is drawn."""
    times = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), size=draws)
    return times.astype(np.float64)


@dataclass(frozen=True, eq=False)
class _Tables:
    """Both tables as arrays, and what they say of each pair of models."""

    ours: Floats
    theirs: Floats
    our_order: Floats
    """[models, models] +1 where the row is separated above the column, -1 below, 0 else."""
    their_order: Floats
    chance: Floats
    """[models, models] chance by our intervals that the row stands above the column."""
    pairs: Flags
    """[models, models] the pairs to count, row < column."""
    separable: bool
    """Both tables have intervals."""
    ours_separable: bool
    close: bool

    @staticmethod
    def of(ours: Sequence[Reference], theirs: Sequence[Reference], close: float | None) -> _Tables:
        left, right = np.array([row.rating for row in ours]), np.array([row.rating for row in theirs])
        pairs = np.triu(np.ones((len(left), len(left)), bool), 1)
        if close is not None:
            pairs &= np.abs(right[:, None] - right[None, :]) <= close
        has_left, has_right = (all(row.low is not None for row in table) for table in (ours, theirs))
        return _Tables(
            left,
            right,
            separated(ours),
            separated(theirs),
            _chance(ours),
            pairs,
            has_left and has_right,
            has_left,
            close is not None,
        )

    def metrics(self, times: Floats) -> dict[str, Floats]:
        """[draws] of every metric when each model counts `times` [draws, models]; NaN where undefined."""
        empty = np.full(len(times), np.nan)
        our_sign = np.sign(self.ours[:, None] - self.ours[None, :])
        their_sign = np.sign(self.theirs[:, None] - self.theirs[None, :])
        found = dict.fromkeys(METRICS, empty)
        if not self.close:
            found["spearman"] = _correlation(_ranks(self.ours, times), _ranks(self.theirs, times), times)
            found["pearson"] = _correlation(self.ours[None], self.theirs[None], times)
        if self.separable:
            judged = self.pairs & (self.their_order != 0)
            found["human_agreement"] = self._mean(self.our_order * self.their_order, judged, times)
        if self.ours_separable:
            found["differentiation"] = self._mean(np.abs(self.our_order), self.pairs, times)
            error = (self.chance - (their_sign > 0)) ** 2
            found["brier"] = self._mean(error, self.pairs & (their_sign != 0), times)
        found["average"] = (found["spearman"] + found["human_agreement"] + found["differentiation"]) / 3
        product = np.sqrt(
            self._sum(our_sign**2, self.pairs, times) * self._sum(their_sign**2, self.pairs, times)
        )
        found["kendall"] = _ratio(self._sum(our_sign * their_sign, self.pairs, times), product)
        found["order_agreement"] = self._mean(our_sign == their_sign, self.pairs & (their_sign != 0), times)
        return found

    def counts(self, name: str) -> tuple[int, int] | None:
        """Numerator and denominator of the metrics that are counts."""
        if name == "human_agreement" and self.separable:
            judged = self.pairs & (self.their_order != 0)
            return int((self.our_order * self.their_order)[judged].sum()), int(judged.sum())
        if name == "differentiation" and self.ours_separable:
            return int(np.abs(self.our_order)[self.pairs].sum()), int(self.pairs.sum())
        if name == "order_agreement":
            theirs = self.theirs[:, None] - self.theirs[None, :]
            judged = self.pairs & (theirs != 0)
            same = np.sign(self.ours[:, None] - self.ours[None, :]) == np.sign(theirs)
            return int(same[judged].sum()), int(judged.sum())
        return None

    def disagreements(self, names: Sequence[str]) -> tuple[Disagreement, ...]:
        wrong = self.pairs & (self.their_order != 0) & (self.our_order != self.their_order)
        found = []
        for i, j in np.argwhere(wrong):
            above, below = (i, j) if self.their_order[i, j] > 0 else (j, i)
            found.append(
                Disagreement(
                    names[above],
                    names[below],
                    bool(self.our_order[i, j] != 0),
                    float(self.ours[above] - self.ours[below]),
                    float(self.theirs[above] - self.theirs[below]),
                )
            )
        return tuple(sorted(found, key=lambda d: d.our_gap))

    def _sum(self, values: npt.NDArray[np.generic], where: Flags, times: Floats) -> Floats:
        total: Floats = np.einsum(
            "di,ij,dj->d", times, np.where(where, values, 0).astype(np.float64), times, optimize=True
        )
        return total

    def _mean(self, values: npt.NDArray[np.generic], where: Flags, times: Floats) -> Floats:
        return _ratio(self._sum(values, where, times), self._sum(np.ones_like(self.chance), where, times))


def separated(table: Sequence[Reference]) -> Floats:
    """[models, models] +1 where the row's interval lies above the column's, -1 below, 0 where they overlap
    or a table has no intervals."""
    rating = np.array([row.rating for row in table])
    low = np.array([np.nan if row.low is None else row.low for row in table])
    high = np.array([np.nan if row.high is None else row.high for row in table])
    above = (low[:, None] >= high[None, :]) & (rating[:, None] > rating[None, :])
    return above.astype(np.float64) - above.T


def _chance(table: Sequence[Reference]) -> Floats:
    """Normal intervals: P(row above column) = Phi(gap / sqrt(s1^2 + s2^2))."""
    rating = np.array([row.rating for row in table])
    width = np.array([0.0 if row.low is None or row.high is None else row.high - row.low for row in table])
    deviation = width / 2 / ndtri((1 + LEVEL) / 2)
    spread = np.sqrt(deviation[:, None] ** 2 + deviation[None, :] ** 2)
    gap = rating[:, None] - rating[None, :]
    certain = (np.sign(gap) + 1) / 2
    scaled = np.divide(gap, spread, out=np.zeros_like(gap), where=spread > 0)
    chances: Floats = np.where(spread > 0, ndtr(scaled), certain)
    return chances


def _ranks(values: Floats, times: Floats) -> Floats:
    """[draws, models] mean ranks in the sample where each model occurs `times`."""
    order = np.sort(np.unique(values))
    level = np.searchsorted(order, values)
    here = np.zeros((len(times), len(order)))
    for model, k in enumerate(level):
        here[:, k] += times[:, model]
    below = np.cumsum(here, axis=1) - here
    places: Floats = (below + (here + 1) / 2)[:, level]
    return places


def _correlation(left: Floats, right: Floats, times: Floats) -> Floats:
    total = times.sum(axis=1, keepdims=True)
    a = left - (times * left).sum(axis=1, keepdims=True) / total
    b = right - (times * right).sum(axis=1, keepdims=True) / total
    spread = np.sqrt((times * a**2).sum(axis=1) * (times * b**2).sum(axis=1))
    return _ratio((times * a * b).sum(axis=1), spread)


def _ratio(top: Floats, bottom: Floats) -> Floats:
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)


def _metric(tables: _Tables, name: str, value: float, resampled: Floats | None) -> Metric:
    counts = tables.counts(name)
    numerator, denominator = counts or (None, None)
    if not np.isfinite(value):
        return Metric(None, numerator, denominator)
    if resampled is None or not np.isfinite(resampled).any():
        return Metric(value, numerator, denominator)
    low, high = np.nanquantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Metric(value, numerator, denominator, float(low), float(high))
