"""Instructions out of other people's files: the shape is recognised, shown, and can be corrected.

We keep the user's turns (contenders answer them one by one); answers and system prompts are left out.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.records import BadInput, Instruction
from arena.testsets.containers import CONTAINERS, NOTHING, container_of, files_of
from arena.testsets.rows import Caps, Correction, Layout, RawRow, Reject
from arena.testsets.shapes import FORMATS, BadRow, columns_for, shape_of

SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "instructions"
"""Instructions that come with the app, labelled as ours."""
LOOKED_AT = 50
"""Rows from which the shape is recognised."""


@dataclass(frozen=True)
class Row:
    """One instruction and where it stood."""

    line: int
    instruction: Instruction
    flagged: bool = False
    """The source's own moderation marks it as harmful."""
    mended: bool = False
    """Lone surrogates or null characters, which no database keeps, became U+FFFD."""

    @property
    def text(self) -> str:
        """All its turns, as the paper embeds them."""
        return "\n".join(self.instruction.turns)


def recognise(path: Path, given: Correction = NOTHING) -> Layout:
    """How a file or dataset folder seems to be laid out, from its first rows and what the user says of it.

    Raises:
        BadInput: not there, empty, of no kind we read, no row of it can be read, or a correction that it refutes.
    """
    if given.shape and given.shape not in FORMATS:
        raise BadInput(f"There is no shape {given.shape!r}; choose among {', '.join(FORMATS)}.")
    files = files_of(path)
    base = container_of(files[0], given)
    seen, rejects = _first_rows(files[0], base)
    shapes = [given.shape or shape_of(values) for values in seen]
    if not any(shapes):
        why = f" Its line {rejects[0].line}: {rejects[0].reason}." if rejects else ""
        raise BadInput(f"No instruction can be read from {files[0]}.{why}")
    shape = max(filter(None, dict.fromkeys(shapes)), key=shapes.count)
    example = seen[shapes.index(shape)]
    columns = columns_for(shape, example)
    if (main := FORMATS[shape].main) not in columns and (usual := shape_of(example)):
        columns[main] = columns_for(usual, example).get(FORMATS[usual].main, "")
    columns.update(given.columns)
    names = {str(name) for values in seen for name in values}
    for word, name in given.columns.items():
        if word not in FORMATS[shape].columns or name not in names:
            raise BadInput(
                f"The column {word}={name} fits nothing: {shape} has {', '.join(FORMATS[shape].columns)}, "
                f"the file has {', '.join(sorted(names)[:20])}."
            )
    return dataclasses.replace(base, shape=shape, columns=columns)


def _first_rows(file: Path, layout: Layout) -> tuple[list[Mapping[str, Any]], list[Reject]]:
    seen: list[Mapping[str, Any]] = []
    rejects: list[Reject] = []
    for raw in CONTAINERS[layout.container](file, layout, Caps()):
        if isinstance(raw, RawRow):
            seen.append(raw.values)
        else:
            rejects.append(raw)
        if len(seen) >= LOOKED_AT or len(rejects) > 1000:
            break
    return seen, rejects


def columns_of(path: Path, layout: Layout) -> list[str]:
    """The columns of the first readable row, for the user who corrects a mapping."""
    for raw in CONTAINERS[layout.container](files_of(path)[0], layout, Caps()):
        if isinstance(raw, RawRow):
            return [str(name) for name in raw.values]
    return []


def _mend(text: str) -> str:
    return text.replace("\x00", "�").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _fact(row: Mapping[str, Any], columns: Mapping[str, str], word: str) -> str:
    value = row.get(columns.get(word, ""))
    return _mend(value.strip()) if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(_mend(v) for v in values if isinstance(v, str))


def _is_flagged(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(turn, dict) and turn.get("flagged") for turn in value)


def to_row(raw: RawRow, layout: Layout, source: str) -> Row | Reject:
    """The instruction of one raw row, or why there is none."""
    columns = layout.columns
    try:
        turns = FORMATS[layout.shape].turns(raw.values, columns)
    except BadRow as error:
        return Reject(raw.line, str(error), json.dumps(raw.values, default=str)[:200])
    mended = tuple(_mend(turn) for turn in turns)
    check = raw.values.get(columns.get("check", ""))
    instruction = Instruction.of(
        *mended,
        category=_fact(raw.values, columns, "category"),
        language=_fact(raw.values, columns, "language"),
        source=source,
        reference=_texts(raw.values.get(columns.get("reference", ""))),
        check=check if isinstance(check, dict) else {},
    )
    flagged = _is_flagged(raw.values.get(columns.get("moderation", "")))
    return Row(raw.line, instruction, flagged, mended != turns)


def read(path: Path, layout: Layout | None = None, caps: Caps = Caps()) -> Iterator[Row | Reject]:  # noqa: B008 - frozen
    """Every row of a file or folder, in order, one in memory at a time.

    Raises:
        BadInput: not there, too large, or not readable at all.
    """
    files = files_of(path)
    size = sum(file.stat().st_size for file in files)
    if size > caps.bytes:
        raise BadInput(
            f"{path} has {size:,} bytes, more than the {caps.bytes:,} allowed; raise the cap or cut it."
        )
    layout = layout or recognise(path)
    if layout.shape not in FORMATS or layout.container not in CONTAINERS:
        raise BadInput(
            f"There is no format {layout.container}/{layout.shape}; choose among {', '.join(FORMATS)}."
        )
    taken = 0
    for file in files:
        own = layout if file == files[0] else _like(layout, files[0], file)
        source = path.name if len(files) == 1 else f"{path.name}/{file.relative_to(path)}"
        for raw in CONTAINERS[own.container](file, own, caps):
            row = to_row(raw, own, source) if isinstance(raw, RawRow) else raw
            if isinstance(row, Reject):
                row = dataclasses.replace(row, file=source)
            else:
                taken += 1
            yield row
            if taken >= caps.rows:
                yield Reject(
                    raw.line, f"the cap of {caps.rows:,} rows is reached; the rest was not read", file=source
                )
                return


def _like(layout: Layout, first: Path, file: Path) -> Layout:
    """Another file of a folder: as it looks, but for what was corrected in the first."""
    found = container_of(first)
    corrected = {
        name: value
        for name, value in dataclasses.asdict(layout).items()
        if name in {"shape", "columns"} or value != getattr(found, name)
    }
    return dataclasses.replace(container_of(file), **corrected)


@dataclass(frozen=True)
class Preview:
    """What a file would give."""

    layout: Layout
    columns: list[str]
    rows: list[Row]
    rejects: list[Reject]


def preview(path: Path, layout: Layout | None = None, rows: int = 5) -> Preview:
    """The first rows as they would be read; the file is read no further than that."""
    layout = layout or recognise(path)
    good: list[Row] = []
    rejects: list[Reject] = []
    for row in read(path, layout):
        if isinstance(row, Row):
            good.append(row)
        else:
            rejects.append(row)
        if len(good) >= rows or len(rejects) >= 20:
            break
    return Preview(layout, columns_of(path, layout), good, rejects)


def shipped() -> Sequence[Path]:
    """The instruction files that come with the app."""
    return sorted(SHIPPED.glob("*.jsonl"))
