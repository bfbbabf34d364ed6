"""Checkpoints: their family tree with ratings and disk use, the next battle a click away, old ones pruned."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import gradio as gr
from gradio.context import Context

from arena.flywheel.lineage import lineage
from arena.flywheel.prune import disk_use, prune
from arena.ratings import slices
from arena.records import ArenaError
from arena.store import Store
from pages import flywheel_training
from pages.table import Cell, Link, table

INDENT = "\u2003"
"""An em space."""
HEADERS = ["checkpoint", "stage", "examples", "battles", "rating", "disk", "battle it"]

GONE = "no weights here"
"""Pruned, or trained elsewhere."""


def render(store: Store) -> None:
    """Layout, then wiring."""
    gr.Markdown("## 3. Checkpoints")
    tree = gr.HTML(elem_id="flywheel-tree")
    with gr.Row(equal_height=True):
        old = gr.Dropdown([], multiselect=True, label="Checkpoints to prune", elem_id="flywheel-prune")
        prune_button = gr.Button("Delete their folders", elem_id="flywheel-prune-do")
    said = gr.HTML(elem_id="flywheel-pruned")
    timer = gr.Timer(2.0)

    def arrive() -> tuple[Any, Any]:
        return tree_html(store), _menu(store)

    def watch() -> Any:
        """The menu stays as it is, since somebody may be choosing in it."""
        return tree_html(store) if flywheel_training.moving(store) else gr.skip()

    def delete(names: list[str] | None) -> tuple[Any, ...]:
        return _delete(store, names or [])

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    page.load(arrive, None, [tree, old], show_progress="hidden")
    timer.tick(watch, None, tree, show_progress="hidden")
    old.focus(lambda: _menu(store), None, old, show_progress="hidden")
    prune_button.click(delete, old, [tree, old, said], show_progress="hidden")


def _menu(store: Store) -> Any:
    choices = [(f"{name} ({size / 2**20:,.0f} MiB)", name) for name, size in disk_use(store).items()]
    return gr.Dropdown(choices=choices)


def _delete(store: Store, names: list[str]) -> tuple[Any, ...]:
    if not names:
        raise gr.Error("Choose the checkpoints to prune first.")
    freed = 0
    try:
        for name in names:
            freed += prune(store, name)
    except ArenaError as error:
        raise gr.Error(str(error)) from error
    words = f"{freed / 2**20:,.0f} MiB freed. What they fought and learnt from stays."
    return tree_html(store), gr.Dropdown(choices=[], value=[]), f"<p>{words}</p>"


def tree_html(store: Store) -> str:
    """The family tree of checkpoints with ratings, each with a link to its next battle."""
    frame = lineage(store)
    if frame.is_empty():
        return '<p class="note">No checkpoints yet. Choose lessons above and train.</p>'
    rated, sizes = ratings(store), disk_use(store)
    rows = [_row(row, rated, sizes) for row in frame.to_dicts()]
    total = sum(sizes.values()) / 2**20
    return table(HEADERS, rows) + f"<p>Checkpoints trained here take {total:,.0f} MiB.</p>"


def _row(row: dict[str, Any], rated: dict[str, str], sizes: dict[str, int]) -> list[Cell]:
    name = row["name"]
    size = f"{sizes[name] / 2**20:,.0f} MiB" if name in sizes else GONE if row["parent"] else ""
    talks = row["stage"] != "reward" and size != GONE
    link = Link("battle this checkpoint", f"launch?contender={quote(name)}") if talks else None
    branch = INDENT * row["depth"] + ("\u21b3 " if row["depth"] else "")
    return [branch + name, row["stage"], row["examples"], row["battles"], rated.get(name), size, link]


def ratings(store: Store) -> dict[str, str]:
    """Contender -> rating and interval over all battles; empty while there is nothing to rate."""
    try:
        board = slices.board(store, slices.Slice())
    except ArenaError:
        return {}
    return {
        row.model: f"{row.rating:.0f}"
        + (f" ({row.low:.0f} to {row.high:.0f})" if row.low is not None and row.high is not None else "")
        for row in board.rows
    }
