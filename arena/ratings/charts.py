"""Figures of boards and comparisons; functions of what they show, alike in pages and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
import polars as pl

from arena.canvas import BLUE, GREY, ORANGE, dress, empty
from arena.ratings.cells import Floats
from arena.ratings.consistency import Consistency
from arena.ratings.intervals import INTERVALS
from arena.ratings.leaderboard import Leaderboard
from arena.records import Reference

FEW = 12
"""Most outliers labelled in a scatter."""


def ratings(board: Leaderboard) -> go.Figure:
    """Every contender's rating with its whisker, best on top."""
    rows = board.rows[::-1]
    low = [row.rating if row.low is None else row.low for row in rows]
    high = [row.rating if row.high is None else row.high for row in rows]
    rating = [row.rating for row in rows]
    figure = go.Figure(
        go.Scatter(
            x=rating,
            y=[escape(row.model) for row in rows],
            mode="markers",
            marker={"color": BLUE, "size": 8},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": np.subtract(high, rating),
                "arrayminus": np.subtract(rating, low),
                "color": BLUE,
                "thickness": 1.5,
            },
            customdata=list(zip(low, high, [row.battles for row in rows], strict=True)),
            hovertemplate="%{y}<br>%{x:.1f} (%{customdata[0]:.1f} to %{customdata[1]:.1f})"
            "<br>%{customdata[2]:,} battles<extra></extra>",
        )
    )
    said = INTERVALS[board.settings.interval]
    title = (
        f"Rating ({board.unit}), 95% {said}" if board.draws is not None else f"Rating ({board.unit}), {said}"
    )
    return dress(figure, title, 110 + 24 * len(rows))


def categories(boards: Mapping[str, Leaderboard], order: Sequence[str]) -> go.Figure:
    """Heat map of ratings, a column a category, contenders in the whole board's order."""
    if not boards:
        return empty("No battle of this slice has a category.")
    values = np.full((len(order), len(boards)), np.nan)
    for column, board in enumerate(boards.values()):
        for row in board.rows:
            if row.model in order:
                values[order.index(row.model), column] = row.rating
    figure = go.Figure(
        go.Heatmap(
            z=values[::-1],
            x=[escape(name) for name in boards],
            y=[escape(name) for name in order[::-1]],
            colorscale=[[0, ORANGE], [0.5, "#f2f2f2"], [1, BLUE]],
            texttemplate="%{z:.0f}" if len(boards) <= 14 else None,
            hovertemplate="%{y}<br>%{x}: %{z:.1f}<extra></extra>",
            xgap=1,
            ygap=1,
        )
    )
    return dress(figure, "Rating by category", 130 + 24 * len(order))


def iterations(board: Leaderboard, lineage: pl.DataFrame) -> go.Figure:
    """Ratings along training, a line from parent to child, with whiskers."""
    rows = {row.model: row for row in board.rows}
    known = [line for line in lineage.iter_rows(named=True) if line["contender"] in rows]
    if not known:
        return empty("No contender of this board was trained here. Train one on the flywheel page.")
    parents = {line["contender"]: line["parent"] for line in known}

    def depth(name: str, seen: tuple[str, ...] = ()) -> int:
        parent = parents.get(name)
        return 0 if not parent or parent in seen else 1 + depth(parent, (*seen, name))

    stage = {line["contender"]: (line["stage"] or "base").upper() for line in known}
    iteration = {line["contender"]: line["iteration"] for line in known}
    names = [*parents, *(parent for parent in parents.values() if parent in rows and parent not in parents)]
    figure = go.Figure()
    for child, parent in parents.items():
        if parent in rows:
            figure.add_scatter(
                x=[depth(parent), depth(child)],
                y=[rows[parent].rating, rows[child].rating],
                mode="lines",
                line={"color": GREY, "width": 1.5},
                hoverinfo="skip",
                showlegend=False,
            )
    points = [rows[name] for name in names]
    highest = {depth(n): n for n in sorted(names, key=lambda n: rows[n].rating)}.values()  # at each depth
    figure.add_scatter(
        x=[depth(name) for name in names],
        y=[row.rating for row in points],
        mode="markers+text",
        text=[
            f"\u2002{stage.get(name, 'start')}"
            + (f" I{iteration[name]}" if iteration.get(name) is not None else "")
            for name in names
        ],
        textposition=["top right" if name in highest else "bottom right" for name in names],
        cliponaxis=False,
        hovertext=[escape(name) for name in names],
        hovertemplate="%{hovertext}<br>%{y:.1f}<extra></extra>",
        marker={"color": BLUE, "size": 9},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [0 if row.high is None else row.high - row.rating for row in points],
            "arrayminus": [0 if row.low is None else row.rating - row.low for row in points],
            "color": BLUE,
        },
        showlegend=False,
    )
    deepest = max(depth(name) for name in names)
    figure = dress(figure, "Rating along training, parents joined to their children", 380)
    return figure.update_xaxes(
        title="trainings since the start", dtick=1, range=[-0.3, deepest + 0.6]
    ).update_yaxes(title=board.unit)


