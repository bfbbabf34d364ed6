"""Compare runs, judges, or a contender before and after training: what changed sides, with links."""

from __future__ import annotations

import dataclasses

import gradio as gr

from arena.battles import compare
from arena.records import ArenaError
from arena.store import Store
from pages.theme import when_ready


def render(store: Store) -> None:
    """Three menus in the address, a table of outcomes, the changed instructions."""

    def choices_of(asked: dict[str, object]) -> dict[str, object]:
        try:
            return {"choices": compare.choices(store, str(asked.get("kind") or "judges"))}
        except ArenaError as error:
            return {"error": str(error)}

    def start_of(_: dict[str, object]) -> dict[str, str]:
        return compare.start(store)

    def compare_of(asked: dict[str, object]) -> dict[str, object]:
        words = [str(asked.get(name) or "") for name in ("kind", "left", "right")]
        try:
            return dataclasses.asdict(compare.compare(store, *words))
        except ArenaError as error:
            return {"error": str(error)}

    gr.HTML(
        html_template='<div class="compare-root"><h1>Compare runs</h1></div>',
        kinds=compare.KINDS,
        words=list(compare.WORDS),
        js_on_load=when_ready("ArenaCompare(element, server, props)", "ArenaCompare"),
        server_functions=[start_of, choices_of, compare_of],
        apply_default_css=False,
    )
