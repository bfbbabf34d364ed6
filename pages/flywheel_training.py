"""Training: settings, what it will cost, the start, and the curves of all recent rounds."""

from __future__ import annotations

import time
from html import escape
from typing import Any

import gradio as gr
from gradio.context import Context

from arena import jobs
from arena.flywheel.launchers import LAUNCHERS, shell_command
from arena.flywheel.offers import curves, estimate, offer
from arena.flywheel.presets import settings_for
from arena.flywheel.rounds import RoundPlan, read_yaml
from arena.flywheel.train import check_student, launch
from arena.flywheel.training_sets import leaks
from arena.records import ArenaError, Contender, Json, Round, TrainingSet, content_id
from arena.store import Store
from pages import flywheel_charts, flywheel_export, flywheel_lessons, job_panel
from pages.flywheel_lessons import Form, Wish

FIELDS = 16
"""Of the lessons' form, which come first."""


def render(store: Store, form: Form) -> None:
    """Layout, then wiring."""
    gr.Markdown("## Training")
    with gr.Row():
        name = gr.Textbox("", label="Name of the checkpoint", elem_id="flywheel-name")
        preset = gr.Dropdown(["cpu", "paper"], value="cpu", label="Preset")
        epochs = gr.Number(None, label="Epochs (0: the preset's)", minimum=0)
        rate = gr.Number(None, label="Learning rate (0: the preset's)", minimum=0)
    with gr.Row():
        lora = gr.Number(0, label="LoRA rank (0: every weight)", precision=0, minimum=0)
        threads = gr.Number(1, label="Threads", precision=0, minimum=1)
        reward = gr.Dropdown(["checks"], value="checks", label="Reward (PPO, RLOO)")
        aside = gr.Slider(
            0, 0.5, 0, step=0.05, label="Share kept aside for an eval curve", elem_id="flywheel-aside"
        )
    more = gr.Textbox("", label="Further settings of TRL, one NAME: VALUE a line", lines=2)
    cost = gr.HTML(elem_id="flywheel-cost")
    start_button = gr.Button("Train on these lessons", variant="primary", elem_id="flywheel-start")
    started = gr.HTML(elem_id="flywheel-started")
    job_panel.render(store, kinds=("train",), title="Training runs", most=4)
    with gr.Row():
        figure = gr.Dropdown(["loss"], value="loss", label="Curve", scale=1, elem_id="flywheel-figure")
        loss_plot = gr.Plot(show_label=False, scale=4, elem_id="flywheel-loss")
    flywheel_export.render(store)
    timer = gr.Timer(2.0)
    training: list[Any] = [name, preset, epochs, rate, lora, threads, reward, aside, more]

    def arrive() -> Any:
        return gr.Dropdown(choices=["checks", *offer(store).reward_models], value="checks")

    def show_cost(*values: Any) -> str:
        return _cost(store, values)

    def suggest(student_name: str | None, stage_name: str) -> str:
        return _suggest(store, student_name, stage_name)

    def start(*values: Any) -> str:
        return _start(store, values)

    def show(chosen: str | None) -> tuple[Any, ...]:
        return _curves(store, chosen)

    def watch(chosen: str | None) -> tuple[Any, ...]:
        """It never sleeps: the panel above can set a training going again."""
        return _curves(store, chosen) if moving(store) else (gr.skip(), gr.skip())

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    curve = [figure, loss_plot]
    page.load(arrive, None, reward, show_progress="hidden").then(show, figure, curve, show_progress="hidden")
    gr.on(
        [form.student.change, form.stage.change],
        suggest,
        [form.student, form.stage],
        name,
        show_progress="hidden",
    )
    gr.on(
        [component.change for component in [*form.fields, preset, epochs, lora]],
        show_cost, [*form.fields, *training], cost, show_progress="hidden", trigger_mode="always_last",
    )  # fmt: skip
    start_button.click(start, [*form.fields, *training], started, show_progress="hidden")
    figure.change(show, figure, curve, show_progress="hidden")
    timer.tick(watch, figure, curve, show_progress="hidden")


