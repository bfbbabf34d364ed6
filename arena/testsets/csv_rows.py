"""CSV: quoted cells may span lines, and the first row names the columns only when it looks like names."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from arena.testsets.lines import lines
from arena.testsets.rows import Caps, Layout, Raw, RawRow, Reject, begin

_COLUMN_NAMES = """instruction instructions prompt prompts question questions query text content
turns messages conversation conversations input output response answer reference category language lang id
question_id uid conversation_id model topic"""
KNOWN_COLUMNS = frozenset(_COLUMN_NAMES.split())
"""Names that make a CSV's first row a header; a first prompt is hardly ever one of them alone."""


def looks_like_header(cells: Iterable[str]) -> bool:
    """A CSV's first row names columns only if one of its cells is a known column name and none is long."""
    names = [cell.strip().lower().replace(" ", "_") for cell in cells]
    return any(name in KNOWN_COLUMNS for name in names) and all(len(name) <= 40 for name in names)


def csv_records(path: Path, layout: Layout, caps: Caps) -> Iterator[tuple[int, list[str] | Reject]]:
    """(first line, cells) of each record; quoted cells may span lines."""
    pending: list[str] = []
    first = quotes = length = 0
    for number, line, _whole in lines(path, layout.encoding, caps.line):
        if isinstance(line, Reject):
            if pending:
                yield (
                    first,
                    Reject(first, f"its quoted cell runs into the bad line {number}", begin(pending[0])),
                )
                pending, quotes, length = [], 0, 0
            yield number, line
            continue
        if not pending:
            first = number
            if not line.strip():
                continue
        pending.append(line + "\n")
        quotes += line.count('"')
        length += len(line)
        if quotes % 2 == 0:
            try:
                yield first, next(csv.reader(pending, delimiter=layout.delimiter, strict=True))
            except csv.Error as error:
                yield first, Reject(first, f"not CSV: {error}", begin(pending[0]))
        elif length > caps.line:
            yield (
                first,
                Reject(first, f"a quoted cell is not closed within {caps.line:,} bytes", begin(pending[0])),
            )
        else:
            continue
        pending, quotes, length = [], 0, 0
    if pending:
        reason = f"the file breaks off inside a quoted cell of line {first}; every row before it was read"
        yield first, Reject(first, reason, begin(pending[0]), breaks=True)


def csv_rows(path: Path, layout: Layout, caps: Caps) -> Raw:
    names: list[str] | None = None
    csv.field_size_limit(caps.line)
    for number, cells in csv_records(path, layout, caps):
        if isinstance(cells, Reject):
            yield cells
        elif names is None and layout.header:
            names = [cell.strip() or f"column {n}" for n, cell in enumerate(cells, 1)]
        else:
            names = names or [f"column {n}" for n in range(1, len(cells) + 1)]
            if len(cells) != len(names):
                yield Reject(
                    number, f"{len(cells)} cells where {len(names)} were expected", begin(" | ".join(cells))
                )
            else:
                yield RawRow(number, dict(zip(names, cells, strict=True)))


def delimiter_of(start: str) -> str:
    line = start.partition("\n")[0]
    unquoted = re.sub(r'"[^"]*"', "", line)
    return max(",;\t", key=unquoted.count) if any(unquoted.count(d) for d in ",;\t") else ","
