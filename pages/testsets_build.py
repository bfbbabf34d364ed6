"""The builder of test sets: choose or upload instructions, see how they are read, plan, estimate, start."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shutil
import time
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from arena import jobs
from arena.records import ArenaError, Contender, Json
from arena.store import Store
from arena.testsets import build, catalog
from arena.testsets.build import Plan
from arena.testsets.clean import STEPS, USUAL
from arena.testsets.cluster import maps_here
from arena.testsets.difficulty import BASELINE
from arena.testsets.embed import EMBEDDERS, usual
from arena.testsets.read import FORMATS, Preview, preview, shipped
from arena.testsets.recipes import RECIPES
from arena.testsets.rows import Layout
from pages import job_panel

AS_FOUND = "as recognised"
ENCODINGS = [AS_FOUND, "utf-8", "utf-16", "cp1252", "latin-1"]
MAIN_COLUMN = {
    "questions": "turns",
    "sharegpt": "conversation",
    "lmsys": "conversation",
    "openai": "conversation",
}
"""Which of our words holds the instruction itself, where it is not `instruction`."""


def render(store: Store) -> gr.Textbox:  # noqa: PLR0915 - a form reads best in one piece
    """Layout, then wiring. The hidden box it returns changes to the name of a set just built."""
    names = [path.stem for path in shipped()]
    with gr.Row():
        with gr.Column():
            own = gr.Dropdown(
                names, value="demo" if "demo" in names else None, label="Instructions that come along"
            )
            upload = gr.File(label="or a file of yours: JSONL, JSON, CSV, text, Parquet", file_count="single")
            path = gr.Textbox(label="or a path on this machine: file or dataset folder", max_length=1000)
        with gr.Column():
            seen = gr.HTML(elem_id="testset-preview")
            with gr.Accordion("Read it differently", open=False), gr.Row():
                shape = gr.Dropdown(
                    [AS_FOUND, *((made.title, key) for key, made in FORMATS.items())],
                    value=AS_FOUND,
                    label="Shape",
                )
                column = gr.Dropdown([AS_FOUND], value=AS_FOUND, label="Column of the instruction")
                kind = gr.Dropdown([AS_FOUND], value=AS_FOUND, label="Column of the category")
                encoding = gr.Dropdown(ENCODINGS, value=AS_FOUND, label="Encoding")
                header = gr.Dropdown(
                    [AS_FOUND, "yes", "no"], value=AS_FOUND, label="CSV: first row is a header"
                )
    with gr.Row():
        name = gr.Textbox(
            label="Name of the new set", elem_id="testset-name", max_length=64, placeholder="my-mix-v1"
        )
        recipe = gr.Dropdown(
            [(made.title, key) for key, made in RECIPES.items()], value="mix", label="Recipe"
        )
        size = gr.Number(40, label="Size", precision=0, minimum=1)
        clusters = gr.Number(20, label="Clusters (paper: 500)", precision=0, minimum=1)
        seed = gr.Number(0, label="Seed", precision=0, minimum=0)
    with gr.Row():
        embedder = gr.Dropdown(
            [(text, key) for key, text in EMBEDDERS.items()],
            value="all-minilm-l6-v2",
            label="Embedding (or a folder or hub name)",
            allow_custom_value=True,
        )
        rater = gr.Dropdown([BASELINE], value=BASELINE, label="Who rates difficulty")
        per_cluster = gr.Number(20, label="Candidates rated a cluster", precision=0, minimum=1)
        splits = gr.Number(
            0, label="Training splits of the rest (paper: 9)", precision=0, minimum=0, maximum=99
        )
        flat = gr.Dropdown(maps_here(), value="pca", label="Map")
    with gr.Accordion("Cleaning", open=False):
        steps = gr.CheckboxGroup(
            [(step.title, key) for key, step in STEPS.items()], value=list(USUAL), label="Steps"
        )
        with gr.Row():
            least = gr.Number(10, label="Fewest characters", precision=0, minimum=0)
            prefix = gr.Number(10, label="Same beginning: words", precision=0, minimum=1)
            alike = gr.Slider(0.3, 1, 0.7, step=0.05, label="Near duplicates: similarity from")
            permutations = gr.Dropdown([64, 128, 256], value=128, label="Permutations")
            top = gr.Number(5, label="Benchmark neighbours: nearest", precision=0, minimum=1)
            cutoff = gr.Slider(0.5, 1, 0.8, step=0.05, label="and cosine from")
        benchmarks = gr.Dropdown([], label="Benchmarks: sets whose prompts must not appear", multiselect=True)
        spare = gr.Checkbox(True, label="Leave out what a training split holds already")
        wanted = gr.Textbox(label="Hand-picked: ids, separated by spaces", max_length=200_000)
    cost = gr.Markdown(elem_id="testset-estimate")
    start = gr.Button("Build the test set", variant="primary", elem_id="testset-start")
    said = gr.Markdown()
    job_panel.render(store, (build.KIND,), "Builds")
    rejects = gr.DownloadButton("Rejected rows of the latest build", size="sm", visible=False)
    built = gr.Textbox(visible="hidden")
    timer = gr.Timer(2)
    since = gr.State(0.0)

    source = [own, upload, path]
    reading = [shape, column, kind, encoding, header]
    planned = [name, recipe, size, clusters, seed, embedder, rater, per_cluster, splits, flat]
    cleaning = [steps, least, prefix, alike, permutations, top, cutoff, benchmarks, spare, wanted]

    def look(*words: Any) -> tuple[str, Any, Any]:
        return _look(words[:3], words[3:])

    def guess(*words: Any) -> str:
        return _guess(words[:3], words[3:])

    def launch(*words: Any) -> str:
        return _launch(store, words[:3], words[3:8], words[8:18], words[18:])

    def watch(known: str, loaded: float) -> tuple[Any, Any]:
        return _watch(store, known, loaded)

    def menus() -> tuple[Any, ...]:
        return _menus(store)

    gr.on(
        [own.input, upload.change, path.submit, *(m.input for m in reading)],
        look,
        [*source, *reading],
        [seen, column, kind],
        show_progress="hidden",
    )
    numbers = [recipe, size, clusters, embedder, rater, per_cluster, steps]
    gr.on(
        [
            own.input,
            upload.change,
            path.submit,
            recipe.change,
            size.change,
            clusters.change,
            embedder.change,
            rater.change,
            per_cluster.change,
            steps.change,
        ],
        guess,
        [*source, *numbers],
        cost,
        show_progress="hidden",
    )
    upload.upload(lambda: None, None, own)
    start.click(launch, [*source, *reading, *planned, *cleaning], said)
    timer.tick(watch, [built, since], [built, rejects], show_progress="hidden")
    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    page.load(time.time, None, since, show_progress="hidden")
    page.load(menus, None, [rater, benchmarks, embedder], show_progress="hidden").then(
        look, [*source, *reading], [seen, column, kind], show_progress="hidden"
    ).then(guess, [*source, *numbers], cost, show_progress="hidden")
    return built


def _menus(store: Store) -> tuple[Any, ...]:
    raters = [contender.name for contender in store.load(Contender, "NOT hidden", order="name")]
    names = catalog.testsets(store)["name"].to_list()
    return gr.Dropdown(choices=[BASELINE, *raters]), gr.Dropdown(choices=names), usual(store.home)


def _input(source: tuple[Any, ...]) -> str:
    own, upload, path = source
    return str(upload or (path or "").strip() or own or "")


def _layout(source: tuple[Any, ...], reading: tuple[Any, ...]) -> Preview:
    """The preview with the user's corrections."""
    path = build.locate(_input(source))
    found = preview(path)
    shape, column, kind, encoding, header = reading
    layout = found.layout
    if all(word in (AS_FOUND, None) for word in reading):
        return found
    chosen = layout.shape if shape in (AS_FOUND, None) else shape
    columns = dict(layout.columns) if chosen == layout.shape else {}
    main = MAIN_COLUMN.get(chosen, "instruction")
    if column not in (AS_FOUND, None):
        columns[main] = column
    elif main not in columns:
        columns[main] = next(iter(layout.columns.values()), "")
    if kind not in (AS_FOUND, None):
        columns["category"] = kind
    layout = dataclasses.replace(
        layout,
        shape=chosen,
        columns=columns,
        encoding=layout.encoding if encoding in (AS_FOUND, None) else encoding,
        header=layout.header if header in (AS_FOUND, None) else header == "yes",
    )
    return preview(path, layout)


