"""Pictures of the flywheel page: the curve along K, the curves of training, the schedule as a
flow, the cells of an ablation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import polars as pl

from arena.ablation import Row
from arena.canvas import BLUE, GREEN, HUES, ORANGE, PINK, dress, empty
from arena.flywheel.grid import in_words
from arena.flywheel.rounds import Step

STAGE_COLOURS = {"sft": BLUE, "dpo": ORANGE, "reward": "#999999", "ppo": GREEN, "rloo": PINK}


def along_k(curve: pl.DataFrame, k: float) -> go.Figure:
    """Examples left at each gap, and where K stands now."""
    figure = go.Figure(
        go.Scatter(
            x=curve["k"].to_list(),
            y=curve["examples"].to_list(),
            mode="lines+markers",
            line={"color": BLUE},
            hovertemplate="K %{x}: %{y} examples<extra></extra>",
        )
    )
    figure.add_vline(x=k, line_dash="dot", line_color=ORANGE)
    figure.update_yaxes(rangemode="tozero")
    return dress(figure, "Examples along the score gap K", 260)


def shares(categories: pl.DataFrame) -> go.Figure:
    """Categories of the selection against all battles."""
    names = categories["category"].to_list()
    figure = go.Figure(
        [
            go.Bar(x=names, y=categories["whole"].to_list(), name="all battles", marker_color="#999999"),
            go.Bar(x=names, y=categories["selected"].to_list(), name="selected", marker_color=BLUE),
        ]
    )
    figure.update_yaxes(tickformat=".0%")
    return dress(figure, "Categories: selected against the whole", 260)


def training(curves: pl.DataFrame, figure_name: str) -> go.Figure:
    """One figure of every recent round over its steps, overlaid; the loss with the eval loss beside it, dashed."""
    if curves.is_empty():
        return empty("No training has run yet.", height=320)
    figure = go.Figure()
    runs = curves["run"].unique(maintain_order=True).to_list()
    kinds = {figure_name: "solid", **({"eval_loss": "dash"} if figure_name == "loss" else {})}
    for n, run in enumerate(runs):
        for kind, dash in kinds.items():
            rows = curves.filter((pl.col("run") == run) & (pl.col("figure") == kind)).sort("step")
            if rows.is_empty():
                continue
            figure.add_scatter(
                x=rows["step"].to_list(),
                y=rows["value"].to_list(),
                mode="lines+markers",
                marker={"size": 4},
                line={"color": HUES[n % len(HUES)], "dash": dash},
                name=str(rows["round"][0]) + (", kept aside" if kind != figure_name else ""),
                legendgroup=str(run),
            )
    figure.update_xaxes(title="step")
    return dress(figure, figure_name.replace("_", " "), 320)


def cells(rows: Sequence[Row]) -> go.Figure:
    """A dot and its interval a cell of a grid, the best on top."""
    rated = sorted((row for row in rows if row.rating is not None), key=lambda row: row.rating or 0.0)
    if not rated:
        return empty("No cell has battled yet.", height=200)
    values = [row.rating or 0.0 for row in rated]
    highs = [row.high if row.high is not None else value for row, value in zip(rated, values, strict=True)]
    lows = [row.low if row.low is not None else value for row, value in zip(rated, values, strict=True)]
    figure = go.Figure(
        go.Scatter(
            x=values,
            y=[in_words(row.cell) for row in rated],
            mode="markers",
            marker={"size": 10, "color": BLUE},
            error_x={
                "array": [high - value for high, value in zip(highs, values, strict=True)],
                "arrayminus": [value - low for low, value in zip(lows, values, strict=True)],
                "color": BLUE,
            },
            customdata=[row.contender for row in rated],
            hovertemplate="%{y}<br>%{customdata}: %{x:.0f}<extra></extra>",
        )
    )
    return dress(figure, "Rating on the held-out test set, 95% intervals", 110 + 32 * len(rated))


STANDING = {"done": 1.0, "learning": 0.6, "waiting": 0.25}
"""How strongly a step is drawn."""


def flow(steps: Sequence[Step], standing: Mapping[str, str] | None = None) -> go.Figure:
    """The schedule: a box a step, a line from what it starts from; a column an iteration.

    Args:
        standing: step -> done, learning or waiting; without it every step is drawn in full.
    """
    place: dict[str, tuple[float, float]] = {}
    rows = {"sft": 3.0, "dpo": 2.0, "reward": 1.0, "ppo": 0.0, "rloo": 0.0}
    for step in steps:
        x, y = float(step.iteration), rows[step.stage]
        while (x, y) in place.values():  # two of one kind in an iteration stand beside each other
            x += 0.25
        place[step.makes] = (x, y)
    figure = go.Figure()
    for step in steps:
        to = place[step.makes]
        for origin, dash in ((step.starts_from, "solid"), (step.battles_as, "dot")):
            start = place.get(origin)
            if start is not None:
                figure.add_scatter(
                    x=[start[0], to[0]],
                    y=[start[1], to[1]],
                    mode="lines",
                    line={"color": "#999999", "dash": dash, "width": 1.5},
                    hoverinfo="skip",
                    showlegend=False,
                )
    states = [(standing or {}).get(s.makes, "done" if standing is None else "waiting") for s in steps]
    figure.add_scatter(
        x=[place[s.makes][0] for s in steps],
        y=[place[s.makes][1] for s in steps],
        mode="markers+text",
        marker={
            "size": 26,
            "symbol": "square",
            "color": [STAGE_COLOURS[s.stage] for s in steps],
            "opacity": [STANDING[state] for state in states],
        },
        text=[f"{s.makes}<br>{'+'.join(s.splits)}" for s in steps],
        textposition="middle right",
        hovertext=[
            f"{s.makes}: {s.stage} of {s.starts_from}, {s.battles_as} battles, K {s.selection.k:g}"
            + (f"; {state}" if standing is not None else "")
            for s, state in zip(steps, states, strict=True)
        ],
        hoverinfo="text",
        showlegend=False,
    )
    columns = sorted({s.iteration for s in steps})
    figure.update_xaxes(tickvals=columns, ticktext=[f"I{n}" for n in columns])
    if columns:
        figure.update_xaxes(range=[columns[0] - 0.3, columns[-1] + 0.7])
    figure.update_yaxes(visible=False, range=[-0.6, 3.6])
    return dress(figure, "Solid: weights come from; dotted: who battles; faint: not done yet", 340)
