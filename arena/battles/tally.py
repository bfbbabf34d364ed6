"""What pairing rules know of the battles so far: sums a pair, and a quick Bradley-Terry fit on them.

Rooms don't import each other, so this is a small fit of our own; boards use arena.ratings.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from arena.records import Winner

Floats = npt.NDArray[np.float64]
ELO = 400 / np.log(10)
"""Elo points per unit of log-odds."""
POINTS: dict[Winner, float] = {Winner.A: 1.0, Winner.B: 0.0, Winner.TIE: 0.5, Winner.BOTH_BAD: 0.5}


@dataclass(frozen=True)
class Meeting:
    """Two contenders on one instruction; `a` < `b`."""

    instruction: str
    a: str
    b: str


def meeting(instruction: str, x: str, y: str) -> Meeting:
    """The meeting with its contenders in their one order."""
    return Meeting(instruction, min(x, y), max(x, y))


@dataclass(frozen=True)
class Field:
    """Who can meet on what, and the figures a pairing may need."""

    instructions: tuple[str, ...]
    contenders: tuple[str, ...]
    target: str = ""
    seed: int = 0
    k: int = 1
    """Pairs an instruction in `random`."""
    width: float = 0.0
    """Stop when the mean 95% interval is at most this wide in Elo; 0: don't look at it."""
    stability: float = 0.98
    """Stop when rankings drawn from the fit's uncertainty reach this mean Spearman with it; 0: off."""
    batch: int = 0
    """Meetings between two looks at the tally; 0: twice the number of contenders, at least 30."""


@dataclass
class Tally:
    """Sums over battles, [n, n], both directions of a pair filled."""

    contenders: tuple[str, ...]
    battles: Floats = field(init=False)
    points: Floats = field(init=False)
    """Points of the row against the column; a tie gives half to each."""
    squares: Floats = field(init=False)
    """Sums of points^2, for the spread that intervals need."""

    def __post_init__(self) -> None:
        n = len(self.contenders)
        self._place = {name: place for place, name in enumerate(self.contenders)}
        self.battles, self.points, self.squares = (np.zeros((n, n)) for _ in range(3))

    def add(self, a: str, b: str, points_a: float, times: int = 1) -> None:
        """`times` battles in which a got these points, 0 to 1."""
        i, j = self._place[a], self._place[b]
        for row, column, points in ((i, j, points_a), (j, i, 1 - points_a)):
            self.battles[row, column] += times
            self.points[row, column] += times * points
            self.squares[row, column] += times * points**2


@dataclass(frozen=True)
class QuickFit:
    theta: Floats
    """[n] log-odds, mean 0."""
    covariance: Floats
    """[n, n] sandwich covariance of theta, so that ties narrow it as they should."""
    inverse: Floats
    """[n, n] inverse of Fisher's information alone: what further battles add to."""

    @property
    def widths(self) -> Floats:
        """[n] widths of the 95% intervals in Elo."""
        widths: Floats = 2 * 1.96 * ELO * np.sqrt(np.clip(np.diag(self.covariance), 0, None))
        return widths


def quick_fit(tally: Tally, prior: float = 0.0) -> QuickFit | None:
    """Bradley-Terry by Newton; None while the pairs don't connect all or somebody won or lost all.

    Args:
        prior: pseudo-draws added to every pair, which makes a fit possible from the start.
    """
    battles, points = tally.battles + prior, tally.points + prior / 2
    np.fill_diagonal(battles, 0)
    np.fill_diagonal(points, 0)
    n = len(battles)
    if not prior and not _strongly_connected(points > 0):
        return None
    theta = np.zeros(n)
    flat = np.full((n, n), 1 / n)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-(theta[:, None] - theta[None, :])))
        gradient = (points - battles * chance).sum(axis=1)
        curve = battles * chance * (1 - chance)
        hessian = np.diag(curve.sum(axis=1)) - curve
        step = np.linalg.solve(hessian + flat, gradient)
        theta = theta + step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    chance = 1 / (1 + np.exp(-(theta[:, None] - theta[None, :])))
    curve = battles * chance * (1 - chance)
    bread = np.linalg.inv(np.diag(curve.sum(axis=1)) - curve + flat) - flat
    spread = tally.squares - 2 * chance * tally.points + chance**2 * tally.battles
    spread = np.clip(spread, 0, None)
    meat = np.diag(spread.sum(axis=1)) - spread
    return QuickFit(theta - theta.mean(), bread @ meat @ bread, bread)


def _strongly_connected(beats: npt.NDArray[np.bool_]) -> bool:
    """Ford's condition: from everybody a chain of wins (or ties) leads to everybody."""
    reach = beats | np.eye(len(beats), dtype=bool)
    for _ in range(max(1, int(np.ceil(np.log2(max(2, len(beats))))))):
        reach = (reach.astype(np.float64) @ reach.astype(np.float64)) > 0
    return bool(reach.all())


def expected_spearman(fit: QuickFit, seed: int = 0, draws: int = 200) -> float:
    """Mean Spearman correlation of rankings drawn from the fit's uncertainty with the fitted one."""
    random = np.random.default_rng(seed)
    n = len(fit.theta)
    values, vectors = np.linalg.eigh(fit.covariance)
    noise = random.standard_normal((draws, n)) * np.sqrt(np.clip(values, 0, None))
    drawn = fit.theta + noise @ vectors.T
    base = fit.theta.argsort().argsort().astype(np.float64)
    ranks = drawn.argsort(axis=1).argsort(axis=1).astype(np.float64)
    return float(np.mean(1 - 6 * ((ranks - base) ** 2).sum(axis=1) / (n * (n * n - 1))))


def is_good_enough(tally: Tally, width: float, stability: float, seed: int = 0) -> bool:
    """Whether the wished interval width and rank stability are reached; a wish of 0 is met."""
    fit = quick_fit(tally)
    if fit is None:
        return False
    if width and float(np.mean(fit.widths)) > width:
        return False
    return not stability or expected_spearman(fit, seed) >= stability