def _look(source: tuple[Any, ...], reading: tuple[Any, ...]) -> tuple[str, Any, Any]:
    """How the file is read: shape, mapping, first rows, first rejects."""
    if not _input(source):
        return "<p>Choose instructions.</p>", gr.skip(), gr.skip()
    try:
        found = _layout(source, reading)
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
    rows = "".join(
        f"<tr><td>{row.line}</td><td>{len(row.instruction.turns)}</td>"
        f"<td>{escape(row.instruction.turns[0][:160])}</td><td>{escape(row.instruction.category)}</td></tr>"
        for row in found.rows
    )
    bad = "".join(f"<li>line {r.line}: {escape(r.reason)}</li>" for r in found.rejects)
    return (
        f"<p>Read as <b>{escape(FORMATS[layout.shape].title)}</b> in {escape(layout.container)}, "
        f"{escape(layout.encoding)}; {mapping}.</p>"
        f"<table><thead><tr><th>line</th><th>turns</th><th>first turn</th><th>category</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>" + (f"<p>Rejected so far:</p><ul>{bad}</ul>" if bad else "")
    )


def _guess(source: tuple[Any, ...], numbers: tuple[Any, ...]) -> str:
    """The time it will take, before it starts."""
    try:
        path = build.locate(_input(source))
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
    rows = build.rows_of(path)
    time_needed = words_for(build.estimate(rows, plan))
    return f"About **{rows:,}** rows; this will take about **{time_needed}** on one core."


