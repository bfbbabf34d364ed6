"""Rows as a file has them, before anybody knows what they mean; each bad one comes with its line and reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Caps:
    """What a reader takes in at most."""

    rows: int = 1_000_000
    bytes: int = 8 * 2**30
    line: int = 2**20
    """Bytes of one row; a longer one is rejected without being held in memory."""


@dataclass(frozen=True)
class RawRow:
    """One row of a file: column -> value as the file has it."""

    line: int
    """1-based: line of a text file, element of a JSON list, row of a Parquet file."""
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Reject:
    """A row that was not taken, or the place where a file breaks off."""

    line: int
    reason: str
    text: str = ""
    """How it begins."""
    breaks: bool = False
    """The file ends here before its time."""
    file: str = ""


@dataclass(frozen=True)
class Layout:
    """How a file is read: recognised, shown to the user, and corrected by them."""

    container: str
    """Key of `CONTAINERS`."""
    shape: str = ""
    """Key of `FORMATS`."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Our word (instruction, conversation, category, ...) -> the file's column."""
    encoding: str = "utf-8"
    delimiter: str = ","
    header: bool = True
    """CSV: the first row names the columns."""


@dataclass(frozen=True)
class Correction:
    """What the user knows better than what a file looks like; empty fields leave it as recognised."""

    container: str = ""
    shape: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Our word -> the file's column."""
    encoding: str = ""
    delimiter: str = ""
    header: bool | None = None


Raw = Iterator[RawRow | Reject]


def begin(text: str) -> str:
    """As much of a row as a reject shows."""
    return text[:200]
