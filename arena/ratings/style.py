"""Style control as LMArena's: what would the board say if all answers were equally long and decorated?

A joint logistic fit of strengths and of standardised style differences (a - b) / (a + b) of tokens,
headers, lists and bold. Here rows of battles are needed, as style differs from answer to answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import expit

from arena.ratings.cells import OUTCOMES, Cells, Floats, Ints, codes, count
from arena.ratings.slices import Slice
from arena.ratings.trouble import is_whole
from arena.records import BadInput
from arena.store import Store

FEATURES = ("tokens", "headers", "lists", "bold")

# Looking for a mark before counting it by a regular expression makes plain answers five times cheaper.
_STYLES = r"""WITH spoken AS (
    SELECT id, tokens_out::DOUBLE AS tokens, array_to_string(answers, chr(10)) AS text FROM response),
answer AS (SELECT id, tokens,
    CASE WHEN contains(text, '```') THEN regexp_replace(text, '```[^`]*```', '', 'g') ELSE text END AS text
    FROM spoken),
style AS (SELECT id, tokens,
    CASE WHEN contains(text, '#')
        THEN len(regexp_extract_all(text, '(?m)^#{{1,6}}\s')) ELSE 0 END::DOUBLE AS headers,
    CASE WHEN contains(text, chr(10)) OR regexp_matches(text, '^\s*(?:\d+\.|[-*+])\s')
        THEN len(regexp_extract_all(text, '(?m)^\s*(?:\d+\.|[-*+])\s')) ELSE 0 END::DOUBLE AS lists,
    CASE WHEN contains(text, '**') OR contains(text, '__')
        THEN len(regexp_extract_all(text, '\*\*[^*\n]+\*\*|__[^_\n]+__')) ELSE 0 END::DOUBLE AS bold
    FROM answer)
SELECT b.contender_a, b.contender_b, {winner} AS winner, b.weight, b.instruction,
    a.tokens AS tokens_a, a.headers AS headers_a, a.lists AS lists_a, a.bold AS bold_a,
    o.tokens AS tokens_b, o.headers AS headers_b, o.lists AS lists_b, o.bold AS bold_b
FROM {battles} JOIN style a ON a.id = b.response_a JOIN style o ON o.id = b.response_b
WHERE {where} ORDER BY b.id"""


FARTHEST = 25.0
"""Strength beyond which an optimum lies at infinity: chances of 1e-11 are no estimate."""
SEPARATED = (
    "Style and contender together tell every winner of this slice, so style cannot be held equal; "
    "see the plain board, or a slice with more varied battles."
)


@dataclass(frozen=True, eq=False)
class Styled:
    """Strengths with style held equal, mean zero, and what style itself is worth."""

    names: tuple[str, ...]
    strengths: Floats
    covariance: Floats
    """Sandwich of the strengths, mean centred, by instruction where battles share one."""
    features: tuple[str, ...]
    effects: Floats
    """Strength that one standard deviation more of a feature is worth."""
    cells: Cells


def battles(store: Store, chosen: Slice) -> pl.DataFrame:
    """Battles of the slice whose two answers are kept, with each side's style."""
    where, params = chosen.condition()
    return store.query(_STYLES.format(winner=chosen.winner, battles=chosen.battles, where=where), params)


def fit(frame: pl.DataFrame, features: Sequence[str] = FEATURES) -> Styled:
    """The joint fit. Features that never differ are left out.

    Raises:
        BadInput: no battle with both answers kept, or a board without finite ratings.
    """
    if frame.is_empty():
        raise BadInput("Style control needs the texts of both answers, and this slice has no such battle.")
    cells = count(frame.select("contender_a", "contender_b", "winner", "weight"))
    if not is_whole(cells, cells.weight):
        raise BadInput(
            "Style control needs a board on which everybody has won and lost; see the plain board."
        )
    a, b = (codes(frame[side], cells.names) for side in ("contender_a", "contender_b"))
    score = np.array([1.0, 0.0, 0.5, 0.5])[codes(frame["winner"], OUTCOMES)]
    weight = frame["weight"].to_numpy().astype(np.float64)
    styles, kept = _differences(frame, features)
    point = np.zeros(cells.size + styles.shape[1])
    for _ in range(50):
        slope, matrix = _derivatives(point, a, b, score, weight, styles, cells.size)
        try:
            step = np.linalg.solve(matrix, slope)
        except np.linalg.LinAlgError as error:
            raise BadInput(SEPARATED) from error
        step *= min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        point += step
        if np.abs(step).max() < 1e-10:
            break
    if np.abs(point).max() > FARTHEST:
        raise BadInput(SEPARATED)
    covariance = _sandwich(frame, point, a, b, score, weight, styles, cells.size)
    strengths = point[: cells.size]
    return Styled(cells.names, strengths - strengths.mean(), covariance, kept, point[cells.size :], cells)


