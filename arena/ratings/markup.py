"""Boards and matrices as plain, accessible HTML: no script, names escaped, cells open battles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote, urlencode

import numpy as np

from arena.ratings.cells import Cells, Floats
from arena.ratings.consistency import METRICS, Consistency, Metric
from arena.ratings.leaderboard import Leaderboard, Row
from arena.ratings.methods import METHODS
from arena.ratings.win_rate import counts, matrix

MOST_IN_MATRIX = 40


def battles_link(first: str, second: str, words: Mapping[str, str] | None = None) -> str:
    """Where the battles of a pair are listed; relative, so that it holds behind a proxy.

    `words` are further filters of that page: testset, category, language, judge, source.
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
    heads += ["Rank UB"] if board.draws is not None else []
    heads += ["Style-controlled rank"] if styled else []
    heads += ["Since parent"] if parents else []
    heads += ["Tokens an answer", "Licence"] if facts else []
    rating = {row.model: row.rating for row in board.rows}
    digits = METHODS[board.settings.method].digits
    body = []
    for row in board.rows:
        name = escape(row.model)
        name = f'<a href="{escape(contender_link(row.model))}">{name}</a>' if links else name
        cells = [str(row.rank), _span(row), name, f"{row.rating:.{digits}f}", _ends(row, digits)]
        cells += [f"{row.battles:,}", f"{row.win_rate:.1%}"]
        cells += [str(row.rank_ub)] if board.draws is not None else []
        cells += [str(styled.get(row.model, ""))] if styled else []
        if parents:
            parent = parents.get(row.model, "")
            cells.append(f"{row.rating - rating[parent]:+.{digits}f}" if parent in rating else "")
        if facts:
            fact = facts.get(row.model, {})
            tokens = fact.get("tokens")
            cells += ["" if tokens is None else f"{tokens:.0f}", escape(str(fact.get("licence") or ""))]
        body.append(cells)
    return table(heads, body, "Leaderboard", wide=2)


def table(heads: Sequence[str], body: Sequence[Sequence[str]], caption: str, wide: int = 0) -> str:
    """An HTML table of cells that are escaped already; column `wide` is the row's name."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
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


STYLE = """<style>
.board-scroll{overflow-x:auto;max-width:100%;margin:.4rem 0}
table.board,table.board thead,table.board tbody,table.board tr{border:0!important}
table.board{border-collapse:collapse!important;font-size:.9rem;font-variant-numeric:tabular-nums;width:auto}
table.board th,table.board td{padding:.35rem .75rem!important;text-align:right!important;white-space:nowrap;
color:inherit!important;border:0 solid rgba(128,128,128,.28)!important;border-bottom-width:1px!important}
table.board th.name{text-align:left!important;font-weight:500!important}
table.board thead th{font-weight:600!important;vertical-align:bottom;white-space:normal;max-width:9rem}
table.board tbody tr:hover{background:rgba(128,128,128,.1)}
table.board a{color:inherit!important;text-decoration-color:rgba(128,128,128,.6)!important}
table.matrix td{padding:0!important;text-align:center!important;min-width:2.6rem}
table.matrix td a{display:block;padding:.35rem .2rem;text-decoration:none!important}
table.matrix thead th{writing-mode:vertical-rl;transform:rotate(180deg);text-align:left!important;
white-space:nowrap;max-width:none;max-height:14rem;overflow:hidden;text-overflow:ellipsis}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.cards{display:flex;flex-wrap:wrap;gap:.8rem;margin:.4rem 0}
.card{border:1px solid rgba(128,128,128,.35);border-radius:.6rem;padding:.7rem 1rem;
min-width:11rem;max-width:17rem}
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


def metric_cards(found: Consistency) -> str:
    """The figures with their counts and intervals."""
    cards = "".join(_card(name, metric) for name, metric in found.metrics.items())
    return f'{STYLE}<div class="cards">{cards}</div>'