def against(board: Leaderboard, facts: pl.DataFrame, column: str, title: str) -> go.Figure:
    """Rating against a fact of the contender, with the front of those that nobody beats in both."""
    known = {
        line["contender"]: line[column] for line in facts.iter_rows(named=True) if line[column] is not None
    }
    points = sorted((known[row.model], row.rating, row.model) for row in board.rows if row.model in known)
    if not points:
        return empty("The answers behind these battles are not kept here, so their length is not known.")
    best, front = -np.inf, []
    for x, rating, _ in points:
        if rating > best:
            best = rating
            front.append((x, rating))
    figure = go.Figure()
    figure.add_scatter(
        x=[x for x, _ in front],
        y=[y for _, y in front],
        mode="lines",
        line={"color": ORANGE, "shape": "hv", "dash": "dot"},
        name="nobody is better with less",
    )
    figure.add_scatter(
        x=[x for x, _, _ in points],
        y=[y for _, y, _ in points],
        mode="markers+text" if len(points) <= FEW else "markers",
        text=[escape(name) for _, _, name in points],
        textposition="top center",
        marker={"color": BLUE, "size": 9},
        hovertemplate="%{text}<br>%{x:.1f}, %{y:.1f}<extra></extra>",
        showlegend=False,
    )
    figure = dress(figure, f"Rating against {title}", 380)
    return figure.update_xaxes(title=title).update_yaxes(title=board.unit).update_layout(legend={"y": 0})


def scatter(found: Consistency, ours: str, theirs: str) -> go.Figure:
    """Both ratings with both intervals; only those farthest from the line are labelled."""
    x, y = np.array([r.rating for r in found.theirs]), np.array([r.rating for r in found.ours])
    slope, offset = np.polyfit(x, y, 1) if len(set(x.tolist())) > 1 else (0.0, float(y.mean()))
    miss = np.abs(y - slope * x - offset)
    told = set(np.argsort(-miss)[: min(FEW, max(3, len(x) // 4))].tolist())
    figure = go.Figure()
    ends = np.array([x.min(), x.max()])
    figure.add_scatter(
        x=ends, y=slope * ends + offset, mode="lines", line={"color": GREY, "dash": "dot"}, hoverinfo="skip"
    )
    figure.add_scatter(
        x=x,
        y=y,
        mode="markers+text",
        text=[escape(row.model) if k in told else "" for k, row in enumerate(found.ours)],
        textposition=_sides(x, told),
        hovertext=[escape(row.model) for row in found.ours],
        hovertemplate="%{hovertext}<br>reference %{x:.0f}, ours %{y:.0f}<extra></extra>",
        marker={"color": BLUE, "size": 8},
        error_x=_whiskers(found.theirs),
        error_y=_whiskers(found.ours),
    )
    figure = dress(figure, "Both ratings, both intervals", 460).update_layout(showlegend=False)
    return figure.update_xaxes(title=theirs).update_yaxes(title=ours)


def slopes(found: Consistency, ours: str, theirs: str) -> go.Figure:
    """Places in both rankings, joined; those that move by three or more stand out."""
    place = {
        side: {row.model: k for k, row in enumerate(sorted(table, key=lambda row: -row.rating), 1)}
        for side, table in (("ours", found.ours), ("theirs", found.theirs))
    }
    figure = go.Figure()
    for a, b in zip(found.ours, found.theirs, strict=True):
        left, right = place["theirs"][b.model], place["ours"][a.model]
        moved = abs(left - right) >= 3
        figure.add_scatter(
            x=[0, 1],
            y=[left, right],
            mode="lines+markers",
            line={"color": ORANGE if moved else GREY, "width": 2.5 if moved else 1},
            hovertemplate=f"{escape(a.model)}: {left} to {right}<extra></extra>",
            showlegend=False,
        )
        for x, at, name, anchor in ((0, left, escape(b.model), "right"), (1, right, escape(a.model), "left")):
            figure.add_annotation(
                x=x,
                y=at,
                text=name,
                showarrow=False,
                xanchor=anchor,
                xshift=-8 if x == 0 else 8,
                font={"size": 11},
            )
    figure = dress(figure, "Places: the reference on the left, ours on the right", 120 + 22 * len(found.ours))
    figure.update_xaxes(range=[-0.9, 1.9], tickvals=[0, 1], ticktext=[theirs, ours], showgrid=False)
    return figure.update_yaxes(autorange="reversed", showgrid=False, visible=False)


def _sides(x: Floats, told: set[int]) -> list[str]:
    """Labels by turns above and below their dots, from left to right, so that neighbours do not overlap."""
    turn = {k: place % 2 for place, k in enumerate(sorted(told, key=lambda k: x[k]))}
    return ["bottom center" if turn.get(k) else "top center" for k in range(len(x))]


def _whiskers(table: Sequence[Reference]) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [0 if row.high is None else row.high - row.rating for row in table],
        "arrayminus": [0 if row.low is None else row.rating - row.low for row in table],
        "color": GREY,
        "thickness": 1,
        "width": 0,
    }
