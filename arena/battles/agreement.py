"""How far two who judged the same pairs agree: accuracy without ties and Cohen's kappa, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arena.records import Winner

CLASSES = (Winner.A, Winner.B, Winner.TIE)


@dataclass(frozen=True)
class Share:
    """A share with its 95% interval (Wilson)."""

    hits: float
    total: int

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval; honest near 0 and 1 and for small numbers."""
        if not self.total:
            return (0.0, 1.0)
        z, n, p = 1.96, self.total, self.hits / self.total
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return (max(0.0, centre - half), min(1.0, centre + half))


@dataclass(frozen=True)
class Agreement:
    """One judge against another, a person or imported labels."""

    other: str
    battles: int
    decided: Share
    """Same winner where neither said tie."""
    with_ties: Share
    kappa: float
    kappa_low: float
    kappa_high: float


def agree(other: str, pairs: Sequence[tuple[Winner, Winner]], seed: int = 0) -> Agreement:
    """Agreement over the same battles; both-bad counts as a tie.

    The interval of kappa is a bootstrap of 500 draws; with fewer than two battles it is -1 to 1.
    """
    said = [(_plain(mine), _plain(theirs)) for mine, theirs in pairs]
    decided = [(x, y) for x, y in said if Winner.TIE not in {x, y}]
    table = np.zeros((3, 3))
    for x, y in said:
        table[CLASSES.index(x), CLASSES.index(y)] += 1
    low, high = _kappa_interval(table, seed)
    return Agreement(
        other,
        len(said),
        Share(sum(x == y for x, y in decided), len(decided)),
        Share(sum(x == y for x, y in said), len(said)),
        kappa(table),
        low,
        high,
    )


def kappa(table: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> float:
    """Cohen's kappa of a square table of counts (Cohen 1960); 0 where chance alone explains all."""
    total = float(table.sum())
    if not total:
        return 0.0
    observed = float(np.trace(table)) / total
    chance = float(table.sum(axis=0) @ table.sum(axis=1)) / total**2
    return (observed - chance) / (1 - chance) if chance < 1 else 0.0


def _kappa_interval(
    table: np.ndarray[tuple[int, int], np.dtype[np.float64]], seed: int
) -> tuple[float, float]:
    total = int(table.sum())
    if total < 2:
        return (-1.0, 1.0)
    draws = np.random.default_rng(seed).multinomial(total, table.ravel() / total, size=500)
    found = [kappa(draw.reshape(3, 3).astype(np.float64)) for draw in draws]
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))


def _plain(winner: Winner) -> Winner:
    return Winner.TIE if winner is Winner.BOTH_BAD else winner
