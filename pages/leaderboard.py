"""The leaderboard: any slice of battles rated by any method, with everything a reader needs to judge it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import plotly.graph_objects as go
from gradio.context import Context

from arena.battles import control
from arena.ratings import charts, flips, markup, report, slices, snapshots, style, styled
from arena.ratings.intervals import INTERVALS
from arena.ratings.leaderboard import INIT, Leaderboard, Settings
from arena.ratings.methods import METHODS
from arena.ratings.references import rankings
from arena.ratings.slices import SOURCES, Slice
from arena.records import ArenaError, BadInput
from arena.store import Store

EVERY = "all"
MEAN = "mean of all at 1000"
NOBODY = "nobody"
METHOD_MENU = [(method.says, name) for name, method in METHODS.items()]
INTERVAL_MENU = [(says, name) for name, says in INTERVALS.items()]
MOST_STYLED = 200_000
"""Battles up to which the style-controlled rank is worked out unasked."""
ADDRESS = ("testset", "category", "language", "judge", "source", "method", "interval", "anchor")
"""Menus whose choice stands in the address, in the order of the handlers' arguments."""

REMEMBER = f"""(...choices) => {{
    const names = {list(ADDRESS)!r};
    const address = new URLSearchParams();
    names.forEach((name, k) => {{
        if (choices[k] && choices[k] !== {EVERY!r}) address.set(name, choices[k]);
    }});
    history.replaceState(null, '', location.pathname + '?' + address.toString());
    return choices;
}}"""


@dataclass(frozen=True)
class Wish:
    """What the menus ask for."""

    chosen: Slice
    settings: Settings
    style_control: bool

    @property
    def words(self) -> dict[str, str]:
        """The slice as the battles page's filters say it."""
        chosen = self.chosen
        said = {"testset": chosen.testset, "category": chosen.category, "language": chosen.language}
        return {**said, "judge": chosen.judge, "source": chosen.source}

    @staticmethod
    def of(
        testset: str,
        category: str,
        language: str,
        judge: str,
        source: str,
        method: str,
        interval: str,
        anchor: str,
        anchor_at: float | None,
        own_family: bool,
        style_control: bool,
    ) -> Wish:
        def named(value: str) -> str:
            return "" if value in (EVERY, None) else value

        chosen = Slice(
            named(testset), named(category), named(language), named(judge), named(source), own_family
        )
        held = "" if anchor in (MEAN, "", None) else anchor
        at = INIT if anchor_at is None else float(anchor_at)
        return Wish(chosen, Settings(method, interval, anchor=held, anchor_at=at), style_control)


