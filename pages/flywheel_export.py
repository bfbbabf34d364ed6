"""A run's curve for those who keep theirs elsewhere: a CSV to download, or into TensorBoard or trackio here."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from arena import jobs
from arena.flywheel.curves import FORMS, write
from arena.flywheel.launchers import ROOT
from arena.records import ArenaError, BadInput
from arena.store import Store

PLACES = {"tensorboard": "tensorboard", "trackio": "wizardarena"}
"""Form -> a folder in the arena's `curves`; for trackio, whose runs lie elsewhere, the project's name."""
LOOK = {"tensorboard": "tensorboard --logdir {place}", "trackio": "trackio show --project {place.name}"}
"""How to look at what was written."""


def render(store: Store) -> None:
    """Layout, then wiring."""
    with gr.Row(equal_height=True):
        run = gr.Dropdown([], label="Run to export", elem_id="flywheel-export-run", scale=2)
        form = gr.Dropdown(list(FORMS), value="csv", label="As", elem_id="flywheel-export-form")
        file = gr.DownloadButton("Prepare the curve", elem_id="flywheel-export")
    said = gr.HTML(elem_id="flywheel-exported")

    def runs() -> Any:
        return gr.Dropdown(choices=_runs(store))

    def arrive() -> Any:
        found = _runs(store)
        return gr.Dropdown(choices=found, value=found[0][1] if found else None)

    def export(run_id: str | None, wanted: str) -> tuple[Any, str]:
        try:
            return _export(store, run_id or "", wanted)
        except ArenaError as error:
            raise gr.Error(str(error)) from error

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    page.load(arrive, None, run, show_progress="hidden")
    run.focus(runs, None, run, show_progress="hidden")  # one may have begun since
    gr.on([run.change, form.change], _fresh, None, [file, said], show_progress="hidden")
    file.click(export, [run, form], [file, said], show_progress="hidden")


def _runs(store: Store) -> list[tuple[str, str]]:
    """The trainings, newest first."""
    return [(job.title, job.id) for job in jobs.jobs(store.home) if job.kind == "train"]


def _fresh() -> tuple[Any, str]:
    """Another run needs another file."""
    return gr.DownloadButton("Prepare the curve", value=None, variant="secondary"), ""


def _export(store: Store, run_id: str, form: str) -> tuple[Any, str]:
    """A CSV is handed to the button: the first click prepares, the second downloads.

    Raises:
        BadInput: no run, nothing to draw yet, or a program that is not installed.
    """
    if not run_id:
        raise BadInput("Train first, or choose a run.")
    job = jobs.find(store.home, run_id)
    if form == "csv":
        path = Path(tempfile.mkdtemp(prefix="curve-")) / f"{job.id}.csv"
        write(job, path, "csv")
        return gr.DownloadButton(f"Download {path.name}", value=str(path), variant="primary"), ""
    place = store.home.resolve() / "curves" / PLACES[form]
    place.mkdir(parents=True, exist_ok=True)
    # A process of its own: these programs bring torch, or a server, into the one that asks.
    home = str(store.home.resolve())
    words = ["train", "curve", job.id, str(place), "--form", form, "--home", home]
    done = subprocess.run(
        [sys.executable, "-m", "arena", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["It ended without a word."])[-1]
        raise BadInput(last.removeprefix("Error: "))
    look = LOOK[form].format(place=place)
    return gr.skip(), f"<p>Written. Look at it with <code>{escape(look)}</code></p>"
