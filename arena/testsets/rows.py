"""Raw rows out of files, streamed; each bad row comes with its line and reason.

A file that breaks off gives every whole row before the break. Nothing is unpickled or unzipped.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arena.records import BadInput
from arena.testsets.json_list import elements

BLOCK = 2**20
_COLUMN_NAMES = """instruction instructions prompt prompts question questions query text content
turns messages conversation conversations input output response answer reference category language lang id
question_id uid conversation_id model topic"""
KNOWN_COLUMNS = frozenset(_COLUMN_NAMES.split())
"""Names that make a CSV's first row a header; a first prompt is hardly ever one of them alone."""


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


Raw = Iterator[RawRow | Reject]


def _begin(text: str) -> str:
    return text[:200]


def _lines(path: Path, encoding: str, cap: int) -> Iterator[tuple[int, str | Reject, bool]]:
    """(number, text without its line end or a reject, whether the line is whole)."""
    if encoding.startswith("utf-16"):
        yield from _wide_lines(path, encoding, cap)
        return
    number = 0
    with open(path, "rb") as file:
        while line := file.readline(cap + 2):
            number += 1
            whole = line.endswith(b"\n")
            if len(line) > cap and not whole:
                length = len(line)
                while rest := file.readline(BLOCK):
                    length += len(rest)
                    if rest.endswith(b"\n"):
                        break
                reason = f"longer than {cap:,} bytes (it has {length:,}); raise the cap on line length"
                yield number, Reject(number, reason, _begin(line[:400].decode("utf-8", "replace"))), True
                continue
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            try:
                yield number, line.decode(encoding).rstrip("\r\n"), whole
            except UnicodeDecodeError as error:
                reason = (
                    f"not {encoding.upper()} at byte {error.start + 1}; save as UTF-8 or name the encoding"
                )
                yield number, Reject(number, reason, _begin(line.decode("utf-8", "replace"))), whole


def _wide_lines(path: Path, encoding: str, cap: int) -> Iterator[tuple[int, str | Reject, bool]]:
    number = 0
    with open(path, encoding=encoding, newline="\n") as file:
        while True:
            number += 1
            try:
                line = file.readline(cap + 2)
            except UnicodeDecodeError as error:
                yield number, Reject(number, f"not {encoding.upper()}: {error.reason}", breaks=True), True
                return
            if not line:
                return
            if len(line) > cap and not line.endswith("\n"):
                while (rest := file.readline(BLOCK)) and not rest.endswith("\n"):
                    continue
                yield number, Reject(number, f"longer than {cap:,} characters", _begin(line)), True
                continue
            yield number, line.rstrip("\r\n"), line.endswith("\n")


def _parse(line: int, text: str) -> RawRow | Reject:
    """One JSON row; a bare string counts as an instruction, a bare list as its turns."""
    try:
        value = json.loads(text)
    except RecursionError:
        return Reject(line, "nested too deeply", _begin(text))
    except ValueError as error:
        return Reject(line, f"not JSON: {error}", _begin(text))
    if isinstance(value, dict):
        return RawRow(line, value)
    if isinstance(value, str):
        return RawRow(line, {"instruction": value})
    if isinstance(value, list) and value and all(isinstance(turn, str) for turn in value):
        return RawRow(line, {"turns": value})
    return Reject(line, f"a JSON object was expected, this is {type(value).__name__}", _begin(text))


def _jsonl(path: Path, layout: Layout, caps: Caps) -> Raw:
    for number, line, whole in _lines(path, layout.encoding, caps.line):
        if isinstance(line, Reject):
            yield line
        elif line.strip():
            row = _parse(number, line)
            if isinstance(row, Reject) and not whole:
                reason = f"the file breaks off in the middle of line {number}; every row before it was read"
                row = Reject(number, reason, row.text, breaks=True)
            yield row


def _text(path: Path, layout: Layout, caps: Caps) -> Raw:
    for number, line, _whole in _lines(path, layout.encoding, caps.line):
        if isinstance(line, Reject):
            yield line
        elif line.strip():
            yield RawRow(number, {"instruction": line.strip()})


def _json(path: Path, layout: Layout, caps: Caps) -> Raw:
    for element in elements(path, caps.line):
        number, trouble = element.position, element.trouble
        try:
            text = element.data.removeprefix(b"\xef\xbb\xbf").decode(layout.encoding).strip()
        except UnicodeDecodeError as error:
            text = element.data.decode("utf-8", "replace").strip()
            trouble = (
                trouble or f"not {layout.encoding.upper()} at byte {error.start + 1}; save the file as UTF-8"
            )
        if trouble == "break":
            reason = f"the file breaks off in element {number}; every element before it was read"
            yield Reject(number, reason, _begin(text), breaks=True)
        elif trouble:
            yield Reject(number, trouble, _begin(text))
        else:
            yield _parse(number, text)


def looks_like_header(cells: Iterable[str]) -> bool:
    """A CSV's first row names columns only if one of its cells is a known column name and none is long."""
    names = [cell.strip().lower().replace(" ", "_") for cell in cells]
    return any(name in KNOWN_COLUMNS for name in names) and all(len(name) <= 40 for name in names)


