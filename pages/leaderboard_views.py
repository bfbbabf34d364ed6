"""What the leaderboard page shows of a wish: the board, its charts, and the answers behind each tab."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from arena import canvas
from arena.battles import control
from arena.ratings import charts, flips, log, markup, slices, snapshots, style
from arena.ratings.intervals import INTERVALS
from arena.ratings.leaderboard import Leaderboard, Settings
from arena.ratings.methods import METHODS
from arena.ratings.slices import Slice
from arena.records import ArenaError, BadInput
from arena.store import Store
from pages.leaderboard_menus import Wish

MOST_STYLED = 200_000
"""Battles up to which the style-controlled rank is worked out unasked."""


def told(view: Callable[..., str], store: Store, values: tuple[Any, ...], *more: Any) -> str:
    """A view's HTML for the menus' values, or what is wrong in its place."""
    try:
        return view(store, Wish.of(*values), *more)
    except ArenaError as error:
        return f'{markup.STYLE}<p class="warn">{escape(str(error))}</p>'


def whole(store: Store, values: tuple[Any, ...], cells_show: str) -> tuple[Any, ...]:
    """Everything the menus change; a slice that makes no board says why in the summary."""
    try:
        wish = Wish.of(*values)
        board = slices.board(store, wish.chosen, wish.settings)
    except ArenaError as error:
        nothing = canvas.empty("No board, no chart.")
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
        matrix(store, wish, cells_show),
        _categories(store, wish, names),
        charts.iterations(board, lineage),
        charts.against(board, facts, "tokens", "mean tokens of an answer"),
        charts.against(board, facts, "seconds", "mean seconds of an answer"),
        gr.Dropdown(choices=names, value=names[0]),
        gr.Dropdown(choices=names, value=names[1]),
    )


def summary(store: Store, wish: Wish, board: Leaderboard) -> str:
    """One block of facts: what was counted and how, what the judge is worth, what is wrong with the board."""
    how = METHODS[board.settings.method].says, INTERVALS[board.settings.interval]
    said = [
        f"<b>{board.battles:,} battles, {len(board.rows)} contenders.</b> {escape('; '.join(how))}.",
        *(escape(line) for line in control_lines(store, wish.chosen)),
        *(escape(note) for note in board.notes),
    ]
    wrong = "".join(f'<p class="warn">{escape(trouble.text)}</p>' for trouble in board.troubles)
    return f'{markup.STYLE}{wrong}<div class="note">{"<br>".join(said)}</div>'


def control_lines(store: Store, chosen: Slice) -> list[str]:
    """How often the judges behind this board are right on control pairs."""
    if chosen.source in ("vote", "imported"):
        return []
    judges = [chosen.judge] if chosen.judge else slices.choices(store)["judge"]
    lines = [(judge, line) for judge in judges[:5] if (line := control.standing(store, judge))]
    return [line if len(lines) == 1 else f"{judge}: {line}" for judge, line in lines]


def matrix(store: Store, wish: Wish, what: str) -> str:
    bare = replace(wish.settings, interval="none", style_control=False)
    try:
        board = slices.board(store, wish.chosen, bare)
    except ArenaError:
        return ""
    return markup.pair_matrix(slices.cells(store, wish.chosen), board.names, what, wish.words)


def _categories(store: Store, wish: Wish, names: list[str]) -> go.Figure:
    try:
        return charts.categories(slices.by_category(store, wish.chosen, wish.settings), names)
    except BadInput as error:
        return canvas.empty(str(error))


def _styled_ranks(store: Store, wish: Wish) -> dict[str, int]:
    """Rank with style held equal; empty where the answers are not kept or the board is broken."""
    if wish.settings.style_control or wish.settings.method != "bradley-terry":
        return {}
    try:
        found = slices.board(store, wish.chosen, Settings(interval="none", style_control=True))
    except BadInput:
        return {}
    return {row.model: row.rank for row in found.rows}


def duel(store: Store, wish: Wish, first: str, second: str) -> str:
    """How surely one contender stands above another, and how often it would win."""
    if not first or not second or first == second:
        return f'{markup.STYLE}<p class="note">Choose two contenders.</p>'
    board = slices.board(store, wish.chosen, wish.settings)
    missing = [name for name in (first, second) if name not in board.names]
    if missing:
        raise BadInput(f"{missing[0]} has no battle in this slice. Choose another contender.")
    found = board.duel(first, second)
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


def firm(store: Store, wish: Wish) -> str:
    """Flips to a new first place, each judge left out, and length-controlled win rates."""
    found = flips.fewest(slices.cells(store, wish.chosen))
    said = "This board has no finite ratings, so no number of flips can be told."
    if found:
        said = (
            f"If {found.number:,} of the battles ({found.share:.2%}) had gone the other way, "
            f"{found.successor} would stand before {found.leader}."
        )
    return f"{markup.STYLE}<p>{escape(said)}</p>{_without_judges(store, wish)}{_equally_long(store, wish)}"


def _without_judges(store: Store, wish: Wish) -> str:
    bare = replace(wish.settings, interval="none")
    first = slices.board(store, wish.chosen, bare).names[0]
    judges = slices.choices(store)["judge"]
    body = []
    for judge in judges if len(judges) > 1 else []:
        try:
            names = slices.board(store, replace(wish.chosen, judge="", without_judge=judge), bare).names
        except ArenaError:
            body.append([escape(judge), "no battle is left", ""])
            continue
        same = "same first" if names[0] == first else "other first"
        body.append([escape(judge), escape(", ".join(names[:5])), same])
    return markup.table(["Without judge", "First five", ""], body, "Board without one judge") if body else ""


def _equally_long(store: Store, wish: Wish) -> str:
    try:
        rates = style.length_controlled(style.battles(store, wish.chosen))
    except ArenaError as error:
        return f'<p class="note">Length-controlled win rate: {escape(str(error))}</p>'
    ordered = sorted(rates.items(), key=lambda item: -item[1])
    return markup.table(
        ["Win rate had all answers been equally long", "Contender"],
        [[f"{rate:.1%}", escape(name)] for name, rate in ordered],
        "Length-controlled win rates",
        wide=1,
    )


def changes(store: Store, wish: Wish, old: str, new: str) -> str:
    """What moved between two snapshots, or since one."""
    by_id = {snapshot.id: snapshot for snapshot in snapshots.every(store)}
    if old not in by_id:
        return ""
    if new in by_id:
        found = snapshots.compare(by_id[old], by_id[new])
    else:
        found = snapshots.against(by_id[old], slices.board(store, wish.chosen, wish.settings))
    heads = ["Contender", "Rating before", "after", "Rank before", "after"]
    body = []
    for change in found:
        ratings = ["" if v is None else f"{v:.1f}" for v in (change.rating_before, change.rating_after)]
        places = ["" if v is None else str(v) for v in (change.rank_before, change.rank_after)]
        body.append([escape(change.model), *ratings, *places])
    return markup.table(heads, body, "Changes between two boards")


def ever_rated(store: Store) -> str:
    """The log of every contender that ever had a battle, hidden ones too."""
    lines = log.every_rated(store)
    heads = [
        "Contender",
        "First battle",
        "Last battle",
        "Battles",
        "Judges",
        "Trained from",
        "In snapshots",
        "",
    ]
    body = [
        [
            f'<a href="{escape(markup.contender_link(line.name))}">{escape(line.name)}</a>',
            line.first,
            line.last,
            f"{line.battles:,}",
            f"{line.judges:,}",
            escape(line.parent),
            f"{line.snapshots:,}",
            "hidden from the menus" if line.hidden else "",
        ]
        for line in lines
    ]
    return (
        markup.table(heads, body, "Every contender ever rated") if body else "<p>Nobody has battled yet.</p>"
    )
