"""Small boards for the tests of ratings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from arena.ratings.cells import Cells, Floats, count


def cells_of(*rows: tuple[str, str, str], by_instruction: bool = False) -> Cells:
    """Cells of (contender_a, contender_b, winner) rows."""
    return count(frame_of(rows), by_instruction)


def frame_of(rows: Sequence[tuple[str, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["contender_a", "contender_b", "winner"], orient="row")


def simulated(
    strengths: Floats, battles: int, seed: int, ties: float = 0.2, instructions: int = 0, sway: float = 0.0
) -> pl.DataFrame:
    """Battles by the Bradley-Terry law; `sway` is the spread of what an instruction adds to each strength.

    A share `ties` of battles is tied whatever the strengths, which makes half-counted ties a wrong
    model on purpose only as far as strengths shrink: the estimate's target is found by the caller.
    """
    random = np.random.default_rng(seed)
    size = len(strengths)
    a = random.integers(0, size, battles)
    b = (a + random.integers(1, size, battles)) % size
    instruction = random.integers(0, max(instructions, 1), battles)
    swayed = (
        random.normal(0, sway, (max(instructions, 1), size))
        if sway
        else np.zeros((max(instructions, 1), size))
    )
    gap = strengths[a] - strengths[b] + swayed[instruction, a] - swayed[instruction, b]
    won = random.random(battles) < 1 / (1 + np.exp(-gap))
    tied = random.random(battles) < ties
    names = np.array([f"model-{k:03d}" for k in range(size)])
    return pl.DataFrame(
        {
            "contender_a": names[a],
            "contender_b": names[b],
            "winner": np.where(tied, "tie", np.where(won, "A", "B")),
            "instruction": [f"i{k}" for k in instruction] if instructions else [""] * battles,
        }
    )
