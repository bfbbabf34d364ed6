"""What keeps a board from having one answer: pools that never met, contenders that only win or lose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from arena.ratings.cells import FIRST_WON, SECOND_WON, TIED, Cells, Floats, Ints


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong with a board, in the user's words."""

    kind: str
    """pools, unbeaten, winless"""
    contenders: tuple[str, ...]
    text: str
    mend: tuple[tuple[str, str], ...]
    """Pairs whose battles would mend it, the most telling first."""


def is_whole(cells: Cells, outcomes: Floats) -> bool:
    """Everybody can be reached from everybody along wins and ties: exactly then the likelihood has one
    finite optimum (Ford 1957)."""
    return _groups(cells, outcomes, strong=True)[0] == 1


def find(cells: Cells) -> tuple[Trouble, ...]:
    """All that is wrong with the board; empty when it is whole."""
    pools, pool_of = _groups(cells, cells.weight, strong=False)
    if pools > 1:
        return (_pools(cells, pool_of, pools),)
    groups, group_of = _groups(cells, cells.weight, strong=True)
    if groups == 1:
        return ()
    sides = [
        (kind, np.flatnonzero(group_of == group))
        for kind in ("unbeaten", "winless")
        for group in _ends(cells, group_of, groups, kind)
    ]
    # When one contender loses to all the others, the others are no news.
    few = [(kind, group) for kind, group in sides if 2 * len(group) <= cells.size] or sides
    return tuple(_one_sided(cells, group, kind) for kind, group in few)


def _groups(cells: Cells, outcomes: Floats, strong: bool) -> tuple[int, Ints]:
    tied = outcomes[:, TIED] > 0
    forth = (outcomes[:, FIRST_WON] > 0) | tied
    back = (outcomes[:, SECOND_WON] > 0) | tied
    rows = np.r_[cells.first[forth], cells.second[back]]
    columns = np.r_[cells.second[forth], cells.first[back]]
    graph = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(cells.size, cells.size))
    found, labels = connected_components(graph, directed=strong, connection="strong" if strong else "weak")
    return int(found), labels.astype(np.int64)


def _ends(cells: Cells, group_of: Ints, groups: int, kind: str) -> list[int]:
    """Groups that nobody outside ever beat or tied (unbeaten), or that never beat or tied anybody."""
    beaten = np.zeros(groups, bool)
    won = np.zeros(groups, bool)
    for i, j, outcome in zip(cells.first, cells.second, cells.weight, strict=True):
        a, b = group_of[i], group_of[j]
        if a == b:
            continue
        if outcome[FIRST_WON] > 0:
            won[a] = beaten[b] = True
        if outcome[SECOND_WON] > 0:
            won[b] = beaten[a] = True
    return list(np.flatnonzero(~beaten if kind == "unbeaten" else ~won))


def _pools(cells: Cells, pool_of: Ints, pools: int) -> Trouble:
    members = [[cells.names[k] for k in np.flatnonzero(pool_of == pool)] for pool in range(pools)]
    members.sort(key=len, reverse=True)
    met = dict(zip(cells.names, cells.met(), strict=True))
    busiest = [max(pool, key=lambda name: met[name]) for pool in members]
    mend = tuple((busiest[0], other) for other in busiest[1:])
    return Trouble(
        "pools",
        tuple(name for pool in members[1:] for name in pool),
        f"These contenders form {pools} pools that never met: {_listed(members)}. Nothing says how one "
        f"pool compares with another. Battles of {_pairs(mend)} would join them.",
        mend,
    )


def _one_sided(cells: Cells, group: Ints, kind: str) -> Trouble:
    inside = set(group.tolist())
    share = cells.won() / np.maximum(cells.met(), 1)
    others = [k for k in range(cells.size) if k not in inside]
    others.sort(key=lambda k: share[k], reverse=kind == "unbeaten")
    names = tuple(cells.names[k] for k in group)
    weakest = min(group, key=lambda k: share[k]) if kind == "unbeaten" else max(group, key=lambda k: share[k])
    mend = tuple((cells.names[weakest], cells.names[k]) for k in others[:3])
    who = ", ".join(names)
    verb = ("has" if len(names) == 1 else "have") + (
        " never lost or tied" if kind == "unbeaten" else " never won or tied"
    )
    side = "above" if kind == "unbeaten" else "below"
    return Trouble(
        kind,
        names,
        f"{who} {verb} a battle against the others, so nothing says how far {side} them it stands. "
        f"More battles of {_pairs(mend)} would mend it, once one of them goes the other way.",
        mend,
    )


def _listed(pools: list[list[str]]) -> str:
    return "; ".join(
        ", ".join(pool[:5]) + (f" and {len(pool) - 5} more" if len(pool) > 5 else "") for pool in pools[:6]
    )


def _pairs(mend: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{a} against {b}" for a, b in mend[:5])
