"""The elements of a JSON list, found block by block; one bad element spoils no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK = 2**20
_MARKS = re.compile(rb'\\.|["{}\[\],]', re.DOTALL)


@dataclass(frozen=True)
class Element:
    """The bytes of one element; `trouble` says why they are not whole, "break" that the file ends in them."""

    position: int
    data: bytes
    trouble: str = ""


class _Finder:
    """Counts brackets outside strings, block by block."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.depth, self.list_depth, self.position = 0, -1, 0
        self.inside = self.ended = False
        self._parts: list[bytes] = []
        self._length = 0

    def feed(self, block: bytes) -> Iterator[Element]:
        start = 0
        for mark in _MARKS.finditer(block):
            sign = mark.group()
            if sign == b'"':
                self.inside = not self.inside
            elif self.inside or len(sign) > 1:
                continue
            elif sign in b"{[":
                self.depth += 1
                if sign == b"[" and self.list_depth < 0:
                    self.list_depth, start = self.depth, mark.end()
            elif self.depth == self.list_depth and sign in b",]":
                self._keep(block[start : mark.start()])
                yield from self._take(last=sign == b"]")
                start = mark.end()
                if self.ended:
                    return
            elif sign in b"}]":
                self.depth -= 1
        if self.list_depth >= 0:
            self._keep(block[start:])

    def _keep(self, data: bytes) -> None:
        self._length += len(data)
        if self._length <= self.cap or not self._parts:
            self._parts.append(data)

    def _take(self, last: bool) -> Iterator[Element]:
        data, length = b"".join(self._parts), self._length
        self._parts, self._length, self.ended = [], 0, last
        if data.strip() or not last:
            self.position += 1
            yield Element(
                self.position, data, f"longer than {self.cap:,} bytes ({length:,})" * (length > self.cap)
            )

    def rest(self) -> Element:
        if self.list_depth < 0:
            return Element(0, b"", "this JSON file holds no list of rows")
        return Element(self.position + 1, b"".join(self._parts), "break")


def elements(path: Path, cap: int, encoding: str = "utf-8") -> Iterator[Element]:
    """Each element of the first list in a JSON file; those beyond `cap` bytes come cut, and say so.

    Signs of UTF-16 are two bytes wide: such a file's elements come as UTF-8.
    """
    finder = _Finder(cap)
    carried = b""
    for read in _wide_blocks(path, encoding) if encoding.startswith("utf-16") else _blocks(path):
        block, carried = carried + read, b""
        if (len(block) - len(block.rstrip(b"\\"))) % 2:  # an escape that the next block completes
            carried = b"\\"
        yield from finder.feed(block[: len(block) - len(carried)])
        if finder.ended:
            return
    yield finder.rest()


def _blocks(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            yield block


def _wide_blocks(path: Path, encoding: str) -> Iterator[bytes]:
    with open(path, encoding=encoding, errors="replace") as file:
        while block := file.read(BLOCK):
            yield block.encode("utf-8", "replace")
