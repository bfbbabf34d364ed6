"""Consistency: our board, or the paper's, held against a human ranking."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from arena import canvas
from arena.ratings import charts, consistency_markup, markup, slices
from arena.ratings.consistency import Consistency, compare
from arena.ratings.references import PAPER_NOTE, aliases, keep_alias, keep_table, paper_printed, rankings
from arena.ratings.slices import Slice
from arena.ratings.tables import as_table, read_table
from arena.records import ArenaError, BadInput, Reference
from arena.store import Store

OUR_BOARD = "Our leaderboard"
PAPER_MIX = "WizardArena Mix (paper)"
PAPER_LMSYS = "LMSYS English, June 2024 (paper)"
BY_JUDGE = "Our board, judge "
BY_SET = "Our board, test set "
WHOLE, CLOSE, TOP = "all pairs", "close pairs only", "top only"
PUBLISHED = ("wa_diverse", "wa_hard", "wa_mix")


@dataclass(frozen=True)
class Wish:
    """What the menus ask for."""

    ours: str
    theirs: str
    columns: tuple[str, ...]
    over: str
    limit: float

    @property
    def restriction(self) -> dict[str, Any]:
        return {
            "close": self.limit if self.over == CLOSE else None,
            "top": max(2, int(self.limit)) if self.over == TOP else None,
        }


def render(store: Store) -> None:  # noqa: PLR0915 - a page's layout and wiring read best in one piece
    """Layout, then wiring."""
    gr.Markdown("# Consistency\nDoes the simulated arena rank models as people do?")
    with gr.Row():
        ours = gr.Dropdown([PAPER_MIX], value=PAPER_MIX, label="Ranking", min_width=260)
        theirs = gr.Dropdown([PAPER_LMSYS], value=PAPER_LMSYS, label="Reference", min_width=260)
        over = gr.Dropdown([WHOLE, CLOSE, TOP], value=WHOLE, label="Over")
        limit = gr.Number(50, label="Points apart, or models", minimum=1)
    said = gr.HTML(elem_id="consistency-said")
    cards = gr.HTML(elem_id="consistency-cards")
    with gr.Tabs():
        with gr.Tab("Both ratings"):
            scatter = gr.Plot(show_label=False)
        with gr.Tab("Places"):
            slopes = gr.Plot(show_label=False)
        with gr.Tab("Disagreements"):
            wrong = gr.HTML(elem_id="consistency-disagreements")
        with gr.Tab("Several rankings"):
            columns = gr.Dropdown([PAPER_MIX], value=[PAPER_MIX], multiselect=True, label="Columns")
            several = gr.HTML(elem_id="consistency-columns")
        with gr.Tab("Names"):
            gr.Markdown(
                "Models without counterpart count nowhere. A suggestion is used only once you keep it."
            )
            names = gr.HTML(elem_id="consistency-names")
            with gr.Row():
                our_name = gr.Dropdown([], label="Our name")
                their_name = gr.Dropdown(
                    [], label="Their name (empty: it has none)", allow_custom_value=False
                )
                keep = gr.Button("Keep", variant="primary")
        with gr.Tab("Bring a ranking"):
            file = gr.File(
                label="CSV with model,rating,low,high,rank,battles, or LMSYS's shape", file_types=[".csv"]
            )
            brought = gr.HTML(elem_id="consistency-brought")

    wishes = [ours, theirs, columns, over, limit]
    shown = [said, cards, scatter, slopes, wrong, several, names, our_name, their_name]

    def show(*wish: Any) -> tuple[Any, ...]:
        return _show(store, _wish(*wish))

    def keep_name(mine: str, yours: str, *wish: Any) -> tuple[Any, ...]:
        asked = _wish(*wish)
        if not mine:
            raise gr.Error("Choose one of our names first.")
        keep_alias(store, mine, asked.theirs, yours or "")
        return _show(store, asked)

    def bring(path: str | None) -> tuple[Any, Any, Any, str]:
        if not path:
            return gr.skip(), gr.skip(), gr.skip(), ""
        try:
            table = read_table(Path(path))
            keep_table(store, table)
        except ArenaError as error:
            return gr.skip(), gr.skip(), gr.skip(), f'{markup.STYLE}<p class="warn">{escape(str(error))}</p>'
        name = escape(table[0].table)
        menus = _choices(store)
        return (
            gr.Dropdown(choices=menus),
            gr.Dropdown(choices=menus),
            gr.Dropdown(choices=menus),
            f'{markup.STYLE}<p class="note">{len(table)} models kept as {name}.</p>',
        )

    def arrive(request: gr.Request) -> tuple[Any, ...]:
        return _arrive(store, dict(request.query_params or {}))

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    page.load(arrive, None, [ours, theirs, columns], show_progress="hidden").then(
        show, wishes, shown, show_progress="minimal"
    )
    changed = [ours.input, theirs.input, columns.input, over.input, limit.submit, limit.blur]
    gr.on(changed, show, wishes, shown, show_progress="minimal")
    gr.on(changed, None, [ours, theirs], [ours, theirs], js=REMEMBER)
    keep.click(keep_name, [our_name, their_name, *wishes], shown)
    file.upload(bring, file, [ours, theirs, columns, brought])


REMEMBER = """(ours, reference) => {
    history.replaceState(null, '', location.pathname + '?' + new URLSearchParams({ours, reference}));
    return [ours, reference];
}"""


def _wish(ours: str, theirs: str, columns: list[str] | None, over: str, limit: float | None) -> Wish:
    return Wish(ours, theirs, tuple(columns or ()), over, 50.0 if limit is None else float(limit))


def _choices(store: Store) -> list[str]:
    known = slices.choices(store)
    own = [OUR_BOARD] if known["contenders"] else []
    judges = [BY_JUDGE + judge for judge in known["judge"]] if len(known["judge"]) > 1 else []
    sets = [BY_SET + name for name in known["testset"]] if len(known["testset"]) > 1 else []
    return [*own, *judges, *sets, *rankings(store)]


def _arrive(store: Store, asked: dict[str, str]) -> tuple[Any, ...]:
    menus = _choices(store)
    ours = asked.get("ours") if asked.get("ours") in menus else PAPER_MIX
    theirs = asked.get("reference") if asked.get("reference") in menus else PAPER_LMSYS
    columns = [name for name in menus if name.startswith("WizardArena ") and "judged" not in name]
    return (
        gr.Dropdown(choices=menus, value=ours),
        gr.Dropdown(choices=menus, value=theirs),
        gr.Dropdown(choices=menus, value=[*columns, "MT-Bench (paper)"]),
    )


def ranking(store: Store, name: str, other: str = "") -> tuple[Reference, ...]:
    """A ranking by its name in the menu: a table, or a board of ours; one judge's board held against
    another judge's (`other`) counts only the pairs of answers that both have settled."""
    if name == OUR_BOARD:
        return as_table(slices.board(store))
    if name.startswith(BY_JUDGE):
        too = other.removeprefix(BY_JUDGE) if other.startswith(BY_JUDGE) else ""
        chosen = Slice(judge=name.removeprefix(BY_JUDGE), judged_too_by=too)
        return as_table(slices.board(store, chosen))
    if name.startswith(BY_SET):
        return as_table(slices.board(store, Slice(testset=name.removeprefix(BY_SET))))
    tables = rankings(store)
    if name not in tables:
        raise BadInput(f"There is no ranking {name!r}.")
    return tables[name]


