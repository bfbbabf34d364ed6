"""The leaderboard: any slice of battles rated by any method, with everything a reader needs to judge it."""

from __future__ import annotations

import tempfile
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from arena.ratings import exhibits, report, snapshots
from arena.records import ArenaError
from arena.store import Store
from pages import leaderboard_menus as menus
from pages import leaderboard_views as views
from pages.leaderboard_menus import EVERY, INTERVAL_MENU, MEAN, METHOD_MENU, NOBODY, REMEMBER, START, Wish


def render(store: Store) -> None:  # noqa: C901, PLR0915 - a page's layout and wiring read best in one piece
    """Layout, then wiring."""
    gr.Markdown("# Leaderboard\nWho wins, how sure that is, and what the numbers rest on.")
    with gr.Row():
        testset, category, language, judge, source = (
            gr.Dropdown([EVERY], value=EVERY, label=label, min_width=150)
            for label in ("Test set", "Category", "Language", "Judge", "Battles from")
        )
    with gr.Row():
        method = gr.Dropdown(METHOD_MENU, value=START["method"], label="Method", min_width=300)
        interval = gr.Dropdown(INTERVAL_MENU, value=START["interval"], label="Interval", min_width=300)
        anchor = gr.Dropdown([MEAN], value=MEAN, label="Anchor", min_width=220)
        anchor_at = gr.Number(START["anchor_at"], label="Anchored at", precision=0, min_width=110)
    with gr.Row():
        own_family = gr.Checkbox(label="Without battles of the judge's own family", min_width=300)
        style = gr.Checkbox(label="Hold style equal (length, headers, lists, bold)", min_width=300)
    with gr.Accordion("Days, draws, prior", open=False), gr.Row():
        since = gr.Textbox(label="From day", placeholder="2026-11-01", max_length=10, min_width=130)
        until = gr.Textbox(label="To day, inclusive", placeholder="2026-11-30", max_length=10, min_width=130)
        draws = gr.Number(START["draws"], label="Bootstrap draws", precision=0, minimum=2, min_width=130)
        seed = gr.Number(START["seed"], label="Seed", precision=0, minimum=0, min_width=130)
        k = gr.Number(START["k"], label="K of online Elo", minimum=0.1, min_width=130)
        prior = gr.Number(
            None, label="Prior: ties with an average contender (empty: by need)", minimum=0, min_width=260
        )
    summary = gr.HTML(elem_id="board-summary")
    board = gr.HTML(elem_id="board-table")
    rating_chart = gr.Plot(show_label=False)
    with gr.Tabs():
        with gr.Tab("Every pair"):
            matrix_of = gr.Radio(
                [("Win rate", "wins"), ("Battles", "battles")], value="wins", label="Cells show"
            )
            matrix = gr.HTML(elem_id="board-matrix")
        with gr.Tab("By category"):
            by_category = gr.Plot(show_label=False)
        with gr.Tab("Along training"):
            along = gr.Plot(show_label=False)
        with gr.Tab("Length and cost"):
            by_length = gr.Plot(show_label=False)
            by_seconds = gr.Plot(show_label=False)
        with gr.Tab("One against another"):
            with gr.Row():
                first = gr.Dropdown([], label="Contender")
                second = gr.Dropdown([], label="against")
            duel = gr.HTML(elem_id="board-duel")
        with gr.Tab("How firm it is"):
            firm_button = gr.Button("Work it out", size="sm")
            firm = gr.HTML(elem_id="board-firm")
        with gr.Tab("Snapshots"):
            with gr.Row():
                snapshot_name = gr.Textbox(label="Name", placeholder="2026-11-23 before DPO", max_length=200)
                freeze_button = gr.Button("Freeze this board", variant="primary")
            with gr.Row():
                before = gr.Dropdown([], label="Compare")
                after = gr.Dropdown([], label="with (empty: this board now)")
            changes = gr.HTML(elem_id="board-changes")
        with gr.Tab("Ever rated") as log_tab:
            gr.Markdown("Everybody who ever battled, in order of the first battle. No line is ever removed.")
            log = gr.HTML(elem_id="board-log")
        with gr.Tab("Report"):
            gr.Markdown(
                "The board, its charts, battles and how it compares, as one file that needs no network."
            )
            with gr.Row():
                reference = gr.Dropdown([NOBODY], value=NOBODY, label="Compare with")
                shown_by = gr.Dropdown(list(exhibits.RULES), value="upsets", label="Battles to print")
                shown = gr.Number(exhibits.NUMBER, label="How many", precision=0, minimum=0, maximum=50)
                by_hand = gr.Textbox(label="And these (ids)", placeholder="as the battle's page shows them")
            with gr.Row():
                report_form = gr.Radio(["html", "pdf"], value="html", label="As")
                report_button = gr.Button("Make the report", variant="primary")
            report_files = gr.File(label="Report", file_count="multiple", interactive=False)

    choices: list[Any] = [
        testset,
        category,
        language,
        judge,
        source,
        method,
        interval,
        anchor,
        anchor_at,
        own_family,
        style,
    ]
    choices += [since, until, draws, seed, k, prior]
    answers = [summary, board, rating_chart, matrix, by_category, along, by_length, by_seconds, first, second]

    def show(cells_show: str, *wish: Any) -> tuple[Any, ...]:
        return views.whole(store, wish, cells_show)

    def show_matrix(cells_show: str, *wish: Any) -> str:
        return views.told(views.matrix, store, wish, cells_show)

    def show_duel(a: str, b: str, *wish: Any) -> str:
        return views.told(views.duel, store, wish, a, b)

    def show_firm(*wish: Any) -> str:
        return views.told(views.firm, store, wish)

    def show_changes(old: str, new: str, *wish: Any) -> str:
        return views.told(views.changes, store, wish, old, new)

    def freeze(name: str, *wish: Any) -> tuple[Any, Any, str]:
        try:
            asked = Wish.of(*wish)
            frozen = snapshots.freeze(store, name or "", asked.chosen, asked.settings)
        except ArenaError as error:
            raise gr.Error(str(error)) from error
        said = f'<p class="note">Frozen as {escape(frozen.name)}, content {frozen.content_hash}.</p>'
        return menus.frozen_menu(store), menus.frozen_menu(store), said

    def make_report(form: str, against: str, rule: str, number: float, ids: str, *wish: Any) -> list[str]:
        target = Path(tempfile.mkdtemp(prefix="wizardarena-report-")) / f"report.{form}"
        choice = exhibits.Choice(
            rule, min(50, int(number or 0)), tuple((ids or "").replace(",", " ").split())
        )
        try:
            asked = Wish.of(*wish)
            known = "" if against == NOBODY else against
            files = report.write(store, target, asked.chosen, known, asked.settings, choice)
        except ArenaError as error:
            raise gr.Error(str(error)) from error
        return [str(path) for path in files]

    def arrive(request: gr.Request) -> list[Any]:
        asked = dict(request.query_params or {})
        frozen = menus.frozen_menu(store)
        return [*menus.filled(store, asked), frozen, frozen, menus.reference_menu(store)]

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    page.load(arrive, None, [*choices, before, after, reference], show_progress="hidden").then(
        show, [matrix_of, *choices], answers, show_progress="minimal"
    ).then(show_duel, [first, second, *choices], duel, show_progress="hidden")
    typed: list[Any] = [anchor_at, since, until, draws, seed, k, prior]
    changed = [
        *(menu.input for menu in choices if menu not in typed),
        *(event for box in typed for event in (box.submit, box.blur)),
    ]
    gr.on(changed, show, [matrix_of, *choices], answers, show_progress="minimal").then(
        show_duel, [first, second, *choices], duel, show_progress="hidden"
    )
    gr.on(changed, None, choices, None, js=REMEMBER)
    matrix_of.input(show_matrix, [matrix_of, *choices], matrix)
    for menu in (first, second):
        menu.input(show_duel, [first, second, *choices], duel, show_progress="hidden")
    firm_button.click(show_firm, choices, firm)
    freeze_button.click(freeze, [snapshot_name, *choices], [before, after, changes])
    for menu in (before, after):
        menu.input(show_changes, [before, after, *choices], changes)
    log_tab.select(lambda: views.ever_rated(store), None, log)
    report_button.click(
        make_report, [report_form, reference, shown_by, shown, by_hand, *choices], report_files
    )
