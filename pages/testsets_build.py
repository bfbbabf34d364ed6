"""The builder of test sets: choose or upload instructions, see how they are read, plan, estimate, start."""

from __future__ import annotations

import time
from typing import Any

import gradio as gr
from gradio.context import Context

from arena import jobs
from arena.records import Contender
from arena.store import Store
from arena.testsets import build, catalog
from arena.testsets.clean import STEPS, USUAL
from arena.testsets.cluster import maps_here
from arena.testsets.containers import CONTAINERS
from arena.testsets.difficulty import BASELINE
from arena.testsets.embed import EMBEDDERS, usual
from arena.testsets.language import LANGUAGES
from arena.testsets.plan import KIND
from arena.testsets.read import shipped
from arena.testsets.recipes import RECIPES
from arena.testsets.shapes import FORMATS
from pages import job_panel
from pages import testsets_form as form
from pages import testsets_views as views
from pages.testsets_form import AS_FOUND

ENCODINGS = [AS_FOUND, "utf-8", "utf-16", "cp1252", "latin-1"]


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
                category = gr.Dropdown([AS_FOUND], value=AS_FOUND, label="Column of the category")
                encoding = gr.Dropdown(ENCODINGS, value=AS_FOUND, label="Encoding")
                header = gr.Dropdown(
                    [AS_FOUND, "yes", "no"], value=AS_FOUND, label="CSV: first row is a header"
                )
                kind = gr.Dropdown([AS_FOUND, *CONTAINERS], value=AS_FOUND, label="Kind of file")
    with gr.Row():
        name = gr.Textbox(
            label="Name of the new set", elem_id="testset-name", max_length=64, placeholder="my-mix-v1"
        )
        recipe = gr.Dropdown(
            [(made.title, key) for key, made in RECIPES.items()], value="mix", label="Recipe", min_width=300
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
            min_width=340,
        )
        rater = gr.Dropdown([BASELINE], value=BASELINE, label="Who rates difficulty")
        per_cluster = gr.Number(20, label="Candidates rated a cluster", precision=0, minimum=1)
        splits = gr.Number(
            0, label="Training splits of the rest (paper: 9)", precision=0, minimum=0, maximum=99
        )
        flat = gr.Dropdown(maps_here(), value="pca", label="Map")
        purpose = gr.Dropdown(
            [("testing: held out", "test"), ("training: a source such as D0", "train")],
            value="test",
            label="For",
            min_width=260,
        )
    with gr.Accordion("Cleaning", open=False):
        steps = gr.CheckboxGroup(
            [(step.title, key) for key, step in STEPS.items()], value=list(USUAL), label="Steps"
        )
        with gr.Row():
            least = gr.Number(10, label="Fewest characters", precision=0, minimum=0)
            most = gr.Number(20_000, label="Most characters", precision=0, minimum=1)
            prefix = gr.Number(10, label="Same beginning: words", precision=0, minimum=1)
            alike = gr.Slider(0.3, 1, 0.7, step=0.05, label="Near duplicates: similarity from")
            permutations = gr.Dropdown([64, 128, 256], value=128, label="Permutations")
        with gr.Row():
            run = gr.Number(8, label="Words shared with a benchmark: runs of", precision=0, minimum=1)
            share = gr.Slider(0.1, 1, 0.5, step=0.05, label="and share of its runs from")
            top = gr.Number(5, label="Benchmark neighbours: nearest", precision=0, minimum=1)
            cutoff = gr.Slider(0.5, 1, 0.8, step=0.05, label="and cosine from")
            keep = gr.Dropdown(
                [name.title() for name in LANGUAGES],
                value="English",
                label="Language to keep, where that step is on",
            )
        benchmarks = gr.Dropdown(
            [],
            label="Benchmarks: sets, or paths of question files, whose prompts must not appear",
            multiselect=True,
            allow_custom_value=True,
        )
        spare = gr.Checkbox(True, label="Leave out what a training split holds already")
        wanted = gr.Textbox(label="Hand-picked: ids, separated by spaces", max_length=200_000)
    cost = gr.Markdown(elem_id="testset-estimate")
    start = gr.Button("Build the test set", variant="primary", elem_id="testset-start")
    said = gr.Markdown()
    job_panel.render(store, (KIND,), "Builds")
    rejects = gr.DownloadButton("Rejected rows of the latest build", size="sm", visible=False)
    built = gr.Textbox(visible="hidden")
    timer = gr.Timer(2)
    since = gr.State(0.0)

    source = [own, upload, path]
    reading = [shape, column, category, encoding, header, kind]
    planned = [name, recipe, size, clusters, seed, embedder, rater, per_cluster, splits, flat, purpose]
    cleaning = [steps, least, most, prefix, alike, permutations, run, share, top, cutoff, keep]
    cleaning += [benchmarks, spare, wanted]

    def look(*words: Any) -> tuple[str, Any, Any]:
        return form.look(words[:3], words[3:])

    def guess(*words: Any) -> str:
        return form.guess(words[:3], words[3:])

    def launch(*words: Any) -> str:
        return form.launch(store, words[:3], words[3:9], words[9:20], words[20:])

    def watch(known: str, loaded: float) -> tuple[Any, Any]:
        return _watch(store, known, loaded)

    def menus() -> tuple[Any, ...]:
        return _menus(store)

    gr.on(
        [own.input, upload.change, path.submit, *(m.input for m in reading)],
        look,
        [*source, *reading],
        [seen, column, category],
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
        look, [*source, *reading], [seen, column, category], show_progress="hidden"
    ).then(guess, [*source, *numbers], cost, show_progress="hidden")
    return built


def _menus(store: Store) -> tuple[Any, ...]:
    raters = [contender.name for contender in store.load(Contender, "NOT hidden", order="name")]
    names = catalog.testsets(store)["name"].to_list()
    return gr.Dropdown(choices=[BASELINE, *raters]), gr.Dropdown(choices=names), usual(store.home)


def _watch(store: Store, known: str, since: float) -> tuple[Any, Any]:
    """The name of a build that ended since the page was opened; and its rejects, when it has any."""
    finished = [j for j in jobs.jobs(store.home)[:10] if j.kind == KIND and not jobs.status(j).active]
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
    return name, gr.DownloadButton(value=views.downloadable(rejects) if some else None, visible=some)


def _is_in(store: Store, name: str) -> bool:
    return name in catalog.testsets(store)["name"].to_list()
