"""Test sets: what there is, what is inside, how it came about; two sets compared; the builder."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import gradio as gr
from gradio.context import Context

from arena.records import ArenaError, Json
from arena.store import Store
from arena.testsets import catalog
from arena.testsets.catalog import ORDERS, Filter
from pages import testsets_build, testsets_charts, virtual_list
from pages.virtual_list import Window

EVERY = "all"
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
FILTER = """(testset, text, category, language, cluster, order, several) => {
  const named = (value, none) => value === none ? '' : value;
  testsetAddress({testset, text, category: named(category, 'all'), language: named(language, 'all'),
    cluster: named(cluster, -1), order: named(order, 'position'), several: several ? 1 : ''});
  Arena.refresh();
  return [];
}"""
REVEAL = """() => {
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
                kinds, spread = gr.Plot(show_label=False), gr.Plot(show_label=False)
            with gr.Tabs(selected="list") as inside:
                with gr.Tab("Instructions", id="list"):
                    with gr.Row():
                        text = gr.Textbox(
                            label="Search", placeholder="words in the instruction", max_length=200
                        )
                        category = gr.Dropdown([EVERY], value=EVERY, label="Category")
                        language = gr.Dropdown([EVERY], value=EVERY, label="Language")
                        group = gr.Dropdown([(EVERY, -1)], value=-1, label="Cluster")
                        order = gr.Dropdown(list(ORDERS), value="position", label="Order")
                        several = gr.Checkbox(label="Several turns only")
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
                    dropped = gr.HTML()
                with gr.Tab("Export", id="export"), gr.Row():
                    as_jsonl = gr.DownloadButton("Prepare JSONL")
                    as_parquet = gr.DownloadButton("Prepare Parquet")
        with gr.Tab("Build a new one"):
            built = testsets_build.render(store)
        with gr.Tab("Compare two"):
            with gr.Row():
                first, second = gr.Dropdown([], label="One"), gr.Dropdown([], label="The other")
            compared = gr.HTML()
            with gr.Row():
                by_category, by_language = gr.Plot(show_label=False), gr.Plot(show_label=False)

    filters = [chosen, text, category, language, group, order, several]
    whole = [card, kinds, spread, category, language, group, place, groups, funnel, dropped]

    def arrive(request: gr.Request) -> tuple[Any, ...]:
        asked = dict(request.query_params or {})
        return *_menus(store, asked.get("testset", "")), _story(store, asked.get("instruction", ""))

    def renew(name: str) -> tuple[Any, ...]:
        return _menus(store, name)

    def show(name: str, colour_by: str) -> tuple[Any, ...]:
        return _show(store, name, colour_by)

    def tell(identity: str) -> str:
        return _story(store, identity)

    def open_cluster(words: str) -> tuple[Any, Any, str]:
        label, _, identity = words.partition(" ")
        value = int(label) if label.isdigit() else -1
        return gr.Dropdown(value=value), gr.Tabs(selected="list"), _story(store, identity)

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    page.load(arrive, None, [chosen, first, second, story], show_progress="hidden").then(
        show, [chosen, colour], whole, show_progress="hidden"
    )
    page.load(None, js=CLICKS)
    chosen.input(None, chosen, None, js=CHOOSE)
    chosen.input(show, [chosen, colour], whole)
    changed = [text.submit, text.blur, *(m.input for m in (category, language, group, order, several))]
    gr.on(changed, None, filters, None, js=FILTER)
    row.change(tell, row, story, show_progress="hidden").then(None, js=REVEAL)
    colour.input(lambda name, by: _place(store, name, by), [chosen, colour], place)
    picked.change(open_cluster, picked, [group, inside, story], show_progress="hidden").then(
        None, filters, None, js=FILTER
    )
    for ready, ending in ((as_jsonl, ".jsonl"), (as_parquet, ".parquet")):
        ready.click(lambda name, e=ending: _export(store, name, e), chosen, ready)
    for menu in (first, second):
        menu.input(lambda a, b: _compare(store, a, b), [first, second], [compared, by_category, by_language])
    built.change(renew, built, [chosen, first, second], show_progress="hidden").then(
        show, [chosen, colour], whole, show_progress="hidden"
    ).then(None, chosen, None, js=CHOOSE)


def _menus(store: Store, wanted: str) -> tuple[Any, Any, Any]:
    frame = catalog.testsets(store)
    names = frame["name"].to_list()
    labels = [
        (f"{row['name']}  ({row['size']:,}, {row['recipe']}, {row['purpose']})", row["name"])
        for row in frame.iter_rows(named=True)
    ]
    value = wanted if wanted in names else names[0] if names else None
    menu = gr.Dropdown(choices=labels)
    return gr.Dropdown(choices=labels, value=value), menu, menu


def _show(store: Store, name: str | None, colour: str) -> tuple[Any, ...]:
    every = gr.Dropdown(choices=[EVERY], value=EVERY)
    if not name:
        nothing = testsets_charts.shares(
            catalog.testsets(store).select(name="name", count="size"), "name", ""
        )
        text = "<p>No test set yet. <b>Build a new one</b> makes the first of what comes along.</p>"
        no_group = gr.Dropdown(choices=[(EVERY, -1)], value=-1)
        return text, nothing, nothing, every, every, no_group, nothing, "", nothing, ""
    card = catalog.card(store, name)
    stages = _stages(card.testset.settings.get("funnel"))
    clusters = catalog.clusters(store, name)
    return (
        card_html(card),
        testsets_charts.shares(card.categories, "category", "Categories"),
        testsets_charts.difficulties(card.difficulties, card.testset.difficulty),
        gr.Dropdown(choices=[EVERY, *filter(None, card.categories["category"].to_list())], value=EVERY),
        gr.Dropdown(choices=[EVERY, *filter(None, card.languages["language"].to_list())], value=EVERY),
        gr.Dropdown(
            choices=[
                (EVERY, -1),
                *((f"{r['number']}: {r['name']}", r["number"]) for r in clusters.to_dicts()),
            ],
            value=-1,
        ),
        _place(store, name, colour),
        _table(
            ["cluster", "typical words", "in the source", "in this set", "cohesion"],
            [
                [r["number"], r["name"], r["size"], r["picked"], r["cohesion"]]
                for r in clusters.head(500).to_dicts()
            ],
        ),
        testsets_charts.funnel(stages),
        dropped_html(stages),
    )


def _place(store: Store, name: str, colour: str) -> Any:
    names = {row["number"]: row["name"] for row in catalog.clusters(store, name).to_dicts()}
    return testsets_charts.place(catalog.points(store, name), names, colour)


def _stages(value: Json) -> list[Mapping[str, Json]]:
    return [stage for stage in value if isinstance(stage, dict)] if isinstance(value, list) else []


def _window(store: Store, offset: int, limit: int, query: dict[str, str]) -> Window:
    """Rows of the set that the address names (the newest without one), as its filters keep and order them."""
    names = catalog.testsets(store)["name"].to_list()
    name = query["testset"] if query.get("testset") in names else next(iter(names), "")
    cluster = query.get("cluster", "")
    kept = Filter(
        query.get("text", "")[:200],
        query.get("category", ""),
        query.get("language", ""),
        int(cluster) if cluster.isdigit() else None,
        multi_turn=query.get("several") == "1",
    )
    order = query["order"] if query.get("order") in ORDERS else "position"
    frame = catalog.window(store, name, kept, offset, limit, order)
    ids = frame["id"].to_list()
    cells = frame.select("position", "text", "turns", "category", "language", "cluster", "difficulty")
    links = [f"testsets?{urlencode({'testset': name, 'instruction': identity})}" for identity in ids]
    return Window(catalog.count(store, name, kept), [list(row) for row in cells.rows()], links)


def _table(headers: list[str], rows: list[list[object]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in headers)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape('' if v is None else str(v))}</td>" for v in row) + "</tr>"
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div style="overflow-x:auto">{table}</div>'


def card_html(card: catalog.Card) -> str:
    """A set at a glance."""
    made, settings = card.testset, card.testset.settings
    facts = settings.get("facts")
    named = facts if isinstance(facts, dict) else {}
    turns = {int(n): int(count) for n, count in card.turns.iter_rows()}
    several = sum(count for n, count in turns.items() if n > 1)
    parts = [
        f"<b>{made.size:,}</b> instructions for {'testing' if made.purpose == 'test' else 'training'}",
        f"recipe <b>{escape(made.recipe)}</b>, seed {made.seed}",
        f"from {escape(made.source)}",
        f"{several:,} with several turns (most: {max(turns, default=0)})",
        f"{card.clusters:,} clusters by {escape(made.embedding)}" if made.embedding else "not clustered",
        f"difficulty by {escape(made.difficulty)}" if made.difficulty else "difficulty not rated",
        f"content {escape(made.content_hash)}",
    ]
    if named:
        parts.append(", ".join(f"{escape(str(k))} {v:,}" for k, v in named.items() if isinstance(v, int)))
    touched = [s for s in _stages(settings.get("funnel")) if s["step"] in ("overlap", "neighbours")]
    if touched and settings.get("benchmarks"):
        leaks = sum(int(str(stage["dropped"])) for stage in touched)
        parts.append(f"{leaks:,} rows dropped as too close to benchmarks")
    else:
        parts.append("not checked against any benchmark")
    if made.recorded:
        parts.append("<b>recorded</b>: ships with the app")
    overlaps = [f"{escape(r['testset'])} ({r['shared']:,})" for r in card.overlaps.head(8).to_dicts()]
    shared = (
        f"<p>Shares instructions with {', '.join(overlaps)}.</p>"
        if overlaps
        else ("<p>Shares no instruction with any other set.</p>")
    )
    return f"<h3>{escape(made.name)}</h3><p>{' · '.join(parts)}</p>{shared}"


def dropped_html(stages: list[Mapping[str, Json]]) -> str:
    """Samples of what each step dropped, with the reason."""
    rows: list[list[object]] = []
    for stage in stages:
        samples = stage.get("samples")
        for sample in samples if isinstance(samples, list) else []:
            assert isinstance(sample, dict)
            rows.append([stage["step"], sample["line"], sample["reason"], sample["text"]])
    if not rows:
        return "<p>Nothing was dropped.</p>" if stages else ""
    return "<h4>Samples of what was dropped</h4>" + _table(["step", "line", "reason", "text"], rows)


def _story(store: Store, identity: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{16}", identity):
        return ""
    try:
        known = catalog.story(store, identity)
    except ArenaError as error:
        raise gr.Error(str(error)) from error
    return story_html(known)


def story_html(known: catalog.Story) -> str:
    """Everything known of one instruction; every text of others is escaped."""
    made = known.instruction
    turns = "".join(
        f'<blockquote style="white-space:pre-wrap">{escape(turn[:20_000])}</blockquote>'
        for turn in made.turns
    )
    facts = " · ".join(filter(None, (made.category, made.language, made.source, made.id)))
    parts = [f"<h3>Instruction</h3>{turns}<p>{escape(facts)}</p>"]
    if made.reference:
        parts.append(f"<p><b>Reference:</b> {escape(' / '.join(made.reference)[:2000])}</p>")
    if made.check:
        parts.append(f"<p><b>Code can check it:</b> {escape(str(dict(made.check)))}</p>")
    if known.picks:
        rows: list[list[object]] = [[p.testset, p.position, p.cluster, p.difficulty] for p in known.picks]
        parts.append("<h4>In these sets</h4>" + _table(["set", "position", "cluster", "difficulty"], rows))
    if known.difficulties:
        rows = [[d.rater, d.score, str(d.outcome), d.explanation[:300]] for d in known.difficulties]
        parts.append("<h4>Ratings of difficulty</h4>" + _table(["rater", "score", "outcome", "words"], rows))
    if known.responses:
        rows = [
            [r.contender, r.outcome, r.tokens_out, "\n---\n".join(r.answers)[:600]] for r in known.responses
        ]
        parts.append("<h4>Answers</h4>" + _table(["contender", "outcome", "tokens", "answer"], rows))
    if known.battles:
        rows = [
            [b.contender_a, b.contender_b, str(b.winner), b.score_a, b.score_b, b.judge]
            for b in known.battles
        ]
        parts.append("<h4>Battles</h4>" + _table(["A", "B", "winner", "score A", "score B", "judge"], rows))
    if not known.responses and not known.battles:
        parts.append("<p>Nobody has answered it yet.</p>")
    return "".join(parts)


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


def _compare(store: Store, first: str | None, second: str | None) -> tuple[str, Any, Any]:
    if not first or not second:
        return "<p>Choose two sets.</p>", None, None
    found = catalog.compare(store, first, second)
    rows: list[list[object]] = [
        ["instructions", found.first.testset.size, found.second.testset.size],
        ["recipe", found.first.testset.recipe, found.second.testset.recipe],
        ["source", found.first.testset.source, found.second.testset.source],
        ["seed", found.first.testset.seed, found.second.testset.seed],
        ["mean difficulty", _mean(found.first.difficulties), _mean(found.second.difficulties)],
        ["only here", found.only_first, found.only_second],
        ["in both", found.shared, found.shared],
    ]
    names = (first, second)
    return (
        _table(["", first, second], rows),
        testsets_charts.versus(found.first.categories, found.second.categories, "category", names),
        testsets_charts.versus(found.first.languages, found.second.languages, "language", names),
    )


def _mean(scores: list[float]) -> str:
    return f"{sum(scores) / len(scores):.2f}" if scores else "not rated"
