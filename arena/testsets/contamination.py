"""Rows too close to a benchmark's prompts: by the words they share, and by their vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arena.testsets.words import count_words, groups


def overlap(texts: Sequence[str], prompts: Sequence[str], length: int, share: float) -> NDArray[np.int64]:
    """For each text the prompt of whose runs of `length` words it holds at least this share, or -1.

    A prompt shorter than `length` words counts only when it is the whole text.
    """
    result = np.full(len(texts), -1, dtype=np.int64)
    if not texts or not prompts:
        return result
    theirs = groups(count_words(prompts), length)
    owner = np.repeat(np.arange(len(prompts)), np.diff(theirs.starts))
    sizes = np.diff(theirs.starts)
    order = np.argsort(theirs.codes, kind="stable")
    sorted_codes, sorted_owner = theirs.codes[order], owner[order]
    ours = groups(count_words(texts), length)
    text_of = np.repeat(np.arange(len(texts)), np.diff(ours.starts))
    hits = np.isin(ours.codes, sorted_codes)
    codes, text_of = ours.codes[hits], text_of[hits]
    distinct = np.unique(np.stack([text_of.astype(np.uint64), codes]), axis=1)
    low = np.searchsorted(sorted_codes, distinct[1], "left")
    high = np.searchsorted(sorted_codes, distinct[1], "right")
    counts: dict[tuple[int, int], int] = {}
    for text, first, last in zip(distinct[0].tolist(), low.tolist(), high.tolist(), strict=True):
        for prompt in sorted_owner[first:last].tolist():
            counts[text, prompt] = counts.get((text, prompt), 0) + 1
    for (text, prompt), count in counts.items():
        if count >= share * sizes[prompt] and result[text] < 0:
            result[text] = prompt
    return result


def too_near(
    rows: NDArray[np.float32], prompts: NDArray[np.float32], top: int, cutoff: float
) -> NDArray[np.int64]:
    """For each row the prompt it is too near to, or -1: among the prompt's `top` nearest rows, and with a
    cosine of at least `cutoff`. The paper drops the top 5; whether it has a cutoff is unknown.

    Both arguments are unit vectors, one a row.
    """
    result = np.full(len(rows), -1, dtype=np.int64)
    top = min(top, len(rows))
    if top < 1:
        return result
    for start in range(0, len(prompts), 256):
        cosines = prompts[start : start + 256] @ rows.T
        nearest = np.argpartition(-cosines, top - 1, axis=1)[:, :top]
        for offset, candidates in enumerate(nearest):
            close = candidates[cosines[offset, candidates] >= cutoff]
            result[close] = np.where(result[close] < 0, start + offset, result[close])
    return result
