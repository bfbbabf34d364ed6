"""The flywheel: choose lost battles, look at them, train, watch, and send the checkpoint back to battle."""

from __future__ import annotations

import gradio as gr

from arena.conductor import Conductor
from arena.store import Store
from pages import (
    flywheel_ablations,
    flywheel_checkpoints,
    flywheel_exams,
    flywheel_lessons,
    flywheel_rounds,
    flywheel_training,
)


def render(store: Store) -> None:
    """How far training came, then a tab for each way on; every panel wires itself."""
    gr.Markdown(
        "# Flywheel\nBattles that a student lost become its lessons; the checkpoint they make battles again."
    )
    flywheel_checkpoints.render(store)
    conductor = Conductor(store)  # one for both: it holds the threads of runs
    with gr.Tabs():
        with gr.Tab("Lessons and training"):
            form = flywheel_lessons.render(store)
            flywheel_training.render(store, form)
        with gr.Tab("Rounds"):
            flywheel_rounds.render(store, conductor)
        with gr.Tab("Ablations"):
            flywheel_ablations.render(store, conductor)
        with gr.Tab("More benchmarks"):
            flywheel_exams.render(store)
