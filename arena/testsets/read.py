"""Instructions out of other people's files: the shape is recognised, shown, and can be corrected.

We keep the user's turns (contenders answer them one by one); answers and system prompts are left out.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.records import BadInput, Instruction
from arena.testsets.rows import CONTAINERS, Caps, Layout, RawRow, Reject, container_of, files_of

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


class _Bad(ValueError):
    """Why one row cannot be taken."""


Turns = Callable[[Mapping[str, Any], Mapping[str, str]], tuple[str, ...]]


@dataclass(frozen=True)
class Format:
    """A usual shape of instruction data."""

    title: str
    columns: Mapping[str, tuple[str, ...]]
    """Our word -> the names it usually has."""
    turns: Turns


def _cell(row: Mapping[str, Any], columns: Mapping[str, str], word: str) -> Any:
    value = row.get(columns.get(word, ""))
    if isinstance(value, str) and value[:1] == "[" and word in {"conversation", "turns"}:
        try:
            return json.loads(value)
        except ValueError:
            raise _Bad(f"its column {columns[word]!r} begins like a list but is not JSON") from None
    return value


def _words(value: Any, what: str) -> str:
    """The text of one turn: a string, or OpenAI's list of parts."""
    if isinstance(value, list):
        parts = [p.get("text", "") for p in value if isinstance(p, dict) and p.get("type") == "text"]
        if len(parts) < len(value):
            raise _Bad(f"{what} holds something other than text")
        value = "\n".join(parts)
    if value is None:
        raise _Bad(f"{what} is missing")
    if not isinstance(value, str):
        raise _Bad(f"{what} is {type(value).__name__}, not text")
    if not value.strip():
        raise _Bad(f"{what} is empty")
    return value.strip()


def _plain(row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, ...]:
    return (_words(_cell(row, columns, "instruction"), "the instruction"),)


def _alpaca(row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, ...]:
    instruction = _words(_cell(row, columns, "instruction"), "the instruction")
    extra = _cell(row, columns, "input")
    if extra is None or not str(extra).strip() or str(extra).strip().lower() in {"<noinput>", "nan"}:
        return (instruction,)
    return (f"{instruction}\n\n{_words(extra, 'the input')}",)


_USER = {"user", "human", "prompter"}
_ANSWER = {"assistant", "gpt", "chatgpt", "bot", "bard", "bing", "model", "tool", "function", "observation"}


def _conversation(row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, ...]:
    messages = _cell(row, columns, "conversation")
    if not isinstance(messages, list) or not messages:
        raise _Bad("its conversation is missing or empty")
    turns: list[str] = []
    for number, message in enumerate(messages, 1):
        if not isinstance(message, dict):
            raise _Bad(f"message {number} is not an object")
        role = str(message.get("role", message.get("from", ""))).lower()
        if role in _USER:
            content = message["content"] if "content" in message else message.get("value")
            turns.append(_words(content, f"message {number}"))
        elif role in _ANSWER and not turns:
            raise _Bad("it begins with an answer: what was asked is missing")
        elif role not in _ANSWER | {"system", "developer"}:
            raise _Bad(f"message {number} has the unknown role {role!r}")
    if not turns:
        raise _Bad("it has no message by a user")
    return tuple(turns)


def _question(row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, ...]:
    turns = _cell(row, columns, "turns")
    if isinstance(turns, str):
        turns = [turns]
    if not isinstance(turns, list) or not turns:
        raise _Bad("its turns are missing or empty")
    return tuple(
        _words(turn.get("content") if isinstance(turn, dict) else turn, f"turn {n}")
        for n, turn in enumerate(turns, 1)
    )


_FACTS: Mapping[str, tuple[str, ...]] = {
    "category": ("category", "topic", "domain", "task_type"),
    "language": ("language", "lang"),
    "check": ("check",),
}
_TALK = ("conversation", "conversations", "messages", "items")

FORMATS: dict[str, Format] = {
    "questions": Format(
        "MT-Bench or Arena-Hard questions",
        {"turns": ("turns",), "reference": ("reference", "references"), **_FACTS},
        _question,
    ),
    "sharegpt": Format("ShareGPT conversations", {"conversation": _TALK, **_FACTS}, _conversation),
    "lmsys": Format(
        "LMSYS-Chat-1M",
        {"conversation": _TALK, "moderation": ("openai_moderation",), **_FACTS},
        _conversation,
    ),
    "openai": Format("OpenAI messages", {"conversation": _TALK, **_FACTS}, _conversation),
    "alpaca": Format("Alpaca", {"instruction": ("instruction",), "input": ("input",), **_FACTS}, _alpaca),
    "plain": Format(
        "Plain instructions",
        {
            "instruction": ("instruction", "prompt", "question", "query", "text", "content", "input"),
            "reference": ("reference", "references"),
            **_FACTS,
        },
        _plain,
    ),
}
"""Shape -> how its rows become instructions."""


def _shape_of(values: Mapping[str, Any]) -> str:
    """The shape of one row, or "" when none fits."""
    if "turns" in values:
        return "questions"
    for name in _TALK:
        messages = values.get(name)
        if isinstance(messages, str) and messages.startswith("["):
            try:
                messages = json.loads(messages)
            except ValueError:
                continue
        if isinstance(messages, list) and messages and isinstance(messages[0], dict):
            if "from" in messages[0]:
                return "sharegpt"
            return "lmsys" if name == "conversation" or "openai_moderation" in values else "openai"
    if "instruction" in values and ("input" in values or "output" in values):
        return "alpaca"
    return "plain" if any(isinstance(value, str) for value in values.values()) else ""


def _columns(shape: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Our words -> this file's columns, by their usual names, whatever their case."""
    by_name = {str(name).strip().lower(): str(name) for name in values}
    found = {
        word: by_name[name]
        for word, names in FORMATS[shape].columns.items()
        if (name := next((n for n in names if n in by_name), ""))
    }
    if shape == "plain" and "instruction" not in found:
        texts = {name: value for name, value in values.items() if isinstance(value, str)}
        found["instruction"] = max(texts, key=lambda name: len(texts[name]), default="")
    return found


def recognise(path: Path) -> Layout:
    """How a file or dataset folder seems to be laid out, from its first rows.

    Raises:
        BadInput: not there, empty, of no kind we read, or no row of it can be read.
    """
    files = files_of(path)
    base = container_of(files[0])
    seen: list[Mapping[str, Any]] = []
    rejects: list[Reject] = []
    for raw in CONTAINERS[base.container](files[0], base, Caps()):
        if isinstance(raw, RawRow):
            seen.append(raw.values)
        else:
            rejects.append(raw)
        if len(seen) >= LOOKED_AT or len(rejects) > 1000:
            break
    shapes = [shape for values in seen if (shape := _shape_of(values))]
    if not shapes:
        why = f" Its line {rejects[0].line}: {rejects[0].reason}." if rejects else ""
        raise BadInput(f"No instruction can be read from {files[0]}.{why}")
    shape = max(dict.fromkeys(shapes), key=shapes.count)
    example = next(values for values in seen if _shape_of(values) == shape)
    return dataclasses.replace(base, shape=shape, columns=_columns(shape, example))


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
    except _Bad as error:
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
        own = layout if file == files[0] else _like(layout, file)
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


def _like(layout: Layout, file: Path) -> Layout:
    own = container_of(file)
    return dataclasses.replace(own, shape=layout.shape, columns=layout.columns)


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