def _compare(store: Store, ours: str, wish: Wish) -> Consistency:
    tables = ranking(store, ours, wish.theirs), ranking(store, wish.theirs, ours)
    return compare(*tables, aliases(store, wish.theirs), **wish.restriction)


def _show(store: Store, wish: Wish) -> tuple[Any, ...]:
    several = _columns(store, wish)
    try:
        found = _compare(store, wish.ours, wish)
    except ArenaError as error:
        nothing = canvas.empty("Nothing to compare.")
        said = f'{markup.STYLE}<p class="warn">{escape(str(error))}</p>'
        return said, "", nothing, nothing, "", several, "", gr.skip(), gr.skip()
    lonely, free = found.matching.unmatched_ours, found.matching.unmatched_theirs
    linked = wish.ours.startswith("Our ")
    suggested = found.matching.suggestions[0] if found.matching.suggestions else None
    return (
        _said(wish, found),
        consistency_markup.metric_cards(found),
        charts.scatter(found, wish.ours, wish.theirs),
        charts.slopes(found, wish.ours, wish.theirs),
        consistency_markup.disagreement_table(found, links=linked)
        + consistency_markup.disagreement_matrix(found, links=linked),
        several,
        _names(found),
        gr.Dropdown(choices=list(lonely), value=suggested.ours if suggested else None),
        gr.Dropdown(choices=["", *free], value=suggested.theirs if suggested else None),
    )


def _said(wish: Wish, found: Consistency) -> str:
    printed = f'<p class="note">{escape(PAPER_NOTE)}</p>' if "(paper)" in wish.ours else ""
    if wish.ours.startswith(BY_JUDGE) and wish.theirs.startswith(BY_JUDGE):
        printed = '<p class="note">Both boards count only the pairs of answers that both judges settled.</p>'
    lonely = found.matching.unmatched_ours
    without = f" {len(lonely)} of ours have no counterpart: {', '.join(lonely)}." if lonely else ""
    return (
        f'{markup.STYLE}<p class="note"><b>{len(found.ours)} models in both.</b> Intervals of the figures '
        f"resample models; touching intervals count as separated.{escape(without)}</p>{printed}"
    )


def _columns(store: Store, wish: Wish) -> str:
    """Several rankings against the reference, and the paper's printed figures beside them."""
    found: dict[str, Consistency | None] = {}
    for name in wish.columns:
        try:
            found[name] = _compare(store, name, wish)
        except ArenaError:
            found[name] = None
    printed = paper_printed()
    body = [
        [escape(metric.replace("_", " ")), *(f"{values[c]:.2f}" for c in PUBLISHED)]
        for metric, values in printed.items()
    ]
    heads = ["As the paper prints it", "Diverse", "Hard", "Mix"]
    return (
        consistency_markup.columns_table(found)
        + '<p class="note">The paper counts one model more, whose row is lost in our copy of its table; with '
        "one model separated on top of both lists its figures come out to the digit (219/225 and 247/253, "
        "221/225 and 245/253, 223/225 and 248/253), as a test shows.</p>"
        + markup.table(heads, body, "The paper's printed figures")
    )


def _names(found: Consistency) -> str:
    matching = found.matching
    parts = [
        f"<p>{escape(s.ours)} may be {escape(s.theirs)} (likeness {s.score:.0f} of 100).</p>"
        for s in matching.suggestions
    ]
    for side, names in (
        ("Only in ours", matching.unmatched_ours),
        ("Only in the reference", matching.unmatched_theirs),
    ):
        parts.append(f"<p><b>{side}:</b> {escape(', '.join(names)) or 'nobody'}</p>")
    return "".join(parts)
