"""Which of two tables' names mean the same model: exact after tidying, else a person's alias, else a
suggestion by rapidfuzz that waits for a person."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LIKELY = 85.0
"""rapidfuzz's score (0-100) above which a name is worth suggesting."""


@dataclass(frozen=True)
class Suggestion:
    """A name without counterpart and the likeliest one."""

    ours: str
    theirs: str
    score: float


@dataclass(frozen=True)
class Matching:
    """Who is who in two tables."""

    pairs: tuple[tuple[str, str], ...]
    """(our name, their name)"""
    unmatched_ours: tuple[str, ...]
    unmatched_theirs: tuple[str, ...]
    suggestions: tuple[Suggestion, ...]
    """Never used unless a person says so."""


def tidy(name: str) -> str:
    """Letters and digits alone, lower case: 'Llama-3-70B-Instruct' = 'llama 3 70b instruct'; + stays,
    as Command R and Command R+ are two models."""
    return re.sub(r"[^a-z0-9+]", "", name.lower())


def match(ours: Iterable[str], theirs: Iterable[str], aliases: Mapping[str, str] | None = None) -> Matching:
    """`aliases` maps our names to theirs; an empty name says that there is no counterpart."""
    known = dict(aliases or {})
    left, right = list(ours), list(theirs)
    by_tidy: dict[str, list[str]] = {}
    for name in right:
        by_tidy.setdefault(tidy(name), []).append(name)
    pairs: dict[str, str] = {}
    for name in left:
        if name in known:
            if known[name] in right:
                pairs[name] = known[name]
            continue
        if name in right:
            pairs[name] = name
        elif len(by_tidy.get(tidy(name), [])) == 1:
            pairs[name] = by_tidy[tidy(name)][0]
    pairs = _once(pairs)
    lonely = [name for name in left if name not in pairs]
    free = [name for name in right if name not in set(pairs.values())]
    asked = [name for name in lonely if name not in known]
    return Matching(tuple(pairs.items()), tuple(lonely), tuple(free), _suggestions(asked, free))


def _once(pairs: dict[str, str]) -> dict[str, str]:
    """Two of our names never take one of theirs: the exact name wins, else the first."""
    taken: dict[str, str] = {}
    for ours, theirs in pairs.items():
        if theirs not in taken or ours == theirs:
            taken[theirs] = ours
    return {ours: theirs for ours, theirs in pairs.items() if taken[theirs] == ours}


def _suggestions(lonely: list[str], free: list[str]) -> tuple[Suggestion, ...]:
    from rapidfuzz import fuzz, process

    found = []
    for name in lonely:
        best = process.extractOne(name, free, scorer=fuzz.WRatio, processor=str.lower, score_cutoff=LIKELY)
        if best is not None:
            found.append(Suggestion(name, str(best[0]), float(best[1])))
    return tuple(found)
