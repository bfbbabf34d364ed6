"""Reading what a judge said: one JSON object of exactly the agreed shape, or it is unreadable.

Naive regular expressions and lenient JSON misread 41-50% of fuzzed outputs; this parser none of 10,000
(tests/battles/test_strict.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from arena.records import Json

Shape = Mapping[str, tuple[str, ...] | tuple[int, int] | None]
"""Field -> its choices, its lowest and highest whole number, or None for any text."""


class Unreadable(Exception):
    """The judge's words are not of the agreed form; the text says why."""


@dataclass(frozen=True)
class Reading:
    texts: Mapping[str, str]
    numbers: Mapping[str, int]


def read(text: str, shape: Shape) -> Reading:
    """The fields of one JSON object with exactly the shape's keys.

    Raises:
        Unreadable: anything else: other words around it, other, missing or doubled keys, other types.
    """
    try:
        found = json.loads(text.strip(), object_pairs_hook=_object, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not one JSON object: {error}") from error
    if not isinstance(found, dict):
        raise Unreadable("not a JSON object")
    if set(found) != set(shape):
        raise Unreadable(f"keys {sorted(found)} instead of {sorted(shape)}")
    texts: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for name, allowed in shape.items():
        value = found[name]
        if _is_range(allowed):
            numbers[name] = _whole(name, value, allowed)  # type: ignore[arg-type]  # a range by the test above
        else:
            texts[name] = _text(name, value, allowed)  # type: ignore[arg-type]  # choices or None
    return Reading(texts, numbers)


def schema(shape: Shape, longest: int) -> dict[str, Json]:
    """The JSON schema of a shape for servers that enforce one; texts have at most `longest` characters."""
    properties: dict[str, Json] = {}
    for name, allowed in shape.items():
        if allowed is None:
            properties[name] = {"type": "string", "maxLength": longest}
        elif _is_range(allowed):
            properties[name] = {"type": "integer", "minimum": allowed[0], "maximum": allowed[1]}
        else:
            properties[name] = {"type": "string", "enum": list(allowed)}
    return {
        "type": "object",
        "properties": properties,
        "required": list(shape),
        "additionalProperties": False,
    }


def _is_range(allowed: tuple[str, ...] | tuple[int, int] | None) -> bool:
    return allowed is not None and all(isinstance(value, int) for value in allowed)


def _whole(name: str, value: Json, allowed: tuple[int, int]) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not allowed[0] <= value <= allowed[1]:
        raise Unreadable(f"{name} is {value!r}, not a whole number from {allowed[0]} to {allowed[1]}")
    return value


def _text(name: str, value: Json, allowed: tuple[str, ...] | None) -> str:
    if not isinstance(value, str) or (allowed is not None and value not in allowed):
        raise Unreadable(f"{name} is {value!r}")
    return value


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key twice")
    return made


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
