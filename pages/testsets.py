"""Test sets: what there is, what is inside, how it came about; two sets compared; the builder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import gradio as gr
import polars as pl
from gradio.context import Context

from arena.records import ArenaError
from arena.store import Store
from arena.testsets import catalog
from arena.testsets.catalog import ORDERS
from pages import testsets_build, testsets_story, virtual_list
from pages import testsets_views as views
from pages.testsets_views import BANDS, EVERY, Asked
from pages.virtual_list import Window

COLUMNS = ["#", "instruction", "turns", "category", "language", "cluster", "difficulty"]

CLICKS = """() => {
  // Fills a hidden box as a person would, so that Gradio hears of it.
  const tell = (id, value) => {
    const box = document.querySelector(`#${id} textarea, #${id} input`);
    if (!box) return;
    const kind = box.tagName === 'TEXTAREA' ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(kind.prototype, 'value').set.call(box, value);
    box.dispatchEvent(new Event('input', {bubbles: true}));
  };
  if (window.testsetClicks) return;
  // With the path: Gradio sets a <base>, against which a bare "?..." would leave this page.
  window.testsetAddress = (wanted) => {
    const kept = new URLSearchParams();
    for (const [name, value] of Object.entries(wanted)) if (value || value === 0) kept.set(name, value);
    history.replaceState(history.state, '', `${location.pathname}?${kept}`);
  };
  document.addEventListener('click', (event) => {
    const row = event.target.closest && event.target.closest('#testset-rows a');
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const id = new URL(row.href).searchParams.get('instruction');
    testsetAddress({...Arena.query(), instruction: id});
    tell('testset-row', id);
  });
  // Gradio's plot reports no clicks; Plotly itself does. Rebinds whenever a new figure is drawn.
  window.testsetClicks = setInterval(() => {
    const plot = document.querySelector('#testset-map .js-plotly-plot');
    if (!plot || plot.testsetBound || !plot.on) return;
    plot.testsetBound = true;
    plot.on('plotly_click', (event) => tell('testset-picked', event.points[0].customdata.join(' ')));
  }, 500);
}"""
CHOOSE = """(name) => { testsetAddress({testset: name}); Arena.refresh(); return []; }"""
FILTER = """(testset, text, category, language, cluster, band, order, several) => {
  const named = (value, none) => value === none ? '' : value;
  testsetAddress({testset, text, category: named(category, 'all'), language: named(language, 'all'),
    cluster: named(cluster, -1), band: named(band, 'all'), order: named(order, 'position'), several: several ? 1 : ''});
  Arena.refresh();
  return [];
}"""
REVEAL = """() => {
  if (!Arena.query().instruction) return [];
  const story = document.querySelector('#testset-story');
  if (story) story.scrollIntoView({behavior: 'smooth', block: 'nearest'});
  return [];
}"""


def render(store: Store) -> None:  # noqa: PLR0915 - a page's layout and wiring read best in one piece
    """Layout, then wiring."""
    gr.Markdown(
        "# Test sets\nRaw instructions, cleaned, grouped and chosen. A set never changes once it is there."
    )
    with gr.Tabs():
        with gr.Tab("Look inside"):
            chosen = gr.Dropdown([], label="Test set", elem_id="testset-chosen")
            card = gr.HTML(elem_id="testset-card")
            with gr.Row():
                kinds, spread = (gr.Plot(show_label=False, min_width=320) for _ in range(2))
            with gr.Tabs(selected="list") as inside:
                with gr.Tab("Instructions", id="list"):
                    with gr.Row():
                        text = gr.Textbox(label="Search", placeholder="words", max_length=200)
                        category = gr.Dropdown([EVERY], value=EVERY, label="Category")
                        language = gr.Dropdown([EVERY], value=EVERY, label="Language")
                        group = gr.Dropdown([(EVERY, -1)], value=-1, label="Cluster")
                        band = gr.Dropdown([EVERY, *BANDS], value=EVERY, label="Difficulty")
                        order = gr.Dropdown(list(ORDERS), value="position", label="Order")
                        several = gr.Checkbox(label="Several turns only", min_width=200)
                    with gr.Column(elem_id="testset-rows"):
                        virtual_list.render(
                            COLUMNS,
                            lambda offset, limit, query: _window(store, offset, limit, query),
                            "Instructions of this set",
                            widths="4rem minmax(16rem, 5fr) 4rem 1fr 1fr 4.5rem 5.5rem",
                        )
                    row = gr.Textbox(visible="hidden", elem_id="testset-row")
                    story = gr.HTML(elem_id="testset-story")
                with gr.Tab("Map", id="map"):
                    colour = gr.Radio(["cluster", "difficulty"], value="cluster", label="Colour")
                    place = gr.Plot(show_label=False, elem_id="testset-map")
                    picked = gr.Textbox(visible="hidden", elem_id="testset-picked")
                with gr.Tab("Clusters", id="clusters"):
                    groups = gr.HTML()
                with gr.Tab("Cleaning", id="cleaning"):
                    funnel = gr.Plot(show_label=False)
                    rejects = gr.DownloadButton(views.PREPARE, visible=False)
                    dropped = gr.HTML()
                with gr.Tab("Export", id="export"), gr.Row():
                    as_jsonl = gr.DownloadButton("Prepare JSONL")
                    as_parquet = gr.DownloadButton("Prepare Parquet")
        with gr.Tab("Build a new one"):
            built = testsets_build.render(store)
        with gr.Tab("All sets"):
            sets = gr.HTML(elem_id="testset-list")
        with gr.Tab("Compare two"):
            with gr.Row():
                first, second = gr.Dropdown([], label="One"), gr.Dropdown([], label="The other")
            compared = gr.HTML()
            with gr.Row():
                by_category, by_language = (gr.Plot(show_label=False, min_width=320) for _ in range(2))

    filters = [chosen, text, category, language, group, band, order, several]
    whole = [card, kinds, spread, *filters[1:], place, groups, funnel, dropped, rejects]

    def arrive(request: gr.Request) -> tuple[Any, ...]:
        asked = dict(request.query_params or {})
        return *_menus(store, asked.get("testset", "")), testsets_story.story(
            store, asked.get("instruction", "")
        )

    def first_show(name: str, colour_by: str, request: gr.Request) -> tuple[Any, ...]:
        return views.show(store, name, colour_by, Asked.of(dict(request.query_params or {})))

    def renew(name: str) -> tuple[Any, ...]:
        return _menus(store, name)

    def prepare(name: str) -> Any:
        path = views.rejects_of(store, name)
        if path is None:
            raise gr.Error("This set's build kept no rejected rows.")
        return gr.DownloadButton("Download the rejected rows", value=views.downloadable(path))

    def show(name: str, colour_by: str) -> tuple[Any, ...]:
        return views.show(store, name, colour_by)

    def tell(identity: str) -> str:
        return testsets_story.story(store, identity)

    def open_cluster(words: str) -> tuple[Any, Any, str]:
        label, _, identity = words.partition(" ")
        value = int(label) if label.isdigit() else -1
        return gr.Dropdown(value=value), gr.Tabs(selected="list"), testsets_story.story(store, identity)

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    page.load(arrive, None, [chosen, first, second, sets, story], show_progress="hidden").then(
        first_show, [chosen, colour], whole, show_progress="hidden"
    ).then(None, js=REVEAL)
    page.load(None, js=CLICKS)
    chosen.input(None, chosen, None, js=CHOOSE)
    chosen.input(show, [chosen, colour], whole)
    changed = [text.submit, text.blur, *(m.input for m in (category, language, group, band, order, several))]
    gr.on(changed, None, filters, None, js=FILTER)
    row.change(tell, row, story, show_progress="hidden").then(None, js=REVEAL)
    colour.input(lambda name, by: views.place(store, name, by), [chosen, colour], place)
    picked.change(open_cluster, picked, [group, inside, story], show_progress="hidden").then(
        None, filters, None, js=FILTER
    )
    for ready, ending in ((as_jsonl, ".jsonl"), (as_parquet, ".parquet")):
        ready.click(lambda name, e=ending: _export(store, name, e), chosen, ready)
    rejects.click(prepare, chosen, rejects)
    for menu in (first, second):
        menu.input(
            lambda a, b: views.compare(store, a, b), [first, second], [compared, by_category, by_language]
        )
    built.change(renew, built, [chosen, first, second, sets], show_progress="hidden").then(
        show, [chosen, colour], whole, show_progress="hidden"
    ).then(None, chosen, None, js=CHOOSE)


def _menus(store: Store, wanted: str) -> tuple[Any, Any, Any, str]:
    frame = catalog.testsets(store)
    labels = [
        (f"{row['name']}  ({row['size']:,}, {row['recipe']}, {row['purpose']})", row["name"])
        for row in frame.iter_rows(named=True)
    ]
    value = _first(frame, wanted) or None
    menu = gr.Dropdown(choices=labels)
    return gr.Dropdown(choices=labels, value=value), menu, menu, views.sets_html(store)


def _first(frame: pl.DataFrame, wanted: str) -> str:
    """The set asked for, or else the newest one for testing; "" without any."""
    names = frame.sort(pl.col("purpose") != "test", maintain_order=True)["name"].to_list()
    return wanted if wanted in names else next(iter(names), "")


def _window(store: Store, offset: int, limit: int, query: dict[str, str]) -> Window:
    """Rows of the set that the address names, else the newest for testing, as its filters keep and order them."""
    name = _first(catalog.testsets(store), query.get("testset", ""))
    asked = Asked.of(query)
    kept, order = asked.kept(), asked.order
    frame = catalog.window(store, name, kept, offset, limit, order)
    ids = frame["id"].to_list()
    cells = frame.select("position", "text", "turns", "category", "language", "cluster", "difficulty")
    links = [f"testsets?{urlencode({'testset': name, 'instruction': identity})}" for identity in ids]
    return Window(catalog.count(store, name, kept), [list(row) for row in cells.rows()], links)


def _export(store: Store, name: str | None, ending: str) -> Any:
    """Write the file and hand it to the button: the first click prepares, the second downloads."""
    if not name:
        raise gr.Error("Choose a test set first.")
    folder = Path(tempfile.mkdtemp(prefix="testset-"))
    try:
        path = catalog.export(store, name, folder / f"{name}{ending}")
    except ArenaError as error:
        raise gr.Error(str(error)) from error
    return gr.DownloadButton(f"Download {path.name}", value=str(path), variant="primary")