def render(store: Store) -> None:  # noqa: PLR0915 - a page's layout and wiring read best in one piece
    """Layout, then wiring."""
    gr.Markdown("# Leaderboard\nWho wins, how sure that is, and what the numbers rest on.")
    with gr.Row():
        testset = gr.Dropdown([EVERY], value=EVERY, label="Test set")
        category = gr.Dropdown([EVERY], value=EVERY, label="Category")
        language = gr.Dropdown([EVERY], value=EVERY, label="Language")
        judge = gr.Dropdown([EVERY], value=EVERY, label="Judge")
        source = gr.Dropdown([EVERY, *SOURCES], value=EVERY, label="Battles from")
    with gr.Row():
        method = gr.Dropdown(METHOD_MENU, value="bradley-terry", label="Method")
        interval = gr.Dropdown(INTERVAL_MENU, value="instructions", label="Interval")
        anchor = gr.Dropdown([MEAN], value=MEAN, label="Anchor")
        anchor_at = gr.Number(INIT, label="Anchored at", precision=0)
        own_family = gr.Checkbox(label="Without battles of the judge's own family")
        style_control = gr.Checkbox(label="Hold style equal (length, headers, lists, bold)")
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
        with gr.Tab("One against another"), gr.Row():
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
        with gr.Tab("Report"):
            gr.Markdown("The board, its charts and how it compares, as one file that needs no network.")
            with gr.Row():
                reference = gr.Dropdown([NOBODY], value=NOBODY, label="Compare with")
                report_form = gr.Radio(["html", "pdf"], value="html", label="As")
                report_button = gr.Button("Make the report", variant="primary")
            report_files = gr.File(label="Report", file_count="multiple", interactive=False)

    menus = [testset, category, language, judge, source, method, interval, anchor]
    wishes = [*menus, anchor_at, own_family, style_control]
    shown = [summary, board, rating_chart, matrix, by_category, along, by_length, by_seconds, first, second]

    def show(cells_show: str, *wish: Any) -> tuple[Any, ...]:
        return _show(store, Wish.of(*wish), cells_show)

    def show_duel(a: str, b: str, *wish: Any) -> str:
        return _duel(store, Wish.of(*wish), a, b)

    def show_firm(*wish: Any) -> str:
        return _firm(store, Wish.of(*wish))

    def freeze(name: str, *wish: Any) -> tuple[Any, Any, str]:
        asked = Wish.of(*wish)
        try:
            frozen = snapshots.freeze(store, name or "", asked.chosen, asked.settings)
        except ArenaError as error:
            raise gr.Error(str(error)) from error
        menu = gr.Dropdown(choices=_snapshots(store))
        return (
            menu,
            menu,
            f'<p class="note">Frozen as {escape(frozen.name)}, content {frozen.content_hash}.</p>',
        )

    def show_changes(old: str, new: str, *wish: Any) -> str:
        return _changes(store, old, new, Wish.of(*wish))

    def make_report(form: str, against: str, *wish: Any) -> list[str]:
        asked = Wish.of(*wish)
        target = Path(tempfile.mkdtemp(prefix="wizardarena-report-")) / f"report.{form}"
        try:
            known = "" if against == NOBODY else against
            return [str(path) for path in report.write(store, target, asked.chosen, known, asked.settings)]
        except ArenaError as error:
            raise gr.Error(str(error)) from error

    def arrive(request: gr.Request) -> list[Any]:
        return _menus(store, dict(request.query_params or {}))

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    arrived = page.load(arrive, None, [*menus, before, after, reference], show_progress="hidden")
    arrived.then(show, [matrix_of, *wishes], shown, show_progress="minimal").then(
        show_duel, [first, second, *wishes], duel, show_progress="hidden"
    )
    changed = [
        *(menu.input for menu in (testset, category, language, judge, source, method, interval, anchor)),
        *(menu.input for menu in (own_family, style_control)),
        anchor_at.submit,
        anchor_at.blur,
    ]
    gr.on(changed, show, [matrix_of, *wishes], shown, show_progress="minimal").then(
        show_duel, [first, second, *wishes], duel, show_progress="hidden"
    )
    gr.on(changed, None, menus, menus, js=REMEMBER)
    matrix_of.input(lambda what, *wish: _matrix(store, Wish.of(*wish), what), [matrix_of, *wishes], matrix)
    for menu in (first, second):
        menu.input(show_duel, [first, second, *wishes], duel, show_progress="hidden")
    firm_button.click(show_firm, wishes, firm)
    report_button.click(make_report, [report_form, reference, *wishes], report_files)
    freeze_button.click(freeze, [snapshot_name, *wishes], [before, after, changes])
    for menu in (before, after):
        menu.input(show_changes, [before, after, *wishes], changes)


def _menus(store: Store, asked: dict[str, str]) -> list[Any]:
    """Menus filled from the store, each at what the address asks for where that exists."""
    known = slices.choices(store)
    updates = []
    for name in ("testset", "category", "language", "judge"):
        values = [EVERY, *known[name]]
        updates.append(gr.Dropdown(choices=values, value=_valid(asked.get(name), values, EVERY)))
    source = [EVERY, *(name for name in SOURCES if name in known["source"])]
    updates.append(gr.Dropdown(choices=source, value=_valid(asked.get("source"), source, EVERY)))
    updates.append(
        gr.Dropdown(choices=METHOD_MENU, value=_valid(asked.get("method"), list(METHODS), "bradley-terry"))
    )
    updates.append(
        gr.Dropdown(
            choices=INTERVAL_MENU, value=_valid(asked.get("interval"), list(INTERVALS), "instructions")
        )
    )
    anchors = [MEAN, *known["contenders"]]
    updates.append(gr.Dropdown(choices=anchors, value=_valid(asked.get("anchor"), anchors, MEAN)))
    frozen = gr.Dropdown(choices=_snapshots(store))
    return [*updates, frozen, frozen, gr.Dropdown(choices=[NOBODY, *rankings(store)])]


