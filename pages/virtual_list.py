"""A list of any length: the browser asks for the rows it shows, and holds no more than those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import gradio as gr

from pages.theme import when_ready

Cell = str | int | float | bool | None
MOST_ROWS = 200
"""The browser never gets more at once."""


@dataclass(frozen=True)
class Window:
    """Some rows of a long list: each a cell per column, and a link or ''."""

    total: int
    rows: list[list[Cell]]
    links: list[str]


def render(
    columns: list[str],
    window: Callable[[int, int, dict[str, str]], Window],
    label: str,
    height: int = 480,
    widths: str = "",
) -> gr.HTML:
    """A virtual table of text cells; `window(offset, limit, query)` gives its rows.

    `query` is the page's address as a mapping, so that a filter written there with history.replaceState and
    `Arena.refresh()` shows at once. `widths` is a CSS grid-template-columns.
    """

    def window_of(asked: dict[str, object]) -> dict[str, object]:
        query = {str(k): str(v) for k, v in cast("dict[str, object]", asked.get("query") or {}).items()}
        offset = max(0, int(str(asked.get("offset") or 0)))
        limit = max(1, min(MOST_ROWS, int(str(asked.get("limit") or 50))))
        found = window(offset, limit, query)
        return {"total": found.total, "rows": found.rows, "links": found.links}

    return gr.HTML(
        html_template='<div class="vlist"></div>',
        columns=columns,
        label_text=label,
        height_px=height,
        widths=widths or f"repeat({len(columns)}, minmax(0, 1fr))",
        js_on_load=when_ready("Arena.table(element, server, props)"),
        server_functions=[window_of],
        apply_default_css=False,
    )
