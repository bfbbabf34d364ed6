"""Contenders: what can battle or judge, where it comes from, how fast it answers; add one, hide one."""

from __future__ import annotations

import argparse
from html import escape
from urllib.parse import quote

import gradio as gr
import polars as pl
from gradio.context import Context

from arena import sample
from arena.backends import catalog, embedded
from arena.backends.commands import described
from arena.records import ArenaError, BadInput, Contender
from arena.store import Store
from pages import job_panel

PLACES = {
    "Folder": ("path", "A folder with safetensors, tokenizer and chat template, e.g. /models/mine"),
    "Model hub": ("hub", "ORGANISATION/MODEL; needs a reachable hub"),
    "GGUF file": ("gguf", "One .gguf file, run by llama.cpp"),
    "Server": ("url", "OpenAI-compatible, e.g. http://127.0.0.1:8000/v1; several replicas with spaces"),
    "Recorded": ("recorded", "No place needed: its answers are imported"),
}
"""What the menu says -> the word of `contender add`, and what to write."""


def render(store: Store) -> None:  # noqa: PLR0915 - a page's layout and wiring read best in one piece
    gr.Markdown(
        "# Contenders\nEvery model that battles or judges. The embedded ones are real, small, and run on a CPU."
    )
    cards = gr.HTML(elem_id="contender-cards", apply_default_css=False)
    with gr.Accordion("Add a contender", open=False, elem_id="contender-add"):
        with gr.Row():
            name = gr.Textbox(label="Name", max_length=80, elem_id="contender-name")
            kind = gr.Dropdown(list(PLACES), value="Folder", label="Comes from", elem_id="contender-kind")
            place = gr.Textbox(
                label="Where", info=PLACES["Folder"][1], scale=2, elem_id="contender-place", max_length=2000
            )
        with gr.Row():
            model = gr.Textbox(label="Model id at the server", max_length=200)
            key = gr.Textbox(
                label="Variable that holds the key", info="its name, never the key", max_length=80
            )
            licence = gr.Textbox(label="Licence", max_length=80)
            organisation = gr.Textbox(label="Organisation", max_length=80)
        with gr.Row():
            system = gr.Textbox(label="System prompt", lines=2, scale=2, max_length=20_000)
            options = gr.Textbox(
                label="Options of its backend", lines=2, scale=2, max_length=20_000, elem_id="contender-options",
                info="one NAME=VALUE a line, e.g. max_in_flight=16 or chat_template=...",
            )  # fmt: skip
        with gr.Row():
            temperature = gr.Slider(0, 2, 0.7, step=0.05, label="Temperature")
            top_p = gr.Slider(0.01, 1, 1, step=0.01, label="top_p")
            tokens = gr.Number(256, label="Most new tokens a turn", precision=0, minimum=1)
        add = gr.Button("Add contender", variant="primary", elem_id="contender-save")
    with gr.Row(equal_height=True):
        hidden = gr.Dropdown([], label="Hide from the menus (what it fought stays)", scale=3)
        hide = gr.Button("Hide", scale=0)
        fetch = gr.Button("Fetch the embedded models", elem_id="contender-fetch", scale=1)
    job_panel.render(store, ("models",), "Fetching", most=2)

    def show() -> tuple[str, object]:
        return cards_html(store), gr.Dropdown(choices=_names(store), value=None)

    def explain(chosen: str) -> object:
        return gr.Textbox(info=PLACES[chosen][1], interactive=chosen != "Recorded")

    def save(*values: object) -> tuple[object, ...]:
        try:
            store.save([_described(store, values)])
        except ArenaError as error:
            raise gr.Error(str(error), duration=None) from error
        gr.Info(f"Added {values[0]}.")
        return *show(), "", ""

    def remove(chosen: str | None) -> tuple[str, object]:
        if not chosen:
            raise gr.Error("Choose a contender to hide.")
        try:
            catalog.hide(store, chosen)
        except ArenaError as error:
            raise gr.Error(str(error)) from error
        return show()

    def bring() -> None:
        try:
            sample.launch_fetch(store)
        except ArenaError as error:
            raise gr.Error(str(error)) from error

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    page.load(show, None, [cards, hidden], show_progress="hidden")
    kind.input(explain, kind, place, show_progress="hidden")
    form = [name, kind, place, model, key, licence, organisation, system, options, temperature, top_p, tokens]
    add.click(save, form, [cards, hidden, name, place])
    hide.click(remove, hidden, [cards, hidden])
    fetch.click(bring, None, None).then(None, js="() => { Arena.refresh(); return []; }")


def _described(store: Store, values: tuple[object, ...]) -> Contender:
    """The contender that the form describes; raises BadInput with what to mend."""
    name, kind, place, model, key, licence, organisation, system, options, temperature, top_p, tokens = values
    word = PLACES[str(kind)][0]
    where = str(place or "").strip()
    if not where and word != "recorded":
        raise BadInput("Say where the model is: a folder, a file, a hub id or a server's address.")
    words = {option: None for option, _ in PLACES.values()} | {"recorded": word == "recorded"}
    if word != "recorded":
        words[word] = where.split() if word == "url" else where  # type: ignore[assignment]  # argparse's own shapes
    contender = described(
        argparse.Namespace(
            **words, name=str(name or "").strip(), backend=None, model=str(model or ""), key_env=str(key or ""),
            system=str(system or ""), temperature=float(str(temperature)), top_p=float(str(top_p)),
            max_tokens=int(float(str(tokens or 256))), option=str(options or "").splitlines(), seed=0, stop=[],
            licence=str(licence or ""), organisation=str(organisation or ""), description="",
        )
    )  # fmt: skip
    held = store.get(Contender, contender.name)
    if held is not None and not held.hidden:
        raise BadInput(f"There is a contender {contender.name!r} already; choose another name.")
    return contender


def _names(store: Store) -> list[str]:
    return catalog.contenders(store).filter(~pl.col("hidden"))["name"].to_list()


def cards_html(store: Store) -> str:
    """One card a contender, the embedded ones with whether they are here."""
    frame = catalog.contenders(store).filter(~pl.col("hidden"))
    if frame.is_empty():
        return '<p class="empty">No contenders yet. Add one below, or fetch the embedded models.</p>'
    return f'<div class="grid">{"".join(_card(store, row) for row in frame.iter_rows(named=True))}</div>'


def _card(store: Store, row: dict[str, object]) -> str:
    name = str(row["name"])
    tags = [f"<span class=chip>{escape(str(row['backend']).replace('_', ' '))}</span>"]
    if name in embedded.EMBEDDED:
        ready = embedded.is_ready(store.home, name)
        tags.append(f"<span class=chip>{'embedded, ready' if ready else 'embedded, not fetched'}</span>")
    if row["recorded"] and row["backend"] != "recorded":
        tags.append("<span class=chip>recorded</span>")
    facts = [("Licence", row["licence"]), ("From", row["organisation"]), ("Battles", f"{row['battles']:,}")]
    if row["parent"]:
        facts.append(("Trained from", f"{row['parent']} by {str(row['stage']).upper()}"))
    if row["rate"]:
        facts.append(("Measured", f"{row['rate']:.0f} tokens/s a call"))
    listed = "".join(f"<dt>{what}</dt><dd>{escape(str(value))}</dd>" for what, value in facts if value)
    return (
        f'<article class="card contender"><h3>{escape(name)}</h3><p class=chips>{"".join(tags)}</p>'
        f"<p>{escape(str(row['description']))}</p><dl class=facts>{listed}</dl>"
        f'<p><a href="./launch?contender={quote(name)}">Battle it</a></p></article>'
    )