def _valid(value: str | None, values: list[str], otherwise: str) -> str:
    return value if value in values else otherwise


def _snapshots(store: Store) -> list[tuple[str, str]]:
    return [(f"{s.name} ({s.id[:6]})", s.id) for s in snapshots.every(store)]


def _board(store: Store, wish: Wish) -> Leaderboard:
    if wish.style_control:
        return styled.board(store, wish.chosen, wish.settings)
    return slices.board(store, wish.chosen, wish.settings)


def _show(store: Store, wish: Wish, cells_show: str) -> tuple[Any, ...]:
    """Everything the menus change; a slice that makes no board says why in the summary."""
    try:
        board = _board(store, wish)
    except ArenaError as error:
        nothing = charts.empty("No board, no chart.")
        said = f'{markup.STYLE}<p class="warn">{escape(str(error))}</p>'
        menu = gr.Dropdown(choices=[], value=None)
        return said, "", nothing, "", nothing, nothing, nothing, nothing, menu, menu
    facts = slices.facts(store)
    lineage = slices.iterations(store)
    parents = {line["contender"]: line["parent"] for line in lineage.iter_rows(named=True) if line["parent"]}
    table = markup.board_table(
        board,
        {line["contender"]: line for line in facts.iter_rows(named=True)},
        _styled_ranks(store, wish) if board.battles <= MOST_STYLED else {},
        {child: parent for child, parent in parents.items() if {child, parent} <= set(board.names)},
    )
    names = list(board.names)
    return (
        summary(store, wish, board),
        table,
        charts.ratings(board),
        _matrix(store, wish, cells_show),
        _categories(store, wish, names),
        charts.iterations(board, lineage),
        charts.against(board, facts, "tokens", "mean tokens of an answer"),
        charts.against(board, facts, "seconds", "mean seconds of an answer"),
        gr.Dropdown(choices=names, value=names[0]),
        gr.Dropdown(choices=names, value=names[1]),
    )


def summary(store: Store, wish: Wish, board: Leaderboard) -> str:
    """One line of facts, what the judge is worth, and what is wrong with the board."""
    return (
        f'{markup.STYLE}<p class="note"><b>{board.battles:,} battles, {len(board.rows)} contenders.</b> '
        f"{escape(METHODS[board.settings.method].says)}; {escape(INTERVALS[board.settings.interval])}.</p>"
        f"{control_line(store, wish.chosen)}{markup.notes(board)}"
    )


def control_line(store: Store, chosen: Slice) -> str:
    """How often the judges behind this board are right on control pairs."""
    if chosen.source in ("vote", "imported"):
        return ""
    judges = [chosen.judge] if chosen.judge else slices.choices(store)["judge"]
    said = [control.standing(store, judge) for judge in judges[:5]]
    return "".join(f'<p class="note">{escape(line)}</p>' for line in said if line)


def _matrix(store: Store, wish: Wish, what: str) -> str:
    try:
        board = _board(store, replace(wish, settings=replace(wish.settings, interval="none")))
        return markup.pair_matrix(slices.cells(store, wish.chosen), board.names, what, wish.words)
    except ArenaError:
        return ""


def _categories(store: Store, wish: Wish, names: list[str]) -> go.Figure:
    try:
        return charts.categories(slices.by_category(store, wish.chosen, wish.settings), names)
    except BadInput as error:
        return charts.empty(str(error))


def _styled_ranks(store: Store, wish: Wish) -> dict[str, int]:
    """Rank with style held equal; empty where the answers are not kept or the board is broken."""
    if wish.style_control or wish.settings.method != "bradley-terry":
        return {}
    try:
        found = slices.remembered(
            store,
            ("styled", wish.chosen),
            lambda: styled.board(store, wish.chosen, Settings(interval="none")),
        )
    except BadInput:
        return {}
    return {row.model: row.rank for row in found.rows}


