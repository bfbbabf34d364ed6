"""Words and word groups of many texts as numbers: what near duplicates, overlap and cluster names work on."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"[぀-ヿ㐀-鿿가-힯]|\w+")
"""A run of letters and digits; Chinese, Japanese and Korean characters count one by one."""
_MIX = np.uint64(0x9E3779B97F4A7C15)


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


@dataclass(frozen=True)
class Words:
    """Texts as word numbers, all in one array: text i is `codes[starts[i]:starts[i + 1]]`."""

    codes: NDArray[np.uint64]
    """A hash of each word, the same in every run."""
    starts: NDArray[np.int64]


def count_words(texts: Sequence[str]) -> Words:
    """Hash every word of every text; a text without words becomes one word, itself."""
    known: dict[str, int] = {}
    codes: list[int] = []
    starts = np.zeros(len(texts) + 1, dtype=np.int64)
    for number, text in enumerate(texts, 1):
        for word in words(text) or [text]:
            code = known.get(word)
            if code is None:
                data = word.encode("utf-8", "replace")
                code = known[word] = zlib.crc32(data) << 32 | zlib.adler32(data, len(data))
            codes.append(code)
        starts[number] = len(codes)
    return Words(np.array(codes, dtype=np.uint64), starts)


def _scramble(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele et al., 2014): every bit depends on every bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def groups(counted: Words, length: int) -> Words:
    """Hashes of all runs of `length` words; a shorter text is one group, all of it."""
    lengths = np.diff(counted.starts)
    width = np.minimum(lengths, length)
    counts = lengths - width + 1
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    owner = np.repeat(np.arange(len(lengths)), counts)
    begin = counted.starts[owner] + (np.arange(starts[-1]) - starts[owner])
    hashes = np.zeros(len(begin), dtype=np.uint64)
    last = len(counted.codes) - 1
    for step in range(length):
        inside = step < width[owner]
        word = counted.codes[np.minimum(begin + step, last)]
        hashes = np.where(inside, _scramble((hashes + _MIX) ^ word), hashes)
    return Words(hashes, starts)
