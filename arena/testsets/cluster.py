"""Groups of instructions by meaning: K-Means (faiss), their typical words, their cohesion, and a flat map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from arena.testsets.words import words

Vectors = NDArray[np.float32]
ROUNDS = 20
"""Steps of K-Means."""
_STOP_WORDS = """
a an and are as at be but by can do does for from give had has have how i if in into is it its like me my
no not of on one or our please should so some that the their them then there these they this to two us
use using was we were what when where which who why will with would write you your name answer sentence
sentences
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True)
class Cluster:
    number: int
    name: str
    """Its typical words."""
    size: int
    cohesion: float
    """Mean cosine of its members to its centre; 1 when all say the same."""


@dataclass(frozen=True)
class Clustering:
    labels: NDArray[np.int32]
    clusters: list[Cluster]


def k_means(vectors: Vectors, count: int, seed: int) -> NDArray[np.int32]:
    """A label for each unit vector; the same for the same vectors and seed. At most one cluster a row."""
    import faiss

    count = min(count, len(np.unique(vectors, axis=0)) if len(vectors) <= 4096 else len(vectors))
    if count <= 1:
        return np.zeros(len(vectors), dtype=np.int32)
    faiss.omp_set_num_threads(1)
    model = faiss.Kmeans(
        vectors.shape[1], count, niter=ROUNDS, seed=seed, spherical=True, min_points_per_centroid=1
    )
    model.train(np.ascontiguousarray(vectors))
    _, labels = model.index.search(np.ascontiguousarray(vectors), 1)
    _, compact = np.unique(labels[:, 0], return_inverse=True)
    return compact.astype(np.int32)


def cluster(vectors: Vectors, texts: Sequence[str], count: int, seed: int) -> Clustering:
    """K-Means with names, sizes and cohesion."""
    labels = k_means(vectors, count, seed)
    names = typical_words(texts, labels)
    sizes = np.bincount(labels)
    sums = np.zeros((len(sizes), vectors.shape[1]), dtype=np.float64)
    np.add.at(sums, labels, vectors)
    cohesion = np.linalg.norm(sums, axis=1) / sizes  # the mean of unit vectors has this length
    return Clustering(
        labels,
        [
            Cluster(n, names[n], int(size), round(float(close), 3))
            for n, (size, close) in enumerate(zip(sizes, cohesion, strict=True))
        ],
    )


def typical_words(texts: Sequence[str], labels: NDArray[np.int32], most: int = 3) -> list[str]:
    """For each cluster its words of highest class-based TF-IDF (Grootendorst 2022), joined by commas."""
    counts: list[Counter[str]] = [Counter() for _ in range(int(labels.max(initial=-1)) + 1)]
    overall: Counter[str] = Counter()
    for text, label in zip(texts, labels.tolist(), strict=True):
        found = {w for w in words(text[:2000]) if len(w) > 1 and not w.isdigit() and w not in STOP_WORDS}
        counts[label].update(found)
        overall.update(found)
    average = sum(overall.values()) / max(1, len(counts))

    def name(counted: Counter[str]) -> str:
        weights = {word: n * np.log1p(average / overall[word]) for word, n in counted.items()}
        best = sorted(weights, key=lambda word: (-weights[word], word))[:most]
        return ", ".join(best) or "no words"

    return [name(counted) for counted in counts]


def _pca(vectors: Vectors, seed: int) -> NDArray[np.float64]:
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    axes = directions[:, :-3:-1]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])  # eigh leaves the sign open
    return np.asarray(centred @ (axes * signs), dtype=np.float64)


def _tsne(vectors: Vectors, seed: int) -> NDArray[np.float64]:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, max(1.0, (len(vectors) - 1) / 3))
    return np.asarray(TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(vectors))


def _umap(vectors: Vectors, seed: int) -> NDArray[np.float64]:
    import umap

    return np.asarray(umap.UMAP(n_components=2, random_state=seed).fit_transform(vectors))


MAPS: dict[str, Callable[[Vectors, int], NDArray[np.float64]]] = {"pca": _pca, "tsne": _tsne, "umap": _umap}
"""Name -> how vectors are laid out on a plane. t-SNE comes with scikit-learn, UMAP where it is installed."""


def maps_here() -> list[str]:
    """The maps that can be drawn with what is installed."""
    return [name for name in MAPS if name != "umap" or find_spec("umap")]


def flat_map(vectors: Vectors, method: str, seed: int) -> NDArray[np.float64]:
    """Two coordinates a row, within -1 to 1."""
    if len(vectors) < 4 or vectors.shape[1] < 2:
        return np.zeros((len(vectors), 2))
    points = MAPS[method](vectors, seed)
    return points / max(1e-9, float(np.abs(points).max()))