def _duel(store: Store, wish: Wish, first: str, second: str) -> str:
    if not first or not second or first == second:
        return f'{markup.STYLE}<p class="note">Choose two contenders.</p>'
    try:
        found = _board(store, wish).duel(first, second)
    except (ArenaError, ValueError) as error:
        return f'{markup.STYLE}<p class="warn">{escape(str(error))}</p>'
    wins = ""
    if found.wins is not None and found.wins_low is not None and found.wins_high is not None:
        wins = (
            f'<div class="card">Wins a battle<b>{found.wins:.1%}</b>'
            f"<small>{found.wins_low:.1%} to {found.wins_high:.1%}, ties as half</small></div>"
        )
    return (
        f'{markup.STYLE}<div class="cards">{wins}'
        f'<div class="card">Stands above<b>{found.better:.1%}</b><small>of the resampled boards</small></div>'
        f'<div class="card">Gap<b>{found.gap:+.1f}</b>'
        f"<small>{found.low:+.1f} to {found.high:+.1f}</small></div></div>"
        f'<p><a href="{escape(markup.battles_link(first, second, wish.words))}">Their battles</a></p>'
    )


def _firm(store: Store, wish: Wish) -> str:
    """Flips to a new first place, each judge left out, and length-controlled win rates."""
    try:
        found = flips.fewest(slices.cells(store, wish.chosen))
        first = slices.board(store, wish.chosen, replace(wish.settings, interval="none")).names[0]
    except ArenaError as error:
        return f'{markup.STYLE}<p class="warn">{escape(str(error))}</p>'
    said = "This board has no finite ratings, so no number of flips can be told."
    if found:
        said = (
            f"If {found.number:,} of the battles ({found.share:.2%}) had gone the other way, "
            f"{found.successor} would stand before {found.leader}."
        )
    parts = [f"{markup.STYLE}<p>{escape(said)}</p>"]
    judges = slices.choices(store)["judge"]
    body = []
    for judge in judges if len(judges) > 1 else []:
        try:
            names = slices.board(
                store,
                replace(wish.chosen, judge="", without_judge=judge),
                replace(wish.settings, interval="none"),
            ).names
            body.append(
                [
                    escape(judge),
                    escape(", ".join(names[:5])),
                    "same first" if names[0] == first else "other first",
                ]
            )
        except ArenaError:
            body.append([escape(judge), "no battle is left", ""])
    if body:
        parts.append(markup.table(["Without judge", "First five", ""], body, "Board without one judge"))
    try:
        rates = style.length_controlled(style.battles(store, wish.chosen))
        ordered = sorted(rates.items(), key=lambda item: -item[1])
        parts.append(
            markup.table(
                ["Win rate had all answers been equally long", "Contender"],
                [[f"{rate:.1%}", escape(name)] for name, rate in ordered],
                "Length-controlled win rates",
                wide=1,
            )
        )
    except ArenaError as error:
        parts.append(f'<p class="note">Length-controlled win rate: {escape(str(error))}</p>')
    return "".join(parts)


def _changes(store: Store, old: str, new: str, wish: Wish) -> str:
    by_id = {snapshot.id: snapshot for snapshot in snapshots.every(store)}
    if old not in by_id:
        return ""
    try:
        found = (
            snapshots.compare(by_id[old], by_id[new])
            if new in by_id
            else snapshots.against(by_id[old], _board(store, wish))
        )
    except ArenaError as error:
        return f'{markup.STYLE}<p class="warn">{escape(str(error))}</p>'
    body = [
        [
            escape(change.model),
            *(
                "" if value is None else f"{value:.1f}"
                for value in (change.rating_before, change.rating_after)
            ),
            *("" if place is None else str(place) for place in (change.rank_before, change.rank_after)),
        ]
        for change in found
    ]
    heads = ["Contender", "Rating before", "after", "Rank before", "after"]
    return markup.table(heads, body, "Changes between two boards")
