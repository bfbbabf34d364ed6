"""Pictures of a test set: what it holds, how hard it is, its map, and the funnel from raw to clean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import polars as pl

from arena.canvas import BLUE, HUES, ORANGE, dress, empty
from arena.records import Json


def shares(frame: pl.DataFrame, column: str, title: str, most: int = 12) -> go.Figure:
    """Bars of a counted column, the largest on top."""
    rows = frame.head(most)
    names = [str(value) if value not in ("", None) else "unnamed" for value in rows[column].to_list()]
    bar = go.Bar(x=rows["count"].to_list(), y=names, orientation="h", marker_color=BLUE)
    figure = dress(go.Figure(bar), title, max(200, 90 + 24 * len(names)))
    return figure.update_yaxes(autorange="reversed", type="category")


def difficulties(scores: Sequence[float], rater: str, height: int = 260) -> go.Figure:
    """How many instructions are how hard."""
    if not scores:
        return empty("Nobody rated the difficulty of this set.", "Difficulty", height)
    bins = {"start": 0, "end": 10.5, "size": 0.5 if len(scores) > 60 else 1}
    figure = go.Figure(go.Histogram(x=list(scores), xbins=bins, marker_color=ORANGE))
    return dress(figure, f"Difficulty, rated by {rater}", height).update_xaxes(range=[0, 10.5])


def funnel(stages: Sequence[Mapping[str, Json]]) -> go.Figure:
    """Rows kept and dropped after each step, from raw to clean."""
    if not stages:
        return empty("This set keeps no record of its cleaning.", "From raw to clean", 260)
    names = [str(stage["step"]) for stage in stages]
    kept = [int(str(stage["kept"])) for stage in stages]
    dropped = [int(str(stage["dropped"])) for stage in stages]
    figure = go.Figure(
        [
            go.Bar(x=kept, y=names, orientation="h", name="kept", marker_color=BLUE),
            go.Bar(x=dropped, y=names, orientation="h", name="dropped here", marker_color=ORANGE),
        ]
    )
    figure = dress(figure, "From raw to clean", 110 + 30 * len(names))
    figure.update_layout(barmode="stack", legend={"orientation": "h", "y": 1.12, "x": 0.5})
    return figure.update_yaxes(autorange="reversed")


def place(points: pl.DataFrame, names: Mapping[int, str], colour: str) -> go.Figure:
    """The map: one dot an instruction, its text on hover; customdata is (cluster, id), for clicks."""
    if points.is_empty():
        return empty("This set has no map: its recipe needed no embeddings, or it is too large.", "Map", 260)
    labels = points["cluster"].to_list()
    data = list(zip(labels, points["id"].to_list(), strict=True))
    texts = [
        f"{_wrapped(text)}<br><i>{_wrapped(names.get(label, ''))}</i>"
        for text, label in zip(points["text"].to_list(), labels, strict=True)
    ]
    marker: dict[str, object] = {"size": 8, "opacity": 0.85}
    if colour == "difficulty":
        marker |= {"color": points["difficulty"].to_list(), "colorscale": "Viridis", "showscale": True}
    else:
        marker |= {"color": [HUES[(label or 0) % len(HUES)] for label in labels]}
    dots = go.Scatter(
        x=points["x"].to_list(),
        y=points["y"].to_list(),
        mode="markers",
        marker=marker,
        text=texts,
        customdata=data,
        hovertemplate="%{text}<extra></extra>",
    )
    figure = dress(go.Figure(dots), f"Map by {colour}; a click opens the cluster", 520)
    return figure.update_xaxes(showticklabels=False).update_yaxes(showticklabels=False)


def _wrapped(text: str, width: int = 60) -> str:
    """Text for a hover box: Plotly reads tags there, so none may come from an instruction."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
    return "<br>".join(safe[start : start + width] for start in range(0, len(safe), width))


def versus(first: pl.DataFrame, second: pl.DataFrame, column: str, names: tuple[str, str]) -> go.Figure:
    """Two sets' shares of a counted column side by side, in percent."""
    bars = []
    for frame, name, colour in ((first, names[0], BLUE), (second, names[1], ORANGE)):
        total = max(1, int(frame["count"].sum()))
        labels = [str(value) or "unnamed" for value in frame[column].to_list()]
        percent = [100 * count / total for count in frame["count"].to_list()]
        bars.append(go.Bar(x=labels[:15], y=percent[:15], name=name, marker_color=colour))
    figure = dress(go.Figure(bars), f"{column.capitalize()}, percent of each set", 300)
    return figure.update_layout(barmode="group", legend={"orientation": "h", "y": 1.15, "x": 0.6})
