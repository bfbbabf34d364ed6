"""How instructions are chosen: the paper's Diverse, Hard and Mix, a random draw, and a hand-picked list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arena.records import BadInput

Indices = NDArray[np.int64]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Pool:
    """What a recipe may draw from."""

    ids: Sequence[str]
    size: int
    seed: int
    clusters: NDArray[np.int32] | None = None
    """One label a row; None for recipes that need none."""
    per_cluster: int = 20
    """Candidates that Hard rates from each cluster (the paper's 20)."""
    rate: Callable[[Indices], Scores] | None = None
    """Difficulty 0-10 of rows; NaN where nobody could rate. Called once, with all that a recipe needs."""
    wanted: Sequence[str] = ()
    """Ids for the hand-picked recipe, in their order."""


@dataclass(frozen=True)
class Choice:
    """Rows in their final order, and what the card should say of how they came about."""

    rows: Indices
    facts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    title: str
    choose: Callable[[Pool], Choice]
    clusters: bool = False
    """Needs embeddings and clusters."""
    rates: bool = False
    """Needs difficulty."""


def _shuffled_members(pool: Pool, stream: int) -> list[Indices]:
    """The rows of each cluster in a seeded random order; two streams of one seed are independent."""
    assert pool.clusters is not None
    random = np.random.default_rng([pool.seed, stream])
    order = random.permutation(len(pool.ids))
    labels = pool.clusters[order]
    sorted_rows = order[np.argsort(labels, kind="stable")]
    ends = np.cumsum(np.bincount(pool.clusters))
    return [part for part in np.split(sorted_rows, ends[:-1]) if len(part)]


def _require(pool: Pool, available: int, what: str) -> None:
    if available < pool.size:
        raise BadInput(
            f"{pool.size:,} instructions were asked for, but only {available:,} {what}; "
            "ask for fewer, bring more, loosen the cleaning, or (hard, mix) rate more candidates a cluster."
        )


def _evenly(pool: Pool, size: int) -> Indices:
    """The same number from every cluster as nearly as sizes allow: one from each in turn."""
    members = _shuffled_members(pool, 1)
    turns = np.random.default_rng([pool.seed, 2]).permutation(len(members))
    chosen: list[int] = []
    depth = 0
    while len(chosen) < size:
        chosen += [int(members[c][depth]) for c in turns if len(members[c]) > depth]
        depth += 1
    return np.array(chosen[:size], dtype=np.int64)


def random(pool: Pool) -> Choice:
    """A plain seeded draw."""
    _require(pool, len(pool.ids), "are left")
    order = np.random.default_rng([pool.seed, 0]).permutation(len(pool.ids))
    return Choice(order[: pool.size].astype(np.int64))


def diverse(pool: Pool) -> Choice:
    """The same number from each cluster (the paper: 2 from each of 500)."""
    _require(pool, len(pool.ids), "are left")
    return Choice(_evenly(pool, pool.size))


def _by_difficulty(pool: Pool) -> Indices:
    """Up to `per_cluster` random rows of each cluster, the hardest first; unrated rows are left out."""
    assert pool.rate is not None
    members = _shuffled_members(pool, 3)
    candidates = np.sort(np.concatenate([rows[: pool.per_cluster] for rows in members]))
    scores = pool.rate(candidates)
    luck = np.random.default_rng([pool.seed, 4]).random(len(candidates))  # equal scores are drawn by lot
    rated = ~np.isnan(scores)
    order = np.lexsort((luck[rated], -scores[rated]))
    return candidates[rated][order]


def hard(pool: Pool) -> Choice:
    """The most difficult of a few from each cluster (the paper: top 1,000 of 20 from each of 500)."""
    ranked = _by_difficulty(pool)
    _require(pool, len(ranked), "could be rated")
    return Choice(ranked[: pool.size], {"rated": len(ranked)})


def mix(pool: Pool) -> Choice:
    """Half Diverse, half Hard. An instruction in both counts once, and the next hardest takes its place."""
    _require(pool, len(pool.ids), "are left")
    first = _evenly(pool, pool.size // 2)
    ranked = _by_difficulty(pool)
    taken = set(first.tolist())
    rest = [row for row in ranked.tolist() if row not in taken]
    need = pool.size - len(first)
    _require(pool, len(first) + len(rest), "are in the union of both halves")
    second = np.array(rest[:need], dtype=np.int64)
    passed = (
        int(np.searchsorted(np.cumsum([r not in taken for r in ranked.tolist()]), need)) + 1 if need else 0
    )
    facts = {"diverse": len(first), "hard": need, "overlap": passed - need, "rated": len(ranked)}
    return Choice(np.concatenate([first, second]), facts)


def handpicked(pool: Pool) -> Choice:
    """Exactly the named instructions, in the order named."""
    rows = {name: row for row, name in enumerate(pool.ids)}
    missing = [name for name in pool.wanted if name not in rows]
    if missing or not pool.wanted:
        what = ", ".join(missing[:5]) or "none was named"
        raise BadInput(f"A hand-picked set needs the ids of its instructions; not among those read: {what}.")
    return Choice(np.array([rows[name] for name in dict.fromkeys(pool.wanted)], dtype=np.int64))


RECIPES: dict[str, Recipe] = {
    "mix": Recipe("Mix: half diverse, half hard", mix, clusters=True, rates=True),
    "diverse": Recipe("Diverse: the same number from each cluster", diverse, clusters=True),
    "hard": Recipe("Hard: the most difficult of each cluster's candidates", hard, clusters=True, rates=True),
    "random": Recipe("Random draw", random),
    "handpicked": Recipe("Hand-picked list", handpicked),
}
"""Name -> how a test set is chosen."""
