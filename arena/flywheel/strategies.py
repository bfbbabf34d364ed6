"""The paper's selection and the six it is compared with (paper.md section 6): each puts candidates in order.

A strategy is (candidates, size, seed, scores) -> the best `size` of them, best first.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arena.flywheel.selection import Candidate

    Strategy = Callable[[list[Candidate], int, int, Mapping[str, float]], list[Candidate]]

NEEDS_SCORES = ("ifd", "perplexity")
"""Strategies that rank by the student's own likelihoods (flywheel/likelihood.py)."""

TAGS: dict[str, str] = {
    "format": r"\b(json|table|list|bullet|markdown|csv|html|yaml|format|heading)",
    "length": r"\b(\d+ (?:words?|sentences?|lines?|paragraphs?)|short|brief|concise|long|detailed)\b",
    "style": r"\b(tone|style|formal|informal|humou?r|poem|rhyme|like a|as if)\b",
    "role": r"\b(you are|act as|imagine|pretend|role)\b",
    "reason": r"\b(why|explain|reason|because|prove|justify|step by step)\b",
    "compare": r"\b(compare|difference|versus|vs|better|pros|cons|advantages?)\b",
    "code": r"```|\b(code|function|python|java|sql|script|regex|algorithm|class)\b",
    "maths": r"\d\s*[-+*/^=]\s*\d|\b(calculate|solve|equation|sum|probability|percent)\b",
    "condition": r"\b(if|unless|only|without|must|never|except|avoid|at (?:least|most))\b",
    "translate": r"\b(translate|english|french|german|spanish|chinese|language)\b",
    "summary": r"\b(summari[sz]e|summary|rewrite|paraphrase|shorten)\b",
    "facts": r"\b(who|when|where|which|what is|capital|history|year)\b",
    "create": r"\b(write|create|design|compose|invent|story|plan)\b",
    "sequence": r"\b(first|then|after that|finally|next)\b",
}
"""Tag -> what betrays it. INSTAG asks ChatGPT for open tags; these fixed ones need no model."""


def pair_judge(pool: list[Candidate], size: int, seed: int, scores: Mapping[str, float]) -> list[Candidate]:
    """The widest gap first; `Selection.k` has cut the narrow ones."""
    return sorted(pool, key=lambda c: (-c.margin, c.battle))[:size]


def at_random(pool: list[Candidate], size: int, seed: int, scores: Mapping[str, float]) -> list[Candidate]:
    ordered = sorted(pool, key=lambda c: c.battle)
    random.Random(seed).shuffle(ordered)
    return ordered[:size]


def by_length(pool: list[Candidate], size: int, seed: int, scores: Mapping[str, float]) -> list[Candidate]:
    """The longest labels first."""
    return sorted(pool, key=lambda c: (-sum(map(len, c.chosen)), c.battle))[:size]


def by_clusters(pool: list[Candidate], size: int, seed: int, scores: Mapping[str, float]) -> list[Candidate]:
    """K-means over the instructions' words (TF-IDF), then one of each cluster in turn, central first."""
    if not 0 < size < len(pool):
        return at_random(pool, size, seed, scores)
    from sklearn.cluster import KMeans
    from sklearn.feature_extraction.text import TfidfVectorizer

    ordered = sorted(pool, key=lambda c: c.battle)
    words = TfidfVectorizer(token_pattern=r"\w+")  # noqa: S106 - a pattern of words
    vectors = words.fit_transform(" ".join(c.turns) for c in ordered)
    count = min(size, max(2, round(len(ordered) ** 0.5)))
    distances = KMeans(count, random_state=seed, n_init=1).fit_transform(vectors)
    clusters = distances.argmin(axis=1)
    central = sorted(range(len(ordered)), key=lambda i: distances[i].min())
    turn: dict[int, int] = {}
    places = []
    for i in central:
        turn[clusters[i]] = turn.get(clusters[i], 0) + 1
        places.append((turn[clusters[i]], clusters[i], i))
    return [ordered[i] for _, _, i in sorted(places)][:size]


def tags(candidate: Candidate) -> frozenset[str]:
    """What the instruction asks for, by `TAGS`; each turn beyond the first is a tag of its own."""
    text = " ".join(candidate.turns).lower()
    found = {tag for tag, pattern in TAGS.items() if re.search(pattern, text)}
    return frozenset(found | {f"turn {n}" for n in range(2, len(candidate.turns) + 1)})


def by_tags(pool: list[Candidate], size: int, seed: int, scores: Mapping[str, float]) -> list[Candidate]:
    """Complexity first, diversity too (INSTAG): in passes, the most tags first if they bring a new one."""
    rest = sorted(((tags(c), c) for c in pool), key=lambda pair: (-len(pair[0]), pair[1].battle))
    chosen: list[Candidate] = []
    while rest and len(chosen) < size:
        seen: set[str] = set()
        later = []
        for found, candidate in rest:
            if found - seen or not seen:
                chosen.append(candidate)
                seen |= found or {"none"}
            else:
                later.append((found, candidate))
        rest = later
    return chosen[:size]


def by_score(pool: list[Candidate], size: int, seed: int, scores: Mapping[str, float]) -> list[Candidate]:
    """The highest figure first; those without one are left out, and IFD of 1 or more (the instruction does
    not help the answer; Li et al. 2024 drop them) has been left without a figure."""
    known = [c for c in pool if c.battle in scores]
    return sorted(known, key=lambda c: (-scores[c.battle], c.battle))[:size]


STRATEGIES: dict[str, Strategy] = {
    "pair-judge": pair_judge,
    "random": at_random,
    "k-means": by_clusters,
    "length": by_length,
    "ifd": by_score,
    "instag": by_tags,
    "perplexity": by_score,
}
"""Name -> how it orders candidates."""
