"""The sheet that every chart is drawn on: colours that the colour-blind tell apart, and a layout that reads in
light and dark."""

from __future__ import annotations

import plotly.graph_objects as go

BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#888888"
HUES = (BLUE, "#E69F00", GREEN, PINK, ORANGE, "#56B4E9", "#F0E442", GREY)
"""Okabe and Ito's colours; many groups share them in turn, so neighbours may look alike but never vanish."""
GRID = "rgba(128,128,128,0.25)"


def dress(figure: go.Figure, title: str, height: int) -> go.Figure:
    """The figure without a background of its own, its grid faint."""
    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "automargin": True}
    figure.update_layout(
        title={"text": title, "font": {"size": 14}},
        height=height,
        margin={"l": 10, "r": 20, "t": 44, "b": 40},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": GREY},
        hoverlabel={"align": "left"},
    )
    return figure.update_xaxes(**axis).update_yaxes(**axis)


def empty(text: str, title: str = "", height: int = 160) -> go.Figure:
    """A figure that says why there is none."""
    figure = dress(go.Figure(), title, height)
    figure.add_annotation(text=text, showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper")
    return figure.update_xaxes(visible=False).update_yaxes(visible=False)
