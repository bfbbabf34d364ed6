"""More benchmarks: MT-Bench's grades and lm-evaluation-harness, beside the arena's ratings, iteration by iteration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from arena import jobs
from arena.battles import fight
from arena.battles.jury_room import ensure_judge
from arena.flywheel import harness
from arena.flywheel.grades import grades
from arena.records import ArenaError, BadInput, Contender, Judge, TestSet
from arena.store import Store
from pages import flywheel_training, job_panel
from pages.flywheel_checkpoints import ratings
from pages.table import table

KINDS = ("harness", "battle")


def render(store: Store) -> None:
    """Layout, then wiring."""
    gr.Markdown(
        "MT-Bench lets a judge grade each answer alone, 1 to 10, here on any test set; "
        "lm-evaluation-harness asks tasks with known answers, where it is installed."
    )
    with gr.Row():
        with gr.Column():
            graded = gr.Dropdown([], multiselect=True, label="Contenders to grade", elem_id="flywheel-graded")
            with gr.Row():
                testset = gr.Dropdown([], label="Test set", elem_id="flywheel-graded-on")
                judge = gr.Dropdown([], label="Judge", elem_id="flywheel-grader")
            grade_button = gr.Button("Grade their answers", elem_id="flywheel-grade")
        with gr.Column():
            with gr.Row():
                model = gr.Dropdown([], label="Checkpoint", elem_id="flywheel-harnessed")
                tasks = gr.Textbox("general", label="Tasks, with commas", elem_id="flywheel-tasks")
            with gr.Row():
                folder = gr.Textbox("", label="Folder of task files (empty: those that come with the app)")
                limit = gr.Number(0, label="Most questions a task (0: all)", precision=0, minimum=0)
            harness_button = gr.Button("Run lm-evaluation-harness", elem_id="flywheel-harness")
    job_panel.render(store, kinds=KINDS, title="Benchmark runs", most=3)
    table = gr.HTML(elem_id="flywheel-exams")
    timer = gr.Timer(3.0)

    def arrive() -> tuple[Any, ...]:
        return _menus(store)

    def grade(names: list[str] | None, on: str | None, by: str | None) -> None:
        try:
            start_grading(store, tuple(names or ()), on or "", by or "")
        except ArenaError as error:
            raise gr.Error(str(error)) from error

    def evaluate(name: str | None, named: str, where: str, most: float | None) -> None:
        wanted = tuple(task.strip() for task in named.split(",") if task.strip())
        try:
            harness.launch(store, name or "", wanted, Path(where) if where.strip() else None, int(most or 0))
        except ArenaError as error:
            raise gr.Error(str(error)) from error

    def watch() -> Any:
        return table_html(store) if flywheel_training.moving(store, KINDS) else gr.skip()

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    page.load(arrive, None, [graded, testset, judge, model], show_progress="hidden")
    page.load(lambda: table_html(store), None, table, show_progress="hidden")
    grade_button.click(grade, [graded, testset, judge], None, show_progress="hidden")
    harness_button.click(evaluate, [model, tasks, folder, limit], None, show_progress="hidden")
    timer.tick(watch, None, table, show_progress="hidden")


def _menus(store: Store) -> tuple[Any, ...]:
    talkers = store.load(Contender, "NOT hidden AND stage <> 'reward'", order="made_at")
    names = [c.name for c in talkers]
    judging = {j.contender for j in store.load(Judge)}
    # Models that judge stand first; any other can be asked as well.
    graders = sorted(names, key=lambda name: name not in judging)
    sets = [t.name for t in store.load(TestSet, "purpose <> 'train'", order="name")]
    trained = [c.name for c in talkers if c.backend == "local_transformers"]
    return (
        gr.Dropdown(choices=names, value=[]),
        gr.Dropdown(choices=sets, value=sets[0] if sets else None),
        gr.Dropdown(choices=graders, value=graders[0] if graders else None),
        gr.Dropdown(choices=trained, value=trained[-1] if trained else None),
    )


def start_grading(store: Store, names: tuple[str, ...], testset: str, judge: str) -> jobs.Job:
    """Answers and grades in one job of battles; the grades settle battles too.

    Raises:
        BadInput: fewer than two contenders, or a name that is not there.
    """
    if len(set(names)) < 2:  # before the judge is kept
        raise BadInput("Choose at least two contenders to grade; their grades settle battles too.")
    grader = ensure_judge(store, judge, "single").name
    return fight.launch(store, fight.FightSettings(testset, names, grader))


def table_html(store: Store) -> str:
    """Everything measured of a contender in one row, by iteration."""
    graded, scored, rated = grades(store), harness.scores(store.home), ratings(store)
    names = {g.contender for g in graded} | {s.contender for s in scored}
    if not names:
        return '<p class="note">Nothing has been graded or evaluated yet.</p>'
    judges = sorted({g.judge for g in graded})
    tasks = sorted({(s.task, s.metric) for s in scored})
    heads = ["contender", "iteration", "arena rating", *(f"MT-Bench grade by {j}" for j in judges)]
    heads += [f"{task}, {metric}" for task, metric in tasks]
    rows = []
    for contender in sorted(
        store.load(Contender, order="made_at"), key=lambda c: c.iteration if c.iteration is not None else -1
    ):
        name = contender.name
        if name not in names:
            continue
        by = {g.judge: g for g in graded if g.contender == name}
        found = {(s.task, s.metric): s for s in scored if s.contender == name}
        cells = [name, "" if contender.iteration is None else f"I{contender.iteration}", rated.get(name, "")]
        for j in judges:
            g = by.get(j)
            span = f" ({g.low:.2f} to {g.high:.2f})" if g and g.low is not None and g.high is not None else ""
            cells.append(f"{g.mean:.2f}{span}, {g.instructions} answers" if g else "")
        for key in tasks:
            s = found.get(key)
            error = f" ± {1.96 * s.error:.3f}" if s and s.error is not None else ""
            cells.append(f"{s.value:.3f}{error}" if s else "")
        rows.append(cells)
    return table(heads, rows, left=1)
