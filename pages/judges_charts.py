"""Pictures of a judge: flips by margin, scores given, right on the control pairs by kind."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from arena.battles.control import Mark
from arena.battles.report import Gap
from arena.canvas import BLUE, ORANGE, dress


def flips(gaps: Sequence[Gap]) -> go.Figure:
    """Share of battles whose seat orders disagree, by margin: a good judge flips on close pairs only."""
    shown = [gap for gap in gaps if gap.flipped.total]
    values = [gap.flipped.value for gap in shown]
    intervals = [gap.flipped.interval for gap in shown]
    bars = go.Bar(
        x=[f"{gap.low:g} to {gap.high:g}" for gap in shown],
        y=values,
        marker_color=BLUE,
        error_y={
            "type": "data",
            "array": [high - value for value, (_, high) in zip(values, intervals, strict=True)],
            "arrayminus": [value - low for value, (low, _) in zip(values, intervals, strict=True)],
        },
        customdata=[gap.flipped.total for gap in shown],
        hovertemplate="margin %{x}: %{y:.0%} of %{customdata}<extra></extra>",
    )
    figure = _figure(bars, "Winner flips with the seats, by margin")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure


def scores(histogram: Sequence[int]) -> go.Figure:
    """How often each score is given."""
    return _figure(
        go.Bar(x=list(range(1, 11)), y=list(histogram), marker_color=BLUE), "Scores given, 1 to 10"
    )


def control(marks: Sequence[Mark]) -> go.Figure:
    """Right and wrong on the control pairs, by kind."""
    kinds = sorted({m.pair.kind for m in marks})
    told = [m for m in marks if m.right is not None]
    right = go.Bar(
        name="right", y=kinds, x=[sum(m.pair.kind == k and bool(m.right) for m in told) for k in kinds],
        orientation="h", marker_color=BLUE,
    )  # fmt: skip
    wrong = go.Bar(
        name="wrong or tied", y=kinds, x=[sum(m.pair.kind == k and not m.right for m in told) for k in kinds],
        orientation="h", marker_color=ORANGE,
    )  # fmt: skip
    figure = _figure(right, "Control pairs by kind")
    figure.add_trace(wrong)
    figure.update_layout(barmode="stack", height=320, showlegend=True)
    return figure


def _figure(trace: go.Bar, title: str) -> go.Figure:
    return dress(go.Figure(trace), title, 260).update_layout(showlegend=False)
