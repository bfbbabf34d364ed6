"""Battles from a file, for a board without any store: CSV, JSONL, JSON or Parquet."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import polars as pl

from arena.records import BadInput

SEATS = (("model_a", "model_b"), ("left", "right"), ("contender_a", "contender_b"))
"""LMSYS's, evalica's and our own names of the two sides."""

WINNERS = {
    "a": "A",
    "b": "B",
    "model_a": "A",
    "model_b": "B",
    "left": "A",
    "right": "B",
    "contender_a": "A",
    "contender_b": "B",
    "tie": "tie",
    "draw": "tie",
    "both_bad": "both_bad",
    "bothbad": "both_bad",
    "tie (bothbad)": "both_bad",
}
INSTRUCTIONS = ("instruction", "instruction_id", "question_id", "prompt_id")
NUMBERS = ("weight", "score_a", "score_b")
KEPT = ("judge", "category", "language")
IDS = ("id", "battle_id")
MOST_BYTES = 4 << 30


def read_battles(path: Path) -> pl.DataFrame:
    """contender_a, contender_b, winner (A, B, tie, both_bad), and where given: instruction, judge,
    category, language, weight, score_a, score_b (with scored, square_a, square_b).

    Raises:
        BadInput: not a table of battles; the text names the row, counted from 1 without a header.
    """
    frame = _table(path)
    frame = frame.rename({name: name.strip().lower() for name in frame.columns}, strict=False)
    seats = next((pair for pair in SEATS if set(pair) <= set(frame.columns)), None)
    if seats is None or "winner" not in frame.columns:
        shapes = "; ".join(f"{a}, {b}, winner" for a, b in SEATS)
        raise BadInput(
            f"{path.name} has the columns {', '.join(frame.columns) or '(none)'}; "
            f"battles need one of: {shapes}."
        )
    if frame.is_empty():
        raise BadInput(f"{path.name} holds no battle.")
    battles = frame.select(
        contender_a=_text(seats[0]),
        contender_b=_text(seats[1]),
        winner=_text("winner").str.to_lowercase().replace_strict(WINNERS, default=None),
    )
    _check(path, frame, battles)
    return battles.with_columns(*_extras(path, frame))


def repeats(frame: pl.DataFrame) -> int:
    """Rows that repeat an earlier one in every column; they count, as anybody may battle twice."""
    return int(frame.height - frame.unique().height)


def _text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).str.strip_chars()


def _check(path: Path, frame: pl.DataFrame, battles: pl.DataFrame) -> None:
    for side in ("contender_a", "contender_b"):
        _refuse(path, battles[side].is_null() | (battles[side] == ""), "has no name on one side")
    bad = battles["winner"].is_null()
    if bad.any():
        found = frame["winner"].cast(pl.String)[_first(bad)]
        _refuse(
            path,
            bad,
            f"names the winner {found!r}; use model_a, model_b, tie or tie (bothbad), or left, right, tie",
        )
    _refuse(
        path, battles["contender_a"] == battles["contender_b"], "is a battle of one contender with itself"
    )
    for column in IDS:
        if column in frame.columns:
            again = ~frame[column].is_first_distinct() & frame[column].is_not_null()
            _refuse(path, again, f"repeats the {column} of an earlier row; every battle counts once")


def _extras(path: Path, frame: pl.DataFrame) -> list[pl.Series]:
    """Optional columns, checked."""
    found = [frame[name].cast(pl.String).fill_null("").alias(name) for name in KEPT if name in frame.columns]
    instruction = next((name for name in INSTRUCTIONS if name in frame.columns), None)
    if instruction:
        found.append(frame[instruction].cast(pl.String).fill_null("").alias("instruction"))
    numbers = {name: _numbers(path, frame[name]) for name in NUMBERS if name in frame.columns}
    if "weight" in numbers:
        weight = numbers["weight"]
        _refuse(path, weight.is_null() | (weight <= 0), "has a weight that is not above zero")
        found.append(weight)
    if "score_a" in numbers and "score_b" in numbers:
        a, b = numbers["score_a"], numbers["score_b"]
        scored = (a.is_not_null() & b.is_not_null()).cast(pl.Float64)
        found += [(a * scored).fill_null(0.0), (b * scored).fill_null(0.0), scored.alias("scored")]
        found += [(a * a).fill_null(0.0).alias("square_a"), (b * b).fill_null(0.0).alias("square_b")]
    return found


def _numbers(path: Path, column: pl.Series) -> pl.Series:
    numbers = column.cast(pl.Float64, strict=False)
    wrong = (numbers.is_null() & column.is_not_null() & (column.cast(pl.String) != "")) | numbers.is_nan()
    _refuse(path, wrong | numbers.is_infinite(), f"has a {column.name} that is no finite number")
    return numbers


def _first(flags: pl.Series) -> int:
    return int(flags.fill_null(value=True).arg_true()[0])


def _refuse(path: Path, flags: pl.Series, what: str) -> None:
    if flags.fill_null(value=False).any():
        row = _first(flags.fill_null(value=False))
        more = int(flags.sum()) - 1
        raise BadInput(f"{path.name}, row {row + 1} {what}" + (f" ({more} more like it)." if more else "."))


def _table(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    if path.stat().st_size > MOST_BYTES:
        raise BadInput(f"{path.name} is larger than {MOST_BYTES >> 30} GB. Split it, or keep fewer columns.")
    kind = path.suffix.lower()
    try:
        if kind == ".csv":
            return pl.read_csv(path, infer_schema=False)
        if kind in (".jsonl", ".ndjson"):
            return pl.read_ndjson(path, infer_schema_length=None)
        if kind == ".json":
            return pl.DataFrame(json.loads(path.read_text("utf-8")), infer_schema_length=None)
        if kind == ".parquet":
            return pl.read_parquet(path)
    except pl.exceptions.NoDataError:
        raise BadInput(f"{path.name} is empty.") from None
    except (pl.exceptions.PolarsError, ValueError, TypeError) as error:
        where = _broken_line(path, kind)
        raise BadInput(
            f"{path.name} cannot be read as {kind[1:]}{where}: {str(error).splitlines()[0]}"
        ) from error
    raise BadInput(f"{path.name} is neither .csv, .jsonl, .json nor .parquet.")


def _broken_line(path: Path, kind: str) -> str:
    """Which line a reader choked on, as ', line N'."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            if kind == ".csv":
                rows = csv.reader(lines)
                width = len(next(rows, []))
                for row in rows:
                    if len(row) > width:
                        return f", line {rows.line_num} has {len(row)} fields instead of {width}"
            for number, line in enumerate(lines, 1):
                if kind in (".jsonl", ".ndjson") and line.strip():
                    try:
                        whole = isinstance(json.loads(line), dict)
                    except ValueError:
                        whole = False
                    if not whole:
                        return f", line {number} is no JSON object"
    except UnicodeDecodeError as error:
        return f", it is not UTF-8 at byte {error.start}"
    return ""
