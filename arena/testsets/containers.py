"""The kinds of files: how raw rows come out of each, and which kind a file is.

A file that breaks off gives every whole row before the break. Nothing is unpickled or unzipped.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

from arena.records import BadInput
from arena.testsets.csv_rows import KNOWN_COLUMNS, csv_records, csv_rows, delimiter_of, looks_like_header
from arena.testsets.json_list import elements
from arena.testsets.lines import lines
from arena.testsets.rows import Caps, Correction, Layout, Raw, RawRow, Reject, begin


def _parse(line: int, text: str) -> RawRow | Reject:
    """One JSON row; a bare string counts as an instruction, a bare list as its turns."""
    try:
        value = json.loads(text)
    except RecursionError:
        return Reject(line, "nested too deeply", begin(text))
    except ValueError as error:
        return Reject(line, f"not JSON: {error}", begin(text))
    if isinstance(value, dict):
        return RawRow(line, value)
    if isinstance(value, str):
        return RawRow(line, {"instruction": value})
    if isinstance(value, list) and value and all(isinstance(turn, str) for turn in value):
        return RawRow(line, {"turns": value})
    return Reject(line, f"a JSON object was expected, this is {type(value).__name__}", begin(text))


def _jsonl(path: Path, layout: Layout, caps: Caps) -> Raw:
    for number, line, whole in lines(path, layout.encoding, caps.line):
        if isinstance(line, Reject):
            yield line
        elif line.strip():
            row = _parse(number, line)
            if isinstance(row, Reject) and not whole:
                reason = f"the file breaks off in the middle of line {number}; every row before it was read"
                row = Reject(number, reason, row.text, breaks=True)
            yield row


def _text(path: Path, layout: Layout, caps: Caps) -> Raw:
    for number, line, _whole in lines(path, layout.encoding, caps.line):
        if isinstance(line, Reject):
            yield line
        elif line.strip():
            yield RawRow(number, {"instruction": line.strip()})


def _json(path: Path, layout: Layout, caps: Caps) -> Raw:
    encoding = "utf-8" if layout.encoding.startswith("utf-16") else layout.encoding
    for element in elements(path, caps.line, layout.encoding):
        number, trouble = element.position, element.trouble
        try:
            text = element.data.removeprefix(b"\xef\xbb\xbf").decode(encoding).strip()
        except UnicodeDecodeError as error:
            text = element.data.decode("utf-8", "replace").strip()
            trouble = (
                trouble or f"not {layout.encoding.upper()} at byte {error.start + 1}; save the file as UTF-8"
            )
        if trouble == "break":
            reason = f"the file breaks off in element {number}; every element before it was read"
            yield Reject(number, reason, begin(text), breaks=True)
        elif trouble:
            yield Reject(number, trouble, begin(text))
        else:
            yield _parse(number, text)


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
    "csv": csv_rows,
    "text": _text,
    "parquet": _parquet,
    "arrow": _arrow,
}
"""Kind of file -> how its rows come out."""
NOTHING = Correction()

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


def container_of(path: Path, given: Correction = NOTHING) -> Layout:
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
    container = given.container or _SUFFIXES.get(path.suffix.lower(), "")
    if container in {"parquet", "arrow"}:
        return Layout(container)
    encoding = given.encoding or ("utf-16" if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8")
    try:
        start = head.decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    except LookupError:
        raise BadInput(
            f"There is no encoding {encoding!r}; usual ones are utf-8, utf-16 and cp1252."
        ) from None
    if not given.container and container in {"json", ""} and start[:1] in "{[":
        container = _list_or_lines(start)
    if container not in CONTAINERS:
        raise BadInput(f"{path.name} is of no kind we read: {', '.join(_SUFFIXES)}; or name its kind.")
    if container != "csv":
        return Layout(container, encoding=encoding)
    usual = "\t" if path.suffix.lower() == ".tsv" else delimiter_of(start)
    layout = Layout("csv", encoding=encoding, delimiter=given.delimiter or usual)
    if given.header is not None:
        return dataclasses.replace(layout, header=given.header)
    records = csv_records(path, layout, Caps())
    first = next((cells for _, cells in records if not isinstance(cells, Reject)), [])
    return dataclasses.replace(layout, header=looks_like_header(first))


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
