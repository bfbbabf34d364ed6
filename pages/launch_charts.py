"""The picture of the launch page: a board that moves while battles arrive."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from arena.battles.live import Standing

GRID = "rgba(128,128,128,0.25)"


def board(standings: Sequence[Standing]) -> go.Figure:
    """Elo with its interval; the share of points while no rating exists yet."""
    rated = bool(standings) and all(s.elo is not None for s in standings)
    shown = list(reversed(standings))
    figure = go.Figure(
        go.Scatter(
            x=[s.elo if rated else s.score for s in shown],
            y=[s.contender for s in shown],
            error_x={"type": "data", "array": [(s.width or 0) / 2 for s in shown]} if rated else None,
            mode="markers",
            marker={"size": 10, "color": "#0072B2"},
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        )
    )
    figure.update_layout(
        height=90 + 32 * max(3, len(shown)),
        margin={"l": 10, "r": 10, "t": 30, "b": 40},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#7a7a7a"},
        title={
            "text": "Elo so far, with 95% intervals" if rated else "Share of points so far",
            "font": {"size": 14},
        },
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False)
    figure.update_yaxes(gridcolor=GRID, automargin=True)
    return figure
