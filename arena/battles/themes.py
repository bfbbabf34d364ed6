"""What a judge's explanations keep coming back to: sentences clustered by their words, each cluster named.

Clusters are found anew in whatever the filter holds, so that a strange judge shows strange themes. A theme is
its word stems: the same stems file an explanation under it, here and in `browse.Filter.theme`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_SENTENCES = 3_000
MOST_TERMS = 400
MOST_THEMES = 8
WORDS_A_THEME = 3
SUFFIXES = re.compile(r"(?:ations?|ingly|edly|ness|ities|ity|ments?|able|ing|ion|ed|ly|es|er|s|e|y)$")
STOP = frozenset(
    re.findall(
        r"\S+",
        """
        the and for with that this are was were has have had not but its it's his her their they them than then also
        both all any each other more most much very too such some into onto from over only just does did doing done
        which while whereas when where what who how why can could would should may might will there these those
        because been being about between however though although either neither one two first second assistant
        assistants answer answers response responses model models user user's question instruction instructions
        prompt score scores rating better worse best good bad less same provides provide provided gives give given
        makes make made using use used out overall slightly like well even fairly quite rather another seat seats
        option here no yes you your
        """,
    )
)
"""Words that tell nothing of an explanation."""

WORD = re.compile(r"[^\W\d_]{2,}[\w'-]+")
NOTES = re.compile(r"\[[^\]\n]*\]")
"""What a judge's code adds in brackets: readings and odds, not words of the judge."""
COMMON = 0.6
"""A stem in a larger share of the explanations is a set phrase."""
FEW = 50
"""In so few explanations, what all of them say is still news."""
SEVERAL = 3
"""Instructions over which a word must come back to be more than a topic."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Theme:
    """One recurring theme."""

    name: str
    """Its words as they are written most often."""
    stems: tuple[str, ...]
    battles: int
    a_won: int


def pattern(stems: Iterable[str]) -> str:
    """A regular expression, of DuckDB's and Python's dialect alike, that finds a theme in a text in small letters."""
    clean = [re.sub(r"[^\w'-]", "", stem) for stem in stems]
    return r"\b(?:" + "|".join(re.escape(stem) for stem in clean if stem) + ")"


def themes(
    said: Mapping[str, str], won: Mapping[str, str], asked: Mapping[str, str] | None = None, seed: int = 0
) -> list[Theme]:
    """The themes of explanations, the most frequent first.

    Args:
        said: battle -> what its judge explained, in small letters.
        won: battle -> its winner.
        asked: battle -> its instruction: what is said of one or two of them only is their topic, no theme.
    """
    surface: Counter[tuple[str, str]] = Counter()
    bags: Counter[tuple[str, ...]] = Counter()
    telling = _telling(said, asked or {})
    for text in said.values():
        for sentence in re.split(r"[.!?;\n]+", NOTES.sub(" ", text)):
            words = [w for w in WORD.findall(sentence) if stem(w) in telling]
            surface.update((stem(w), w) for w in words)
            if words and bags.total() < MOST_SENTENCES:
                bags[tuple(sorted({stem(w) for w in words}))] += 1
    written: dict[str, str] = {}
    for (root, word), _ in surface.most_common():
        written.setdefault(root, word)
    found: list[Theme] = []
    seen: list[set[str]] = []
    for stems in _clusters(bags, seed):
        regex = re.compile(pattern(stems))
        holds = {battle for battle, text in said.items() if regex.search(text)}
        # Two clusters in the same battles are one theme told twice.
        if holds and all(len(holds & others) < 0.9 * len(holds | others) for others in seen):
            seen.append(holds)
            name = ", ".join(written[s] for s in stems)
            found.append(Theme(name, stems, len(holds), sum(won[b] == "A" for b in holds)))
    return sorted(found, key=lambda theme: (-theme.battles, theme.name))


def _telling(said: Mapping[str, str], asked: Mapping[str, str]) -> set[str]:
    """Stems that come back over several instructions, yet not everywhere as a judge's set phrase does."""
    held: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    for battle, text in said.items():
        stems = {stem(w) for w in WORD.findall(NOTES.sub(" ", text))}
        counts.update(stems)
        for found in stems:
            held.setdefault(found, set()).add(asked.get(battle, battle))
    several = min(SEVERAL, len({asked.get(battle, battle) for battle in said}))
    empty = {stem(word) for word in STOP}
    common = max(FEW, COMMON * len(said))
    return {s for s, n in counts.items() if n <= common and len(held[s]) >= several and s not in empty}


def stem(word: str) -> str:
    """A beginning that the forms of a word share, of four letters or more."""
    cut = SUFFIXES.sub("", word)
    return cut if len(cut) >= 4 else word


def _clusters(bags: Mapping[tuple[str, ...], int], seed: int) -> list[tuple[str, ...]]:
    """The telling stems of each cluster of sentences: spherical k-means over TF-IDF."""
    counts: Counter[str] = Counter()
    for stems, times in bags.items():
        counts.update(dict.fromkeys(stems, times))
    total = sum(bags.values())
    least = max(2, total // 200)
    terms = [t for t, n in counts.most_common(MOST_TERMS) if n >= least]
    if not terms:
        return []
    place = {term: k for k, term in enumerate(terms)}
    idf = np.log(1 + total / np.array([counts[t] for t in terms], dtype=float))
    rows = [(np.array([place[s] for s in stems if s in place]), n) for stems, n in bags.items()]
    rows = [(places, n) for places, n in rows if len(places)]
    vectors = np.zeros((len(rows), len(terms)))
    weights = np.array([n for _, n in rows], dtype=float)
    for k, (places, _) in enumerate(rows):
        vectors[k, places] = idf[places]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    label = _k_means(vectors, weights, min(MOST_THEMES, len(rows), round((total / 2) ** 0.5) or 1), seed)
    named: list[tuple[str, ...]] = []
    taken: set[str] = set()
    overall = weights @ vectors / weights.sum()
    for cluster in np.argsort(-np.bincount(label, weights, label.max() + 1)):
        mine = label == cluster
        if not mine.any():
            continue
        centre = weights[mine] @ vectors[mine] / weights[mine].sum()
        telling = np.argsort(-(centre - overall))
        best = [terms[t] for t in telling if centre[t] > 0.1 and terms[t] not in taken][:WORDS_A_THEME]
        if not best and not named:
            best = [terms[int(np.argmax(centre))]]
        taken.update(best)
        if best:
            named.append(tuple(best))
    return named


def _k_means(vectors: Array, weights: Array, k: int, seed: int) -> Array:
    """Cluster of each unit vector; the seeds lie far apart (k-means++)."""
    random = np.random.default_rng(seed)
    centres = vectors[[int(np.argmax(weights))]]
    while len(centres) < k:
        away = np.clip(1 - (vectors @ centres.T).max(axis=1), 0, None) * weights
        if away.sum() <= 1e-9:
            break
        centres = np.vstack([centres, vectors[random.choice(len(vectors), p=away / away.sum())]])
    label = np.zeros(len(vectors), dtype=int)
    for _ in range(25):
        latest = (vectors @ centres.T).argmax(axis=1)
        if (latest == label).all():
            break
        label = latest
        for c in range(len(centres)):
            mine = label == c
            if mine.any():
                middle = weights[mine] @ vectors[mine]
                centres[c] = middle / np.linalg.norm(middle)
    return label
