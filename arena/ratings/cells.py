"""Battles counted by pair and outcome: all that ratings ever see, so cost does not depend on battles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from arena.records import BadInput

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.integer[Any]]

FIRST_WON, SECOND_WON, TIED = 0, 1, 2
"""Columns of `Cells.number` and `Cells.weight`."""

CHUNK = 1 << 17
"""Fewest battles counted at once: so many stay within the processor's cache."""

OUTCOMES = ("A", "B", "tie", "both_bad")


@dataclass(frozen=True, eq=False)
class Instructions:
    """The same battles, counted for each instruction: what the instruction bootstrap resamples."""

    weight: sparse.csr_array
    """[instructions, pairs * 3], weight of battles."""
    scores: sparse.csr_array
    """[instructions, pairs * 3]: sum of first's scores, of second's, number of scored battles."""

    @property
    def size(self) -> int:
        return int(self.weight.shape[0])


@dataclass(frozen=True, eq=False)
class Cells:
    """Counted battles of `names`; one row a pair that met, first < second as positions in `names`."""

    names: tuple[str, ...]
    first: Ints
    second: Ints
    number: Floats
    """[pairs, 3] battles: first won, second won, tied (both bad counts as tied)."""
    weight: Floats
    """[pairs, 3] sum of the battles' weights; equals `number` where nothing is weighted."""
    square: Floats
    """[pairs, 3] sum of squared weights, for the sandwich."""
    scores: Floats
    """[pairs, 3] sum of first's judge scores, of second's, number of scored battles."""
    score_squares: Floats
    """[pairs, 2] sums of squared scores."""
    instructions: Instructions | None = None

    @property
    def size(self) -> int:
        """Number of contenders."""
        return len(self.names)

    @property
    def battles(self) -> int:
        return int(self.number.sum())

    def met(self) -> Floats:
        """[contenders] battles of each."""
        return self.total(self.number.sum(axis=1), self.number.sum(axis=1))

    def won(self) -> Floats:
        """[contenders] battles won by each, ties as half."""
        half = self.number[:, TIED] / 2
        return self.total(self.number[:, FIRST_WON] + half, self.number[:, SECOND_WON] + half)

    def total(self, of_first: Floats, of_second: Floats) -> Floats:
        """[contenders] sums of a figure that each side of each pair has."""
        sums = np.bincount(self.first, of_first, self.size)
        sums += np.bincount(self.second, of_second, self.size)
        return sums.astype(np.float64)

    def incidence(self) -> sparse.csr_array:
        """[pairs, contenders]: +1 for first, -1 for second."""
        rows = np.arange(len(self.first))
        ones = np.ones(len(self.first))
        return sparse.csr_array(
            (np.r_[ones, -ones], (np.r_[rows, rows], np.r_[self.first, self.second])),
            shape=(len(self.first), self.size),
        )

    def without(self, name: str) -> Cells:
        """The cells of everybody else."""
        gone = self.names.index(name)
        keep = (self.first != gone) & (self.second != gone)
        return replace(
            self,
            names=tuple(n for n in self.names if n != name),
            first=self.first[keep] - (self.first[keep] > gone),
            second=self.second[keep] - (self.second[keep] > gone),
            number=self.number[keep],
            weight=self.weight[keep],
            square=self.square[keep],
            scores=self.scores[keep],
            score_squares=self.score_squares[keep],
            instructions=None,
        )


def count(frame: pl.DataFrame, by_instruction: bool = False) -> Cells:
    """Cells of a frame of battles, or of battles already grouped.

    Columns: contender_a, contender_b, winner (A, B, tie, both_bad). Optional: number (battles in the
    row, 1), weight and square (sums over the row's battles), instruction, and the sums score_a,
    score_b, square_a, square_b over `scored` battles. Rows may come in any order and either seat.

    Raises:
        BadInput: no battle, or a contender that meets itself.
    """
    if frame.is_empty():
        raise BadInput("There are no battles in this slice. Widen the slice, or run or import battles.")
    names = tuple(sorted(set(frame["contender_a"].unique()) | set(frame["contender_b"].unique())))
    a, b = (codes(frame[side], names) for side in ("contender_a", "contender_b"))
    outcome = np.minimum(codes(frame["winner"], OUTCOMES), TIED)
    if (a == b).any():
        row = int(np.argmax(a == b))
        raise BadInput(f"Row {row + 1}: {names[a[row]]!r} battles itself. Remove that battle.")
    rows = _Rows.of(frame, a, b, outcome, len(names))
    number = rows.table(rows.column("number"))
    weighted = rows.weights()
    weight = number if weighted is None else rows.table(weighted)
    square = number if weighted is None else rows.table(rows.squares(weighted))
    pairs = np.flatnonzero(number.sum(axis=1))
    cells = Cells(
        names=names,
        first=pairs // len(names),
        second=pairs % len(names),
        number=number[pairs],
        weight=weight[pairs],
        square=square[pairs],
        scores=rows.scores()[pairs],
        score_squares=rows.score_squares()[pairs],
    )
    return replace(cells, instructions=rows.instructions(pairs)) if by_instruction else cells


