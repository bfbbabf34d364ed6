"""Rows of other people's files: CSV, JSON Lines, JSON lists and Parquet, each with its line number."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from arena.records import BadInput, Json

MOST_ROWS = 5_000_000
MOST_FIELD = 10_000_000
"""Characters of one CSV field; conversations are long, a torn quote is longer."""
ENDINGS = (".csv", ".jsonl", ".ndjson", ".json", ".parquet")


@dataclass(frozen=True)
class Row:
    place: str
    """"line 7 of votes.csv", for messages."""
    values: Mapping[str, Json]

    def text(self, *names: str) -> str:
        """The first of these fields that is there, as text; empty when none is."""
        for name in names:
            value = self.values.get(name)
            if value is not None and value != "":
                return str(value)
        return ""

    def needed(self, *names: str) -> str:
        """As `text`.

        Raises:
            BadInput: none of the fields is there.
        """
        found = self.text(*names)
        if not found:
            wanted = " or ".join(map(repr, names))
            if any(name in self.values for name in names):
                raise BadInput(f"{self.place}: the field {wanted} is empty.")
            raise BadInput(f"{self.place} has no field {wanted}; it has {', '.join(self.values) or 'none'}.")
        return found

    def number(self, name: str) -> float | None:
        value = self.text(name)
        if not value:
            return None
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise BadInput(f"{self.place}: {name} is {value!r}, which is no number.")
        return number


def read_rows(path: Path) -> Iterator[Row]:
    """The file's rows in order.

    Raises:
        BadInput: no such file, another ending, or a line that is not what the ending promises.
    """
    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    ending = path.suffix.lower()
    try:
        if ending == ".csv":
            rows = _csv(path)
        elif ending in {".jsonl", ".ndjson"}:
            rows = _json_lines(path)
        elif ending == ".json":
            rows = _json(path)
        elif ending == ".parquet":
            rows = _parquet(path)
        else:
            raise BadInput(f"{path.name} should end in one of {', '.join(ENDINGS)}.")
        for number, row in enumerate(rows):
            if number >= MOST_ROWS:
                raise BadInput(f"{path.name} has more than {MOST_ROWS:,} rows; split it.")
            yield row
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name} is not UTF-8 text: {error.reason} at byte {error.start}.") from None


def _csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(MOST_FIELD)
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for values in reader:
                place = f"line {reader.line_num} of {path.name}"
                if None in values or None in values.values():
                    raise BadInput(f"{place} has another number of fields than the header.")
                yield Row(place, {str(k): _unpacked(v) for k, v in values.items()})
        except csv.Error as error:
            raise BadInput(f"line {reader.line_num} of {path.name}: {error}.") from None


def _unpacked(text: str) -> Json:
    """LMSYS's CSV keeps conversations as JSON in a field."""
    if text[:1] in {"[", "{"}:
        try:
            value: Json = json.loads(text)
        except ValueError:
            return text
        return value
    return text


def _json_lines(path: Path) -> Iterator[Row]:
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            place = f"line {number} of {path.name}"
            yield _object(_parsed(line, place), place)


def _json(path: Path) -> Iterator[Row]:
    values = _parsed(path.read_text("utf-8-sig"), path.name)
    if not isinstance(values, list):
        raise BadInput(f"{path.name} should hold a JSON list of objects.")
    for number, value in enumerate(values, 1):
        yield _object(value, f"item {number} of {path.name}")


def _parsed(text: str, place: str) -> Json:
    try:
        value: Json = json.loads(text)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadInput(
            f"{place} holds half of a surrogate pair (\\ud800 to \\udfff); no text has it."
        ) from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{place} is not JSON: {error}.") from None
    return value


def _parquet(path: Path) -> Iterator[Row]:
    import polars as pl

    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(f"{path.name} cannot be read as Parquet: {error}") from None
    for number, values in enumerate(frame.iter_rows(named=True), 1):
        yield Row(f"row {number} of {path.name}", values)


def _object(value: Json, place: str) -> Row:
    if not isinstance(value, dict):
        raise BadInput(f"{place} is not a JSON object.")
    return Row(place, value)
