"""The picture of the launch page: a board that moves while battles arrive."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from arena.battles.live import Standing
from arena.canvas import BLUE, dress


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
            marker={"size": 10, "color": BLUE},
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        )
    )
    title = "Elo so far, with 95% intervals" if rated else "Share of points so far"
    return dress(figure, title, 90 + 32 * max(3, len(shown)))