def count_codes(names: tuple[str, ...], a: Codes, b: Codes, outcome: Codes) -> Cells:
    """Cells of battles given as positions in `names` and outcomes 0 (a won), 1 (b won) or 2 (tied).

    Nobody may battle itself. 1M battles of 100 contenders take 3 ms.
    """
    size = len(names)
    found = np.zeros(size * size * 3, np.int64)
    length = max(CHUNK, 4 * len(found))
    for start in range(0, len(a), length):
        part = slice(start, start + length)
        grid = a[part] * np.int32(size)
        grid += b[part]
        grid *= 3
        grid += outcome[part]
        found += np.bincount(grid, minlength=len(found))
    seats = found.reshape(size, size, 3).astype(np.float64)
    both = seats + seats.transpose(1, 0, 2)[:, :, [SECOND_WON, FIRST_WON, TIED]]
    first, second = np.nonzero(np.triu(both.sum(axis=2), 1))
    number = both[first, second]
    none = np.zeros((len(first), 3))
    return Cells(names, first, second, number, number, number, none, none[:, :2])


def codes(column: pl.Series, names: tuple[str, ...]) -> Ints:
    """Positions in `names` of a column of them."""
    return column.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64, copy=False)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of battles as arrays, the earlier name in the first seat."""

    frame: pl.DataFrame
    size: int
    pair: Ints
    outcome: Ints
    swapped: npt.NDArray[np.bool_]

    @staticmethod
    def of(frame: pl.DataFrame, a: Ints, b: Ints, outcome: Ints, size: int) -> _Rows:
        swapped = a > b
        turned = np.where(swapped & (outcome != TIED), 1 - outcome, outcome)
        return _Rows(frame, size, np.minimum(a, b) * size + np.maximum(a, b), turned, swapped)

    def column(self, name: str) -> Floats | None:
        if name not in self.frame.columns:
            return None
        return self.frame[name].cast(pl.Float64).fill_null(0.0).to_numpy()

    def weights(self) -> Floats | None:
        """Sum of the weights in each row; None where every battle weighs 1."""
        found = self.column("weight")
        alike = found is not None and "number" not in self.frame.columns and bool((found == 1).all())
        return None if alike else found

    def squares(self, weights: Floats) -> Floats:
        """Sum of the squared weights in each row."""
        found = self.column("square")
        return weights**2 if found is None else found

    def table(self, column: Floats | None) -> Floats:
        """Sums of a column by pair and outcome, [size * size, 3]; of battles without one."""
        flat = np.bincount(self.pair * 3 + self.outcome, column, self.size * self.size * 3)
        return flat.reshape(-1, 3).astype(np.float64)

    def seats(self, a: str, b: str) -> tuple[Floats, Floats] | None:
        """Two columns by seat: the first contender's and the second's."""
        of_a, of_b = self.column(a), self.column(b)
        if of_a is None or of_b is None:
            return None
        return np.where(self.swapped, of_b, of_a), np.where(self.swapped, of_a, of_b)

    def scored(self) -> Floats:
        found = self.column("scored")
        return np.zeros(len(self.pair)) if found is None else found

    def scores(self) -> Floats:
        sums = self.seats("score_a", "score_b")
        if sums is None:
            return np.zeros((self.size * self.size, 3))
        return np.column_stack([self.by_pair(column) for column in (*sums, self.scored())])

    def score_squares(self) -> Floats:
        sums = self.seats("square_a", "square_b")
        if sums is None:
            return np.zeros((self.size * self.size, 2))
        return np.column_stack([self.by_pair(column) for column in sums])

    def by_pair(self, column: Floats) -> Floats:
        return np.bincount(self.pair, column, self.size * self.size).astype(np.float64)

    def instructions(self, pairs: Ints) -> Instructions:
        """Battles without an instruction stand alone, each an instruction of its own."""
        place = np.searchsorted(pairs, self.pair)
        group = self.groups()
        shape = (int(group.max()) + 1, len(pairs) * 3)
        weight = self.column("number") if self.weights() is None else self.weights()
        data = np.ones(len(place)) if weight is None else weight
        seats = self.seats("score_a", "score_b")
        scores = sparse.csr_array(shape)
        if seats is not None:
            triples = [(column, place * 3 + k) for k, column in enumerate((*seats, self.scored()))]
            scores = sparse.csr_array(
                (
                    np.concatenate([column for column, _ in triples]),
                    (np.tile(group, 3), np.concatenate([where for _, where in triples])),
                ),
                shape=shape,
            )
        cells = sparse.csr_array((data, (group, place * 3 + self.outcome)), shape=shape)
        return Instructions(cells, scores)

    def groups(self) -> Ints:
        if "instruction" not in self.frame.columns:
            return np.arange(len(self.pair))
        column = self.frame["instruction"].fill_null("")
        group = codes(column, tuple(column.unique().sort()))
        alone = (column == "").to_numpy()
        group[alone] = group.max() + 1 + np.arange(int(alone.sum()))
        return np.unique(group, return_inverse=True)[1] if alone.any() else group
