"""Near duplicates by MinHash and locality-sensitive hashing (Broder 1997), all texts in a few arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from arena.testsets.words import Words, count_words, groups

BLOCK = 1 << 15
"""Word groups hashed at once: what stays in a core's cache."""


@dataclass(frozen=True)
class Bands:
    """How a signature is cut for the search."""

    count: int
    rows: int


def bands_for(threshold: float, permutations: int) -> Bands:
    """The cut that misses few pairs above the threshold: a miss weighs 10 times a false candidate.

    Candidates are checked afterwards, so a false one costs only time.
    """
    similarity = np.linspace(0, 1, 201)
    above = similarity >= threshold

    def cost(rows: int) -> float:
        found = 1 - (1 - similarity**rows) ** (permutations // rows)
        return float(10 * (1 - found[above]).sum() + found[~above].sum())

    rows = min(range(1, permutations + 1), key=cost)
    return Bands(permutations // rows, rows)


def signatures(shingles: Words, permutations: int, seed: int) -> NDArray[np.uint32]:
    """MinHash signatures, one row a text: the smallest of each of `permutations` hashes of its groups."""
    random = np.random.default_rng(seed)
    factors = random.integers(1, 2**32, permutations, dtype=np.uint64) | np.uint64(1)
    offsets = random.integers(0, 2**32, permutations, dtype=np.uint64)
    values = (shingles.codes >> np.uint64(32)).astype(np.uint32)
    texts = len(shingles.starts) - 1
    result = np.empty((permutations, texts), dtype=np.uint32)
    cuts = np.searchsorted(shingles.starts, np.arange(0, len(values), BLOCK), side="left")
    edges = np.unique(np.append(cuts, texts))
    for first, last in pairwise(edges):
        begin = shingles.starts[first]
        part = values[begin : shingles.starts[last]]
        starts = shingles.starts[first:last] - begin
        buffer = np.empty_like(part)
        for p in range(permutations):
            np.multiply(part, np.uint32(factors[p] & np.uint64(0xFFFFFFFF)), out=buffer)
            np.add(buffer, np.uint32(offsets[p] & np.uint64(0xFFFFFFFF)), out=buffer)
            np.bitwise_xor(buffer, buffer >> np.uint32(15), out=buffer)
            np.multiply(buffer, np.uint32(0x2C1B3C6D), out=buffer)
            result[p, first:last] = np.minimum.reduceat(buffer, starts)
    return np.ascontiguousarray(result.T)


def _candidates(signature: NDArray[np.uint32], bands: Bands) -> NDArray[np.int64]:
    """Pairs (earlier, later) of texts that share a band: each with its bucket's first and its predecessor.

    Linear in texts: a bucket of n gives at most 2n pairs, not n squared.
    """
    found = []
    rows = np.arange(len(signature))
    for band in range(bands.count):
        part = np.ascontiguousarray(signature[:, band * bands.rows : (band + 1) * bands.rows])
        key = np.zeros(len(part), dtype=np.uint64)
        for column in part.T:
            key = (key ^ column) * np.uint64(0x9E3779B97F4A7C15)
            key ^= key >> np.uint64(29)
        order = np.argsort(key, kind="stable")
        same = np.concatenate([[False], key[order][1:] == key[order][:-1]])
        heads = order[np.maximum.accumulate(np.where(~same, rows, 0))]
        before = np.roll(order, 1)
        found += [np.stack([heads[same], order[same]]), np.stack([before[same], order[same]])]
    pairs = np.concatenate(found, axis=1)
    codes = np.unique(pairs[0].astype(np.int64) * len(signature) + pairs[1])
    return np.stack([codes // len(signature), codes % len(signature)])


def near_duplicates(
    texts: Sequence[str], threshold: float = 0.7, permutations: int = 128, group: int = 3, seed: int = 0
) -> NDArray[np.int64]:
    """For each text the earlier kept text that it repeats, or -1 where it is kept.

    Two texts are near duplicates when the Jaccard similarity of their runs of `group` words, estimated
    by `permutations` hashes (standard error at most .5 / sqrt(permutations)), reaches the threshold.
    """
    repeats = np.full(len(texts), -1, dtype=np.int64)
    if len(texts) < 2:
        return repeats
    signature = signatures(groups(count_words(texts), group), permutations, seed)
    pairs = _candidates(signature, bands_for(threshold, permutations))
    for start in range(0, pairs.shape[1], 1 << 16):
        earlier, later = pairs[:, start : start + (1 << 16)]
        alike = (signature[earlier] == signature[later]).mean(axis=1) >= threshold
        for first, second in zip(earlier[alike].tolist(), later[alike].tolist(), strict=True):
            if repeats[first] < 0 and repeats[second] < 0:
                repeats[second] = first
            elif repeats[second] < 0:
                repeats[second] = repeats[first]
    return repeats
