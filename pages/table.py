"""The one table of our HTML: every cell escaped, numbers to the right, and room to scroll on a narrow screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Link:
    """A cell that leads somewhere in the app."""

    text: str
    address: str
    """Relative, as "battle?id=...": it holds behind a proxy."""


Cell = str | int | float | None | Link


def table(
    heads: Sequence[str], rows: Iterable[Sequence[Cell]], left: int | None = None, label: str = ""
) -> str:
    """A table; without heads it has none.

    Args:
        left: how many columns hold words, the others holding numbers written as text; None: columns of nothing but
            numbers are found by their values.
        label: what a screen reader calls it.
    """
    listed = [list(cells) for cells in rows]
    wide = len(heads) or max(map(len, listed), default=0)
    numbers = [place >= left if left is not None else _is_number(listed, place) for place in range(wide)]
    head = (
        "".join(_cell("th", name, number) for name, number in zip(heads, numbers, strict=True))
        if heads
        else ""
    )
    body = "".join(
        f"<tr>{''.join(_cell('td', cell, number) for cell, number in zip(cells, numbers, strict=False))}</tr>"
        for cells in listed
    )
    title = escape(label or "Table of " + ", ".join(filter(None, heads)))
    return (
        f'<div class="told" tabindex="0" role="region" aria-label="{title}"><table class="board">'
        + (f"<thead><tr>{head}</tr></thead>" if head else "")
        + f"<tbody>{body}</tbody></table></div>"
    )


def _is_number(rows: list[list[Cell]], place: int) -> bool:
    cells = [cells[place] for cells in rows if place < len(cells) and cells[place] is not None]
    return bool(cells) and all(isinstance(cell, (int, float)) for cell in cells)


def _cell(word: str, cell: Cell, number: bool) -> str:
    kind = " class=num" if number else ""
    if isinstance(cell, Link):
        text = f'<a href="{escape(cell.address)}">{escape(cell.text)}</a>'
    elif isinstance(cell, int):
        text = f"{cell:,}"
    else:
        text = escape("" if cell is None else str(cell))
    return f"<{word}{kind}>{text}</{word}>"
