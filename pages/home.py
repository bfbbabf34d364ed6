"""Home."""

from __future__ import annotations

import gradio as gr

from arena.store import Store
from pages import job_panel


def render(store: Store) -> None:
    gr.Markdown("# WizardArena")
    job_panel.render(store)