def _suggest(store: Store, student: str | None, stage: str) -> str:
    """A free name for the next checkpoint."""
    if not student:
        return ""
    for number in range(1, 1000):
        name = f"{student}-{stage}-{number}"
        if store.get(Contender, name) is None and store.get(Round, name) is None:
            return name
    return ""


def round_settings(preset: str, epochs: float | None, rate: float | None, more: str) -> dict[str, Json]:
    """Changes to a preset as the form has them.

    Raises:
        BadInput: the further settings are not NAME: VALUE lines.
    """
    changes = read_yaml(more or "", "The box of further settings")
    if epochs:
        changes["num_train_epochs"] = epochs
    if rate:
        changes["learning_rate"] = rate
    return changes


def _cost(store: Store, values: tuple[Any, ...]) -> str:
    wish, (_, preset, epochs, _, lora, *_) = Wish.of(values[:FIELDS]), values[FIELDS:]
    try:
        shown = flywheel_lessons.seen(store, wish)
        contender = store.get(Contender, wish.student)
        assert contender is not None
        folder = check_student(contender)
        settings = settings_for(wish.stage, preset, {})
    except ArenaError as error:
        return f'<p class="note">{escape(str(error))}</p>'
    rows = len(shown.selected.kept)
    mean = shown.lengths["characters"].mean() if rows else 0.0
    runs = float(epochs or str(settings.get("num_train_epochs", 1)))
    e = estimate(folder, wish.stage, rows, float(str(mean)), runs, bool(lora))
    return (
        f"<p>About {e.seconds / 60:,.0f} minutes of one quiet CPU core, {e.gigabytes:.1f} GiB of memory and "
        f"{e.disk:.1f} GiB of disk (within a factor of two).</p>"
    )


def _start(store: Store, values: tuple[Any, ...]) -> str:
    wish = Wish.of(values[:FIELDS])
    name, preset, epochs, rate, lora, threads, reward, aside, more = values[FIELDS:]
    set_name = f"{name.strip()}-lessons"
    try:
        if store.get(TrainingSet, set_name) is not None:  # an earlier try with other lessons keeps its set
            set_name = f"{set_name}-{content_id(time.time())[:4]}"
        plan = RoundPlan(
            name.strip(),
            wish.stage,
            wish.student,
            set_name,
            preset=preset,
            settings=round_settings(preset, epochs, rate, more),
            lora={"r": int(lora)} if lora else {},
            reward="" if reward in ("checks", None) else reward,
            threads=int(threads or 1),
            aside=float(aside or 0),
        )
        flywheel_lessons.make(store, set_name, wish)
        leaked = len(leaks(store, set_name))
        job = launch(store, plan)
    except ArenaError as error:
        raise gr.Error(str(error)) from error
    warning = (
        f'<p class="note">{leaked} lessons are also in a held-out test set: ratings on it will flatter the '
        "checkpoint. Use a train split for lessons where you can.</p>"
        if leaked
        else ""
    )
    commands = "".join(
        f"<p>{escape(how)}</p><pre>{escape(shell_command(job, how))}</pre>" for how in LAUNCHERS
    )
    told = f"<details><summary>The same from a terminal</summary>{commands}</details>"
    return f"{warning}<p>Started.</p>{told}"


def _curves(store: Store, chosen: str | None) -> tuple[Any, ...]:
    frame = curves(store)
    names = sorted(frame["figure"].unique().to_list(), key=lambda n: (n != "loss", n)) or ["loss"]
    shown = chosen if chosen and chosen in names else names[0]
    return (
        gr.Dropdown(choices=names, value=shown),
        flywheel_charts.training(frame, shown),
    )


def moving(store: Store, kinds: tuple[str, ...] = ("train",)) -> bool:
    """Whether a training runs, or ended so lately that its records may still be on their way."""
    newest = [jobs.status(job) for job in jobs.jobs(store.home) if job.kind in kinds][:4]
    return any(s.active or (s.ended is not None and time.time() - s.ended < 10) for s in newest)
