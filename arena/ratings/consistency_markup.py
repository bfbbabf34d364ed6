"""A comparison of rankings as plain, accessible HTML: cards, columns side by side, disagreements."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from arena.ratings.consistency import METRICS, Consistency, Metric
from arena.ratings.markup import MOST_IN_MATRIX, STYLE, battles_link, table


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