def length_controlled(frame: pl.DataFrame) -> dict[str, float]:
    """Win rate of each contender, mean over all others, had all answers been equally long.

    AlpacaEval 2's idea with two differences: all contenders are fitted together instead of one against
    a baseline, and instructions have no difficulty term.
    """
    fitted = fit(frame, ("tokens",))
    chances = expit(fitted.strengths[:, None] - fitted.strengths[None, :])
    size = len(fitted.names)
    mean = (chances.sum(axis=1) - 0.5) / max(size - 1, 1)
    return dict(zip(fitted.names, mean.tolist(), strict=True))


def _differences(frame: pl.DataFrame, features: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
    columns, kept = [], []
    for name in features:
        a, b = (frame[f"{name}_{side}"].cast(pl.Float64).fill_null(0.0).to_numpy() for side in "ab")
        gap = np.divide(a - b, a + b, out=np.zeros(len(a)), where=a + b > 0)
        spread = gap.std()
        if spread > 1e-9:
            # Not centred: swapping the seats must only change the sign.
            columns.append(gap / spread)
            kept.append(name)
    return np.column_stack(columns) if columns else np.zeros((frame.height, 0)), tuple(kept)


def _derivatives(
    point: Floats, a: Ints, b: Ints, score: Floats, weight: Floats, styles: Floats, size: int
) -> tuple[Floats, Floats]:
    chance = expit(point[a] - point[b] + styles @ point[size:])
    residual = weight * (score - chance)
    information = weight * chance * (1 - chance)
    slope = np.r_[np.bincount(a, residual, size) - np.bincount(b, residual, size), styles.T @ residual]
    matrix = np.zeros((len(point), len(point)))
    pairs = np.bincount(a * size + b, information, size * size).reshape(size, size)
    pairs += pairs.T
    matrix[:size, :size] = np.diag(pairs.sum(axis=1)) - pairs + information.mean() / size
    weighted = styles * information[:, None]
    for k in range(styles.shape[1]):
        cross = np.bincount(a, weighted[:, k], size) - np.bincount(b, weighted[:, k], size)
        matrix[:size, size + k] = matrix[size + k, :size] = cross
    matrix[size:, size:] = weighted.T @ styles
    return slope, matrix


def _sandwich(
    frame: pl.DataFrame,
    point: Floats,
    a: Ints,
    b: Ints,
    score: Floats,
    weight: Floats,
    styles: Floats,
    size: int,
) -> Floats:
    _, matrix = _derivatives(point, a, b, score, weight, styles, size)
    residual = weight * (score - expit(point[a] - point[b] + styles @ point[size:]))
    group = frame["instruction"].rank("dense").to_numpy().astype(np.int64) - 1
    groups = int(group.max()) + 1
    flat = np.bincount(group * size + a, residual, groups * size) - np.bincount(
        group * size + b, residual, groups * size
    )
    own = [np.bincount(group, residual * styles[:, k], groups) for k in range(styles.shape[1])]
    slopes = np.column_stack([flat.reshape(groups, size), *own])
    inverse = np.linalg.inv(matrix)
    meat = slopes.T @ slopes * (groups / max(groups - 1, 1))
    centre = np.eye(size) - 1 / size
    covariance: Floats = centre @ (inverse @ meat @ inverse)[:size, :size] @ centre
    return covariance