def words_for(seconds: float) -> str:
    """8 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


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


def _launch(
    store: Store,
    source: tuple[Any, ...],
    reading: tuple[Any, ...],
    planned: tuple[Any, ...],
    cleaning: tuple[Any, ...],
) -> str:
    name, recipe, size, clusters, seed, embedder, rater, per_cluster, splits, flat = planned
    steps, least, prefix, alike, permutations, top, cutoff, benchmarks, spare, wanted = cleaning
    changes: dict[str, Json] = {
        "length": {"least": least},
        "prefix": {"length": prefix},
        "duplicates": {"threshold": alike, "permutations": permutations},
        "neighbours": {"top": top, "cutoff": cutoff},
    }
    corrected = any(word not in (AS_FOUND, None) for word in reading)
    try:
        layout = dataclasses.asdict(_layout(source, reading).layout) if corrected else {}
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
        )
        build.launch(store, plan)
    except ArenaError as error:
        raise gr.Error(str(error)) from error
    return f"**{plan.name}** is being built; you may leave this page."


def _watch(store: Store, known: str, since: float) -> tuple[Any, Any]:
    """The name of a build that ended since the page was opened; and its rejects, when it has any."""
    finished = [j for j in jobs.jobs(store.home)[:10] if j.kind == build.KIND and not jobs.status(j).active]
    if not finished:
        return gr.skip(), gr.skip()
    latest = finished[0]
    ended = jobs.status(latest).ended
    if ended is None or ended < since:
        return gr.skip(), gr.skip()
    name = str(latest.settings.get("name", ""))
    if name == known or (jobs.status(latest).state is jobs.State.DONE and not _is_in(store, name)):
        return gr.skip(), gr.skip()
    rejects = latest.folder / build.REJECTS
    some = rejects.is_file() and rejects.stat().st_size > 0
    return name, gr.DownloadButton(value=str(rejects) if some else None, visible=some)


def _is_in(store: Store, name: str) -> bool:
    return name in catalog.testsets(store)["name"].to_list()
