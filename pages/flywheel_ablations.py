"""Ablations: a grid over a plan's settings, started, watched, stopped and gone on with, compared in one picture
and one table."""

from __future__ import annotations

import tempfile
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from arena import ablation
from arena.ablation import Row
from arena.conductor import Conductor
from arena.flywheel.grid import EXAMPLES, base_plan, in_words, read_grid, with_grid
from arena.records import ArenaError
from arena.store import Store
from pages import flywheel_charts
from pages.flywheel_rounds import FIRST, text_of
from pages.table import table

MOST_NAMED = 6
"""Cells spelt out before a start."""


def render(store: Store, conductor: Conductor) -> None:
    """Two columns that share the chosen grid and the timer."""
    gr.Markdown(
        "What does a setting change? A grid carries a plan out once for every combination of "
        "values, one after another, and compares what came of each on the plan's held-out test set."
    )
    chosen = gr.Dropdown([], label="Grid", elem_id="flywheel-grids", render=False)
    timer = gr.Timer(2.0)
    with gr.Row():
        with gr.Column(scale=2):
            _form(store, conductor, chosen, timer)
        with gr.Column(scale=3):
            _results(store, conductor, chosen, timer)


def _form(store: Store, conductor: Conductor, chosen: Any, timer: Any) -> None:
    """A new grid."""
    plan = gr.Dropdown([FIRST], value=FIRST, label="Plan to vary", elem_id="flywheel-grid-plan")
    add = gr.Dropdown(
        list(EXAMPLES), value=None, label="Add a setting", elem_id="flywheel-grid-add",
        info="Others can be written: the plan's, all steps' (settings.warmup_steps, any of TRL's) or one step's "
        "(its name before: NAME.selection.k).",
    )  # fmt: skip
    grid = gr.Code(
        "selection.k: [0, 1, 3]\n", language="yaml", label="Grid: a setting a line with the values to try",
        elem_id="flywheel-grid",
    )  # fmt: skip
    name = gr.Textbox("", label="Name (empty: the plan's and -grid)", elem_id="flywheel-grid-name")
    draft = gr.HTML(elem_id="flywheel-grid-draft")
    start_button = gr.Button("Start this grid", variant="primary", elem_id="flywheel-grid-start")

    def written(plan_name: str, named: str, lines: str) -> str:
        text = text_of(store, conductor, plan_name)
        return with_grid(text, named.strip() or f"{base_plan(text).name}-grid", lines)

    def sketch(plan_name: str, named: str, lines: str) -> str:
        try:
            return draft_html(written(plan_name, named, lines))
        except ArenaError as error:
            return f'<p class="note">{escape(str(error))}</p>'

    def start(plan_name: str, named: str, lines: str) -> tuple[Any, Any]:
        try:
            kept = conductor.save(written(plan_name, named, lines)).name
            conductor.start(kept)
        except ArenaError as error:
            raise gr.Error(str(error)) from error
        return gr.Dropdown(choices=conductor.names(grids=True), value=kept), gr.Timer(active=True)

    def plans() -> Any:
        return gr.Dropdown(choices=[*conductor.names(), FIRST])

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    fields = [plan, name, grid]
    page.load(plans, None, plan, show_progress="hidden").then(sketch, fields, draft, show_progress="hidden")
    plan.focus(plans, None, plan, show_progress="hidden")  # one may have been kept since
    add.input(added, [add, grid], [grid, add], show_progress="hidden")
    gr.on(
        [plan.change, name.change, grid.change], sketch, fields, draft,
        show_progress="hidden", trigger_mode="always_last",
    )  # fmt: skip
    start_button.click(start, fields, [chosen, timer], show_progress="hidden")


