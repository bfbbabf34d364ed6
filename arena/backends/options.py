"""A contender's options, read with their types; a wrong one is named in the user's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from arena.records import BadInput, Contender, Json


@dataclass(frozen=True)
class Options:
    contender: Contender

    def number(self, name: str, default: float) -> float:
        value = self.contender.options.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(name, value, "a number")
        return float(value)

    def whole(self, name: str, default: int) -> int:
        value = self.number(name, default)
        if value != int(value):
            raise self._wrong(name, value, "a whole number")
        return int(value)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.contender.options.get(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, value, "true or false")
        return value

    def text(self, name: str, default: str = "") -> str:
        value = self.contender.options.get(name, default)
        if not isinstance(value, str):
            raise self._wrong(name, value, "a text")
        return value

    def mapping(self, name: str) -> dict[str, Json]:
        value = self.contender.options.get(name, {})
        if not isinstance(value, Mapping):
            raise self._wrong(name, value, "a table of names and values")
        return dict(value)

    def words(self, name: str) -> list[str]:
        """A list of texts, or one text split at spaces."""
        value = self.contender.options.get(name, [])
        if isinstance(value, str):
            return value.split()
        if not isinstance(value, list | tuple):
            raise self._wrong(name, value, "a list of texts")
        return [str(item) for item in value]

    def _wrong(self, name: str, value: object, wanted: str) -> BadInput:
        return BadInput(
            f"Contender {self.contender.name!r}: option {name!r} is {value!r} but should be {wanted}."
        )