def csv_records(path: Path, layout: Layout, caps: Caps) -> Iterator[tuple[int, list[str] | Reject]]:
    """(first line, cells) of each record; quoted cells may span lines."""
    pending: list[str] = []
    first = quotes = length = 0
    for number, line, _whole in _lines(path, layout.encoding, caps.line):
        if isinstance(line, Reject):
            if pending:
                yield (
                    first,
                    Reject(first, f"its quoted cell runs into the bad line {number}", _begin(pending[0])),
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
                yield first, Reject(first, f"not CSV: {error}", _begin(pending[0]))
        elif length > caps.line:
            yield (
                first,
                Reject(first, f"a quoted cell is not closed within {caps.line:,} bytes", _begin(pending[0])),
            )
        else:
            continue
        pending, quotes, length = [], 0, 0
    if pending:
        reason = f"the file breaks off inside a quoted cell of line {first}; every row before it was read"
        yield first, Reject(first, reason, _begin(pending[0]), breaks=True)


def _csv(path: Path, layout: Layout, caps: Caps) -> Raw:
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
                    number, f"{len(cells)} cells where {len(names)} were expected", _begin(" | ".join(cells))
                )
            else:
                yield RawRow(number, dict(zip(names, cells, strict=True)))


def _parquet(path: Path, layout: Layout, caps: Caps) -> Raw:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    line = 0
    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=512):
                for values in batch.to_pylist():
                    line += 1
                    yield RawRow(line, values)
    except (pa.ArrowException, OSError) as error:
        yield Reject(
            line + 1, f"this Parquet file is damaged or breaks off after row {line}: {error}", breaks=True
        )


def _arrow(path: Path, layout: Layout, caps: Caps) -> Raw:
    import pyarrow as pa

    line = 0
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
            for batch in stream:
                for start in range(0, batch.num_rows, 512):
                    for values in batch.slice(start, 512).to_pylist():
                        line += 1
                        yield RawRow(line, values)
    except (pa.ArrowException, OSError) as error:
        yield Reject(
            line + 1, f"this Arrow file is damaged or breaks off after row {line}: {error}", breaks=True
        )


CONTAINERS: dict[str, Callable[[Path, Layout, Caps], Raw]] = {
    "jsonl": _jsonl,
    "json": _json,
    "csv": _csv,
    "text": _text,
    "parquet": _parquet,
    "arrow": _arrow,
}
"""Kind of file -> how its rows come out."""

_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "text",
    ".parquet": "parquet",
    ".arrow": "arrow",
}
_REFUSED = {
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"\x80\x03": "a pickle",
}


def files_of(path: Path) -> list[Path]:
    """The data files of a path: itself, or those of a Hugging Face dataset folder (saved or as on the hub).

    Raises:
        BadInput: nothing there that can be read.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise BadInput(f"{path} is not there; name a file or a dataset folder.")
    kinds = {".parquet", ".arrow", ".jsonl", ".json", ".csv"}
    skipped = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}
    found = sorted(
        f
        for f in path.rglob("*")
        if f.suffix in kinds and f.name not in skipped and not f.name.startswith(("cache-", "."))
    )
    if not found:
        raise BadInput(f"The folder {path} holds no .parquet, .arrow, .jsonl, .json or .csv file.")
    suffix = found[0].suffix
    return [f for f in found if f.suffix == suffix]


def container_of(path: Path) -> Layout:
    """Kind of file, encoding, delimiter and header, judged by its first bytes and its name.

    Raises:
        BadInput: an archive, a pickle, an empty file, or a kind we do not read.
    """
    with open(path, "rb") as file:
        head = file.read(1 << 16)
    if not head.strip():
        raise BadInput(f"{path} is empty.")
    for magic, what in _REFUSED.items():
        if head.startswith(magic):
            raise BadInput(f"{path.name} is {what}, which is not read; unpack it and name the data file.")
    if head.startswith(b"PAR1"):
        return Layout("parquet")
    container = _SUFFIXES.get(path.suffix.lower(), "")
    if container in {"parquet", "arrow"}:
        return Layout(container)
    encoding = "utf-16" if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8"
    start = head.decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    if container in {"json", ""} and start[:1] in "{[":
        container = _list_or_lines(start)
    if not container:
        raise BadInput(f"{path.name} is of no kind we read: {', '.join(_SUFFIXES)}.")
    if container != "csv":
        return Layout(container, encoding=encoding)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(start)
    layout = Layout("csv", encoding=encoding, delimiter=delimiter)
    first = next(
        (cells for _, cells in csv_records(path, layout, Caps()) if not isinstance(cells, Reject)), []
    )
    return Layout("csv", encoding=encoding, delimiter=delimiter, header=looks_like_header(first))


def _list_or_lines(start: str) -> str:
    """A first line that is JSON by itself means one row a line, whatever the file is called."""
    line, _newline, rest = start.partition("\n")
    try:
        value = json.loads(line)
    except ValueError:
        return "jsonl" if line.startswith("{") and rest.lstrip().startswith("{") else "json"
    if (
        isinstance(value, dict)
        and not rest.strip()
        and not KNOWN_COLUMNS & {str(name).lower() for name in value}
    ):
        return "json"
    whole_list = isinstance(value, list) and not all(isinstance(v, str) for v in value)
    return "json" if whole_list or (isinstance(value, list) and not rest.strip()) else "jsonl"


def _delimiter(start: str) -> str:
    line = start.partition("\n")[0]
    unquoted = re.sub(r'"[^"]*"', "", line)
    return max(",;\t", key=unquoted.count) if any(unquoted.count(d) for d in ",;\t") else ","