def _results(store: Store, conductor: Conductor, chosen: Any, timer: Any) -> None:
    """The chosen grid: where it stands and what came of its cells."""
    chosen.render()
    said = gr.HTML(elem_id="flywheel-grid-said")
    picture = gr.Plot(show_label=False, elem_id="flywheel-grid-picture")
    table = gr.HTML(elem_id="flywheel-grid-table")
    with gr.Row():
        on_button = gr.Button("Go on", elem_id="flywheel-grid-on")
        stop_button = gr.Button("Stop after this step", elem_id="flywheel-grid-stop")
        file = gr.DownloadButton("Prepare the table as CSV", elem_id="flywheel-grid-file")

    def arrive() -> Any:
        grids = conductor.names(grids=True)
        return gr.Dropdown(choices=grids, value=grids[0] if grids else None)

    def go_on(name: str | None) -> Any:
        if not name:
            raise gr.Error("Start a grid first, or choose one.")
        try:
            conductor.start(name)
        except ArenaError as error:
            raise gr.Error(str(error)) from error
        return gr.Timer(active=True)

    def stop(name: str | None) -> None:
        if name:
            conductor.stop(name)

    def watch(name: str | None) -> tuple[Any, ...]:
        busy = name is not None and conductor.word(name).busy
        return *_show(store, conductor, name), gr.Timer(active=busy)

    def prepare(name: str | None) -> Any:
        return _file(store, conductor, name)

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    shown = [said, picture, table, timer]
    page.load(arrive, None, chosen, show_progress="hidden").then(watch, chosen, shown, show_progress="hidden")
    on_button.click(go_on, chosen, timer, show_progress="hidden").then(
        watch, chosen, shown, show_progress="hidden"
    )
    stop_button.click(stop, chosen, None, show_progress="hidden").then(
        watch, chosen, shown, show_progress="hidden"
    )
    chosen.change(watch, chosen, shown, show_progress="hidden")
    chosen.change(fresh_button, None, file, show_progress="hidden")
    timer.tick(watch, chosen, shown, show_progress="hidden")
    file.click(prepare, chosen, file, show_progress="hidden")


def added(setting: str | None, lines: str) -> tuple[str, Any]:
    """The grid with an example line for the setting, unless it has one; the menu is empty again."""
    if not setting or f"{setting}:" in lines:
        return lines, None
    return f"{lines.rstrip()}\n{setting}: {EXAMPLES[setting]}\n".lstrip(), None


def draft_html(text: str) -> str:
    """What a start would do.

    Raises:
        BadInput: the grid cannot be.
    """
    cells = read_grid(text)
    named = "".join(f"<li>{escape(in_words(cell))}</li>" for cell, _ in cells[:MOST_NAMED])
    more = f"<li>and {len(cells) - MOST_NAMED} more</li>" if len(cells) > MOST_NAMED else ""
    trainings = sum(len(plan.steps) for _, plan in cells)
    return f"<p>{len(cells)} cells, {trainings} trainings:</p><ul>{named}{more}</ul>"


def _show(store: Store, conductor: Conductor, name: str | None) -> tuple[str, Any, str]:
    if not name:
        return '<p class="note">No grid has been started yet.</p>', flywheel_charts.cells([]), ""
    try:
        cells, word = conductor.cells(name), conductor.word(name)
    except ArenaError as error:
        return f'<p class="note">{escape(str(error))}</p>', flywheel_charts.cells([]), ""
    rows = ablation.compare(store, cells)
    done = sum(row.rating is not None for row in rows)
    said = f"<p>{done} of {len(rows)} cells have battled. Its run: <b>{escape(word.state)}</b>. "
    said += f"{escape(word.doing)}</p>"
    said += f'<p class="note">{escape(word.error)}</p>' if word.error else ""
    return said, flywheel_charts.cells(rows), table_html(rows)


def table_html(rows: list[Row]) -> str:
    """A row a cell, the best rating first, those still to come last."""
    names = list(rows[0].cell)
    cells = []
    for row in sorted(rows, key=lambda r: -(r.rating if r.rating is not None else float("-inf"))):
        span = f"{row.low:.0f} to {row.high:.0f}" if row.low is not None and row.high is not None else ""
        rating = f"{row.rating:.0f}" if row.rating is not None else "to come"
        loss = f"{row.loss:.4f}" if row.loss is not None else ""
        chosen = [str(row.cell[name]) for name in names]
        cells.append([*chosen, row.contender, row.lessons or "", loss, rating, span])
    heads = [*names, "checkpoint", "lessons", "last loss", "rating", "95% interval"]
    return table(heads, cells, left=len(names) + 1)


def _file(store: Store, conductor: Conductor, name: str | None) -> Any:
    """Write the table and hand it to the button: the first click prepares, the second downloads."""
    if not name:
        raise gr.Error("Start a grid first, or choose one.")
    path = Path(tempfile.mkdtemp(prefix="grid-")) / f"{name}.csv"
    path.write_text(ablation.as_csv(ablation.compare(store, conductor.cells(name))), "utf-8")
    return gr.DownloadButton(f"Download {path.name}", value=str(path), variant="primary")


def fresh_button() -> Any:
    """Another grid needs another file."""
    return gr.DownloadButton("Prepare the table as CSV", value=None, variant="secondary")
