"""Lines of a text file, streamed: too long ones and badly encoded ones are rejected, the rest is read on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from arena.testsets.rows import Reject, begin

BLOCK = 2**20


def lines(path: Path, encoding: str, cap: int) -> Iterator[tuple[int, str | Reject, bool]]:
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
                yield number, Reject(number, reason, begin(line[:400].decode("utf-8", "replace"))), True
                continue
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            try:
                yield number, line.decode(encoding).rstrip("\r\n"), whole
            except UnicodeDecodeError as error:
                reason = (
                    f"not {encoding.upper()} at byte {error.start + 1}; save as UTF-8 or name the encoding"
                )
                yield number, Reject(number, reason, begin(line.decode("utf-8", "replace"))), whole


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
                yield number, Reject(number, f"longer than {cap:,} characters", begin(line)), True
                continue
            yield number, line.rstrip("\r\n"), line.endswith("\n")
