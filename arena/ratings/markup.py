"""Boards and matrices as plain, accessible HTML: no script, names escaped, cells open battles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote, urlencode

import numpy as np

from arena.ratings.cells import Cells, Floats
from arena.ratings.leaderboard import Leaderboard, Row
from arena.ratings.methods import METHODS
from arena.ratings.win_rate import counts, matrix

MOST_IN_MATRIX = 40
NAME = ' class="name"'


def battles_link(first: str, second: str, words: Mapping[str, str] | None = None) -> str:
    """Where the battles of a pair are listed; relative, so that it holds behind a proxy.

    `words` are further filters of that page: testset, category, language, since, until, judge, source.
    """
    asked = {"pair": " vs ".join(sorted((first, second))), **(words or {})}
    return f"battles?{urlencode({name: value for name, value in asked.items() if value})}"


def contender_link(name: str) -> str:
    return f"contenders?name={quote(name, safe='')}"


def board_table(
    board: Leaderboard,
    facts: Mapping[str, Mapping[str, object]] | None = None,
    styled: Mapping[str, int] | None = None,
    parents: Mapping[str, str] | None = None,
    links: bool = True,
) -> str:
    """The leaderboard; `facts` has licence and tokens by contender, `styled` the rank with style equal."""
    facts, styled, parents = facts or {}, styled or {}, parents or {}
    heads = ["Rank", "Rank interval", "Contender", f"Rating ({board.unit})", "95% interval", "Battles", "Won"]
    heads += ["For all at once", "Rank UB"] if board.draws is not None else []
    heads += ["Style-controlled rank"] if styled else []
    heads += ["Since parent"] if parents else []
    heads += ["Tokens an answer", "Licence"] if facts else []
    rating = {row.model: row.rating for row in board.rows}
    digits = METHODS[board.settings.method].digits
    body = []
    for row in board.rows:
        name = escape(row.model)
        name = f'<a href="{escape(contender_link(row.model))}">{name}</a>' if links else name
        cells = [
            str(row.rank),
            _span(row),
            name,
            f"{row.rating:.{digits}f}",
            _span_of(row.low, row.high, digits),
        ]
        cells += [f"{row.battles:,}", f"{row.win_rate:.1%}"]
        cells += (
            [_span_of(row.low_all, row.high_all, digits), str(row.rank_ub)] if board.draws is not None else []
        )
        cells += [str(styled.get(row.model, ""))] if styled else []
        if parents:
            parent = parents.get(row.model, "")
            cells.append(f"{row.rating - rating[parent]:+.{digits}f}" if parent in rating else "")
        if facts:
            fact = facts.get(row.model, {})
            tokens = fact.get("tokens")
            cells += ["" if tokens is None else f"{tokens:.0f}", escape(str(fact.get("licence") or ""))]
        body.append(cells)
    return table(heads, body, "Leaderboard", wide=2) + legend(heads)


def table(heads: Sequence[str], body: Sequence[Sequence[str]], caption: str, wide: int = 0) -> str:
    """An HTML table of cells that are escaped already; column `wide` is the row's name."""
    head = "".join(
        f'<th scope="col"{NAME if k == wide else ""}{_explained(text)}>{escape(text)}</th>'
        for k, text in enumerate(heads)
    )
    lines = []
    for cells in body:
        line = "".join(
            f'<th scope="row" class="name">{cell}</th>' if k == wide else f"<td>{cell}</td>"
            for k, cell in enumerate(cells)
        )
        lines.append(f"<tr>{line}</tr>")
    return (
        f'{STYLE}<div class="board-scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="board"><caption class="unseen">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


COLUMNS = {
    "Rank": "Place by rating",
    "Rank interval": "Best and worst place in 95% of the resampled boards",
    "95% interval": "Where the rating lies in 95% of the resampled boards",
    "For all at once": "95% intervals that hold for all contenders together, so that any two may be compared",
    "Won": "Share of its battles won, a tie as half",
    "Rank UB": "LMArena's rank: 1 + the contenders whose whole interval lies above this one's",
    "Style-controlled rank": "Place had all answers been equally long and equally decorated",
    "Since parent": "Rating less that of the contender it was trained from",
    "Tokens an answer": "Mean length of its answers",
}
"""Column of the leaderboard -> what it means, shown on pointing at it and under the table."""


def _explained(column: str) -> str:
    said = COLUMNS.get(column)
    return f' title="{escape(said)}"' if said else ""


def legend(heads: Sequence[str]) -> str:
    """What the columns mean, folded away."""
    lines = "".join(f"<dt>{escape(h)}</dt><dd>{escape(COLUMNS[h])}</dd>" for h in heads if h in COLUMNS)
    return f'<details class="legend"><summary>What the columns mean</summary><dl>{lines}</dl></details>'


STYLE = """<style>
.legend{font-size:.9rem;margin:.2rem 0 .6rem}
.legend summary{cursor:pointer}
.legend dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem .9rem;margin:.4rem 0}
.legend dt{font-weight:600}
.legend dd{margin:0}
.board-scroll{overflow-x:auto;max-width:100%;margin:.4rem 0}
table.board,table.board thead,table.board tbody,table.board tr{border:0!important}
table.board{border-collapse:collapse!important;font-size:.9rem;font-variant-numeric:tabular-nums;width:auto}
table.board th,table.board td{padding:.35rem .75rem!important;text-align:right!important;white-space:nowrap;
color:inherit!important;border:0 solid rgba(128,128,128,.28)!important;border-bottom-width:1px!important}
table.board th.name{text-align:left!important}
table.board tbody th.name{font-weight:500!important;font-size:inherit}
table.board thead th{font-weight:600!important;vertical-align:bottom;white-space:normal;max-width:9rem}
table.board thead th[title]{cursor:help}
table.board tbody tr:hover{background:rgba(128,128,128,.1)}
table.board a{color:inherit!important;text-decoration-color:rgba(128,128,128,.6)!important}
table.matrix td{padding:0!important;text-align:center!important;min-width:2.6rem}
table.matrix td a{display:block;padding:.35rem .2rem;text-decoration:none!important}
table.matrix thead th{writing-mode:vertical-rl;transform:rotate(180deg);text-align:left!important;
white-space:nowrap;max-width:none;max-height:14rem;overflow:hidden;text-overflow:ellipsis}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(14rem,1fr));gap:.8rem;margin:.4rem 0}
.card{border:1px solid rgba(128,128,128,.35);border-radius:.6rem;padding:.7rem 1rem}
.card b{display:block;font-size:1.5rem;font-variant-numeric:tabular-nums}
.card small{opacity:.8}
.warn{border-left:4px solid #D55E00;padding:.4rem .8rem;margin:.4rem 0}
.note{opacity:.85;font-size:.9rem;margin:.2rem 0}
</style>"""


def pair_matrix(
    cells: Cells, order: Sequence[str], what: str = "wins", words: Mapping[str, str] | None = None
) -> str:
    """Win rates or battle counts of every pair; each cell opens the battles behind it."""
    names = list(order)[:MOST_IN_MATRIX]
    places = [cells.names.index(name) for name in names]
    wins, numbers = matrix(cells)[np.ix_(places, places)], counts(cells)[np.ix_(places, places)]
    most = max(1.0, float(numbers.max()))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    lines = []
    for i, name in enumerate(names):
        line = "".join(_pair(names, i, j, wins, numbers, most, what, words) for j in range(len(names)))
        lines.append(f'<tr><th scope="row" class="name">{escape(name)}</th>{line}</tr>')
    caption = "Share of battles the row won against the column" if what == "wins" else "Battles of each pair"
    more = f" (the first {MOST_IN_MATRIX})" if len(order) > MOST_IN_MATRIX else ""
    return (
        f'{STYLE}<p class="note">{caption}{more}; a cell opens its battles.</p>'
        f'<div class="board-scroll" tabindex="0" role="region" aria-label="{caption}">'
        f'<table class="board matrix">'
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _pair(
    names: list[str],
    i: int,
    j: int,
    wins: Floats,
    numbers: Floats,
    most: float,
    what: str,
    words: Mapping[str, str] | None,
) -> str:
    if i == j or not numbers[i, j]:
        return "<td></td>"
    share = float(wins[i, j])
    if what == "wins":
        text, blue, strength = f"{share:.0%}", share >= 0.5, abs(share - 0.5) * 1.4
    else:
        text, blue, strength = f"{numbers[i, j]:,.0f}", True, 0.7 * float(numbers[i, j]) / most
    colour = f"rgba({'0,114,178' if blue else '213,94,0'},{strength:.2f})"
    says = escape(f"{names[i]} against {names[j]}: won {share:.1%} of {numbers[i, j]:,.0f} battles")
    return (
        f'<td style="background:{colour}"><a href="{escape(battles_link(names[i], names[j], words))}" '
        f'title="{says}" aria-label="{says}">{text}</a></td>'
    )


def notes(board: Leaderboard) -> str:
    """What is wrong with the board and what a reader must know."""
    wrong = "".join(f'<p class="warn">{escape(trouble.text)}</p>' for trouble in board.troubles)
    said = "".join(f'<p class="note">{escape(note)}</p>' for note in board.notes)
    return f"{STYLE}{wrong}{said}"


def _span(row: Row) -> str:
    return "" if row.rank_low is None else f"{row.rank_low} to {row.rank_high}"


def _span_of(low: float | None, high: float | None, digits: int) -> str:
    return "" if low is None or high is None else f"{low:.{digits}f} to {high:.{digits}f}"
