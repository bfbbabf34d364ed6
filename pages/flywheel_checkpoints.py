"""Checkpoints: their family tree with ratings and disk use, the next battle a click away, old ones pruned."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import gradio as gr
from gradio.context import Context

from arena.canvas import empty
from arena.flywheel.lineage import lineage
from arena.flywheel.prune import disk_use, prune
from arena.ratings import charts, slices
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
    with gr.Row():
        with gr.Column(scale=3):
            tree = gr.HTML(elem_id="flywheel-tree")
            with gr.Accordion("Free disk space", open=False, elem_id="flywheel-disk"):
                old = gr.Dropdown(
                    [], multiselect=True, label="Checkpoints to prune", elem_id="flywheel-prune"
                )
                prune_button = gr.Button("Delete their folders", elem_id="flywheel-prune-do")
                said = gr.HTML(elem_id="flywheel-pruned")
        with gr.Column(scale=2, min_width=360):
            progress = gr.Plot(show_label=False, elem_id="flywheel-progress")
    timer = gr.Timer(2.0)

    def arrive() -> tuple[Any, ...]:
        return tree_html(store), progress_chart(store), _menu(store)

    def watch() -> tuple[Any, ...]:
        """The menu stays as it is, since somebody may be choosing in it."""
        moving = flywheel_training.moving(store)
        return (tree_html(store), progress_chart(store)) if moving else (gr.skip(), gr.skip())

    def delete(names: list[str] | None) -> tuple[Any, ...]:
        return _delete(store, names or [])

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    page.load(arrive, None, [tree, progress, old], show_progress="hidden")
    timer.tick(watch, None, [tree, progress], show_progress="hidden")
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
        return '<p class="note">No checkpoints yet. Choose lessons below and train.</p>'
    rated, sizes = ratings(store), disk_use(store)
    rows = [_row(row, rated, sizes) for row in frame.to_dicts()]
    total = sum(sizes.values()) / 2**20
    return table(HEADERS, rows) + f"<p>Checkpoints trained here take {total:,.0f} MiB.</p>"


def progress_chart(store: Store) -> Any:
    """Ratings of the family over all battles, children joined to their parents; it says why where there are none."""
    try:
        return charts.iterations(slices.board(store, slices.Slice()), slices.iterations(store))
    except ArenaError:
        return empty("Ratings appear here once trained models have battled.", height=380)


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
        + (
            f" ({row.low:.0f}\u00a0to\u00a0{row.high:.0f})"
            if row.low is not None and row.high is not None
            else ""
        )
        for row in board.rows
    }