def _card(name: str, metric: Metric) -> str:
    value = "not defined" if metric.value is None else percent(name, metric.value)
    counted = f" ({metric.numerator}/{metric.denominator})" if metric.numerator is not None else ""
    span = ""
    if metric.low is not None and metric.high is not None:
        span = f"<small>{percent(name, metric.low)} to {percent(name, metric.high)}</small><br>"
    title = name.replace("_", " ").capitalize()
    return (
        f'<div class="card">{title}{counted}<b>{value}</b>{span}<small>{escape(METRICS[name])}</small></div>'
    )


def percent(name: str, value: float) -> str:
    """As the paper prints them: per cent with two decimals; Brier scores as they are."""
    return f"{value:.4f}" if name == "brier" else f"{100 * value:.2f}"


def columns_table(columns: Mapping[str, Consistency | None]) -> str:
    """Several rankings against one reference, as the paper's table."""
    body = []
    for name in METRICS:
        line = [escape(name.replace("_", " ").capitalize())]
        for found in columns.values():
            metric = found.metrics[name] if found else None
            line.append("" if metric is None or metric.value is None else _with_span(name, metric))
        body.append(line)
    return table(["", *columns], body, "Consistency of several rankings with the reference")


def _with_span(name: str, metric: Metric) -> str:
    counted = (
        f" <small>{metric.numerator}/{metric.denominator}</small>" if metric.numerator is not None else ""
    )
    span = ""
    if metric.low is not None and metric.high is not None:
        span = f"<br><small>{percent(name, metric.low)} to {percent(name, metric.high)}</small>"
    return f"{percent(name, metric.value or 0.0)}{counted}{span}"


def disagreement_table(found: Consistency, links: bool = True) -> str:
    """Pairs that the reference separates and ours does not put in that order."""
    if not found.disagreements:
        return f'{STYLE}<p class="note">Every pair that it separates stands in the same order here.</p>'
    body = []
    for pair in found.disagreements[:200]:
        verdict = "the other way round" if pair.reversed else "not separated"
        opened = f'<a href="{escape(battles_link(pair.above, pair.below))}">battles</a>' if links else ""
        line = [
            escape(f"{pair.above} over {pair.below}"),
            verdict,
            f"{pair.our_gap:+.0f}",
            f"{pair.their_gap:+.0f}",
        ]
        body.append([*line, opened])
    return table(["The reference says", "Ours", "Our gap", "Its gap", ""], body, "Disagreements")


def disagreement_matrix(found: Consistency, links: bool = True) -> str:
    """Every pair in the reference's order; a marked cell is a pair that ours orders the other way (x) or does
    not separate (o), and opens its battles."""
    names = [row.model for row in found.ours][:MOST_IN_MATRIX]
    wrong = {frozenset((pair.above, pair.below)): pair for pair in found.disagreements}
    lines = []
    for row in names:
        cells = []
        for column in names:
            pair = wrong.get(frozenset((row, column))) if row != column else None
            if pair is None:
                cells.append("<td></td>")
                continue
            verdict, mark = ("the other way round", "x") if pair.reversed else ("not separated", "o")
            says = escape(f"{pair.above} over {pair.below} in the reference; ours: {verdict}")
            colour = "rgba(213,94,0,.55)" if pair.reversed else "rgba(128,128,128,.3)"
            text = f'<span title="{says}">{mark}</span>'
            if links:
                link = escape(battles_link(pair.above, pair.below))
                text = f'<a href="{link}" title="{says}" aria-label="{says}">{mark}</a>'
            cells.append(f'<td style="background:{colour}">{text}</td>')
        lines.append(f'<tr><th scope="row" class="name">{escape(row)}</th>{"".join(cells)}</tr>')
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return (
        f'{STYLE}<div class="board-scroll" tabindex="0" role="region" aria-label="Matrix of disagreements">'
        f'<table class="board matrix"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _span(row: Row) -> str:
    return "" if row.rank_low is None else f"{row.rank_low} to {row.rank_high}"


def _ends(row: Row, digits: int) -> str:
    return "" if row.low is None or row.high is None else f"{row.low:.{digits}f} to {row.high:.{digits}f}"
