"""What the builder's form says: how a file is read, what will be built of it, and how long that takes."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shutil
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from arena.records import ArenaError, Json
from arena.store import Store
from arena.testsets import build
from arena.testsets.plan import Plan, estimate, locate, rows_of, words_for
from arena.testsets.read import Preview, preview, recognise
from arena.testsets.rows import Correction, Layout
from arena.testsets.shapes import FORMATS
from pages.table import Cell, table

AS_FOUND = "as recognised"


def _input(source: tuple[Any, ...]) -> str:
    own, upload, path = source
    return str(upload or (path or "").strip() or own or "")


def _layout(source: tuple[Any, ...], reading: tuple[Any, ...]) -> Layout:
    """How the file is read, with the user's corrections."""
    path = locate(_input(source))
    shape, column, category, encoding, header, kind = (
        "" if word in (AS_FOUND, None) else str(word) for word in reading
    )
    given = Correction(kind, shape, {}, encoding, "", header == "yes" if header else None)
    layout = recognise(path, given)
    columns = {FORMATS[layout.shape].main: column, "category": category}
    chosen = {ours: theirs for ours, theirs in columns.items() if theirs}
    return recognise(path, dataclasses.replace(given, columns=chosen)) if chosen else layout


def look(source: tuple[Any, ...], reading: tuple[Any, ...]) -> tuple[str, Any, Any]:
    """How the file is read: shape, mapping, first rows, first rejects."""
    if not _input(source):
        return "<p>Choose instructions.</p>", gr.skip(), gr.skip()
    try:
        found = preview(locate(_input(source)), _layout(source, reading))
    except ArenaError as error:
        return f'<p class="error"><b>{escape(str(error))}</b></p>', gr.skip(), gr.skip()
    columns = gr.Dropdown(choices=[AS_FOUND, *found.columns])
    return preview_html(found), columns, columns


def preview_html(found: Preview) -> str:
    """The recognised layout in words, with the first rows."""
    layout: Layout = found.layout
    mapping = ", ".join(
        f"{ours} from <b>{escape(theirs)}</b>" for ours, theirs in layout.columns.items() if theirs
    )
    shown: list[list[Cell]] = [
        [row.line, len(row.instruction.turns), row.instruction.turns[0][:160], row.instruction.category]
        for row in found.rows
    ]
    bad = "".join(f"<li>line {r.line}: {escape(r.reason)}</li>" for r in found.rejects)
    return (
        f"<p>Read as <b>{escape(FORMATS[layout.shape].title)}</b> in {escape(layout.container)}, "
        f"{escape(layout.encoding)}; {mapping}.</p>"
        + table(["line", "turns", "first turn", "category"], shown)
        + (f"<p>Rejected so far:</p><ul>{bad}</ul>" if bad else "")
    )


def guess(source: tuple[Any, ...], numbers: tuple[Any, ...]) -> str:
    """The time it will take, before it starts."""
    try:
        path = locate(_input(source))
    except ArenaError:
        return ""
    recipe, size, clusters, embedder, rater, per_cluster, steps = numbers
    plan = Plan(
        "x",
        "",
        recipe,
        int(size or 1),
        int(clusters or 1),
        0,
        str(embedder),
        str(rater),
        int(per_cluster or 1),
        dict.fromkeys(steps or ()),
    )
    rows = rows_of(path)
    time_needed = words_for(estimate(rows, plan))
    return f"About **{rows:,}** rows; this will take about **{time_needed}** on one core."


def _keep(store: Store, upload: str) -> str:
    """An upload lies in a temporary folder: copy it beside the database under its content's name."""
    path = Path(upload)
    with open(path, "rb") as file:
        mark = hashlib.file_digest(file, "sha256").hexdigest()[:12]
    folder = store.home / "uploads" / mark
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / (re.sub(r"[^\w.-]+", "_", path.name)[-80:] or "upload")
    if not kept.exists():
        shutil.copyfile(path, kept)
    return str(kept)


def launch(
    store: Store,
    source: tuple[Any, ...],
    reading: tuple[Any, ...],
    planned: tuple[Any, ...],
    cleaning: tuple[Any, ...],
) -> str:
    name, recipe, size, clusters, seed, embedder, rater, per_cluster, splits, flat, purpose = planned
    steps, least, most, prefix, alike, permutations, *rest = cleaning
    run, share, top, cutoff, keep, benchmarks, spare, wanted = rest
    changes: dict[str, Json] = {
        "length": {"least": least, "most": most},
        "prefix": {"length": prefix},
        "duplicates": {"threshold": alike, "permutations": permutations},
        "overlap": {"words": run, "share": share},
        "language": {"keep": keep},
        "neighbours": {"top": top, "cutoff": cutoff},
    }
    corrected = any(word not in (AS_FOUND, None) for word in reading)
    try:
        layout = dataclasses.asdict(_layout(source, reading)) if corrected else {}
        plan = Plan(
            name=(name or "").strip(),
            input=_keep(store, source[1]) if source[1] else _input(source),
            recipe=recipe,
            size=int(size or 0),
            clusters=int(clusters or 0),
            seed=int(seed or 0),
            embedder=str(embedder),
            rater=str(rater),
            per_cluster=int(per_cluster or 0),
            steps={step: changes.get(step) for step in steps},
            benchmarks=tuple(benchmarks or ()),
            splits=int(splits or 0),
            spare_training=bool(spare),
            wanted=tuple((wanted or "").split()),
            layout=layout,
            map=flat,
            purpose=purpose,
        )
        build.launch(store, plan)
    except ArenaError as error:
        raise gr.Error(str(error)) from error
    return f"**{plan.name}** is being built; you may leave this page."
