"""The flywheel: choose lost battles, look at them, train, watch, and send the checkpoint back to battle."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import yaml
from gradio.context import Context

from arena import jobs
from arena.flywheel import likelihood
from arena.flywheel.bouts import read_bouts
from arena.flywheel.lineage import lineage
from arena.flywheel.offers import curves, estimate, offer
from arena.flywheel.presets import PRESETS, settings_for
from arena.flywheel.rounds import FlywheelPlan, RoundPlan, paper_schedule, read_plan, write_plan
from arena.flywheel.selection import PAIRS, Selection
from arena.flywheel.strategies import NEEDS_SCORES, STRATEGIES
from arena.flywheel.train import check_student, launch, shell_command
from arena.flywheel.training_sets import Preview, leaks, make_training_set, preview
from arena.ratings import slices
from arena.records import ArenaError, BadInput, Contender, Json, Round, TrainingSet, content_id
from arena.store import Store
from pages import flywheel_charts, job_panel

ANY = "all"
READ_HEADERS = ["battle", "gap", "teacher", "instruction", "learn this", "instead of"]
MOST_READ = 25
"""Rows shown to read: no component gets a big value."""
TREE_HEADERS = ["checkpoint", "stage", "parent", "examples", "battles", "rating", "battle it"]


@dataclass(frozen=True)
class Wish:
    """What the form asks for."""

    student: str
    testset: str
    judge: str
    stage: str
    selection: Selection

    @staticmethod
    def of(form: tuple[Any, ...]) -> Wish:
        """The form's values in its order."""
        student, testset, judge, stage, strategy, k, at_least, pairs, flipped, balanced, size, per, out = form
        named = [line.strip() for line in (out or "").splitlines() if line.strip()]
        return Wish(
            student or "",
            "" if testset in (ANY, None) else testset,
            "" if judge in (ANY, None) else judge,
            stage,
            Selection(
                strategy=strategy,
                k=float(k or 0),
                at_least=bool(at_least),
                pairs=pairs,
                drop_flipped=bool(flipped),
                length_balanced=bool(balanced),
                size=int(size) if size else None,
                per_instruction=max(1, int(per or 1)),
                leave_out=tuple(named),
            ),
        )


def render(store: Store) -> None:  # noqa: PLR0915 - a page's layout and wiring read best in one piece
    """Layout, then wiring."""
    gr.Markdown(
        "# Flywheel\nBattles that a student lost become its lessons; the checkpoint they make battles again."
    )
    with gr.Row():
        with gr.Column(scale=2):
            gr.Markdown("## 1. Lessons")
            with gr.Row():
                student = gr.Dropdown([], label="Student", elem_id="flywheel-student")
                stage = gr.Dropdown(list(PRESETS), value="sft", label="Stage", elem_id="flywheel-stage")
            with gr.Row():
                testset = gr.Dropdown([ANY], value=ANY, label="Battles on", elem_id="flywheel-testset")
                judge = gr.Dropdown([ANY], value=ANY, label="Judged by")
            strategy = gr.Dropdown(
                list(STRATEGIES), value="pair-judge", label="Strategy", elem_id="flywheel-strategy"
            )
            k = gr.Slider(0, 9, 1, step=0.5, label="K: least score gap", elem_id="flywheel-k")
            with gr.Accordion("Filters and caps", open=False):
                at_least = gr.Checkbox(True, label="A gap of exactly K counts")
                pairs = gr.Dropdown(list(PAIRS), value="with-student", label="Pairs for DPO")
                flipped = gr.Checkbox(True, label="Drop battles whose two seat orders disagree")
                balanced = gr.Checkbox(False, label="Balance longer and shorter labels")
                with gr.Row():
                    size = gr.Number(None, label="Most examples", precision=0, minimum=1)
                    per = gr.Number(1, label="Most of one instruction", precision=0, minimum=1)
                out = gr.Textbox("", label="Battles to leave out, one a line", lines=2)
        with gr.Column(scale=3):
            found = gr.HTML(elem_id="flywheel-found")
            with gr.Row():
                k_plot = gr.Plot(show_label=False, elem_id="flywheel-along-k")
                category_plot = gr.Plot(show_label=False)
    rows = gr.Dataframe(
        headers=READ_HEADERS, datatype="str", interactive=False, wrap=True, max_height=360,
        label="Lessons to read (the first 25); click one to leave it out", elem_id="flywheel-rows",
    )  # fmt: skip
    gr.Markdown("## 2. Training")
    with gr.Row():
        name = gr.Textbox("", label="Name of the checkpoint", elem_id="flywheel-name")
        preset = gr.Dropdown(["cpu", "paper"], value="cpu", label="Preset")
        epochs = gr.Number(None, label="Epochs (empty: the preset's)", minimum=0)
        rate = gr.Number(None, label="Learning rate (empty: the preset's)", minimum=0)
        lora = gr.Number(0, label="LoRA rank (0: every weight)", precision=0, minimum=0)
        threads = gr.Number(1, label="Threads", precision=0, minimum=1)
        reward = gr.Dropdown(["checks"], value="checks", label="Reward (PPO, RLOO)")
    more = gr.Textbox("", label="Further settings of TRL, one NAME: VALUE a line", lines=2)
    cost = gr.HTML(elem_id="flywheel-cost")
    start_button = gr.Button("Train on these lessons", variant="primary", elem_id="flywheel-start")
    started = gr.HTML(elem_id="flywheel-started")
    job_panel.render(store, kinds=("train",), title="Training runs", most=4)
    with gr.Row():
        figure = gr.Dropdown(["loss"], value="loss", label="Curve", scale=1, elem_id="flywheel-figure")
        loss_plot = gr.Plot(show_label=False, scale=4, elem_id="flywheel-loss")
    gr.Markdown("## 3. Checkpoints")
    tree = gr.HTML(elem_id="flywheel-tree")
    with gr.Accordion("Rounds: the paper's schedule, or your own plan", open=False):
        gr.Markdown("Edit the plan, keep it, and run it with `python -m arena flywheel run PLAN.yaml`.")
        flow = gr.Plot(show_label=False)
        plan_text = gr.Code(_plan_text(), language="yaml", label="Plan", elem_id="flywheel-plan")
        plan_said = gr.HTML()
    timer = gr.Timer(2.0)

    form: list[Any] = [
        student, testset, judge, stage, strategy, k, at_least, pairs, flipped, balanced, size, per, out,
    ]  # fmt: skip
    training: list[Any] = [name, preset, epochs, rate, lora, threads, reward, more]

    def arrive() -> tuple[Any, ...]:
        return _arrive(store)

    def show_lessons(*values: Any) -> tuple[Any, ...]:
        return _lessons(store, values)

    def show_cost(*values: Any) -> str:
        return _cost(store, values)

    def suggest(student_name: str | None, stage_name: str) -> str:
        return _suggest(store, student_name, stage_name)

    def start(*values: Any) -> tuple[str, Any]:
        return _start(store, values), gr.Timer(active=True)

    def watch(chosen: str | None) -> tuple[Any, ...]:
        return _watch(store, chosen)

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    lessons = [found, k_plot, category_plot, rows]
    curve = [figure, loss_plot, tree, timer]
    page.load(arrive, None, [student, testset, judge, reward], show_progress="hidden").then(
        show_lessons, form, lessons, show_progress="hidden"
    ).then(suggest, [student, stage], name, show_progress="hidden").then(
        watch, figure, curve, show_progress="hidden"
    )
    page.load(lambda: gr.Timer(active=True), None, timer, show_progress="hidden")
    page.load(_flow, plan_text, [flow, plan_said], show_progress="hidden")
    gr.on(
        [component.change for component in form], show_lessons, form, lessons,
        show_progress="hidden", trigger_mode="always_last",
    )  # fmt: skip
    gr.on([student.change, stage.change], suggest, [student, stage], name, show_progress="hidden")
    gr.on(
        [component.change for component in [*form, preset, epochs, lora]],
        show_cost, [*form, *training], cost, show_progress="hidden", trigger_mode="always_last",
    )  # fmt: skip
    rows.select(leave_out, [rows, out], out, show_progress="hidden")
    start_button.click(start, [*form, *training], [started, timer], show_progress="hidden")
    figure.change(watch, figure, curve, show_progress="hidden")
    timer.tick(watch, figure, curve, show_progress="hidden")
    plan_text.change(_flow, plan_text, [flow, plan_said], show_progress="hidden", trigger_mode="always_last")


def _arrive(store: Store) -> tuple[Any, ...]:
    offered = offer(store)
    testsets = [(ANY, ANY), *((f"{name} ({n:,} battles)", name) for name, n in offered.testsets)]
    return (
        gr.Dropdown(choices=list(offered.students), value=offered.students[0] if offered.students else None),
        gr.Dropdown(choices=testsets, value=ANY),
        gr.Dropdown(choices=[ANY, *offered.judges], value=ANY),
        gr.Dropdown(choices=["checks", *offered.reward_models], value="checks"),
    )


def _preview(store: Store, wish: Wish) -> Preview:
    if not wish.student:
        raise BadInput("Choose a student: a contender that is a local model folder.")
    bouts = read_bouts(store, wish.testset, wish.judge, student=wish.student)
    scores = None
    if wish.selection.strategy in NEEDS_SCORES:
        scores = likelihood.scores(store, wish.student, bouts, wish.selection.strategy)
    return preview(bouts, wish.student, wish.stage, wish.selection, scores)


def _lessons(store: Store, values: tuple[Any, ...]) -> tuple[Any, ...]:
    wish = Wish.of(values)
    try:
        seen = _preview(store, wish)
    except ArenaError as error:
        return f'<p class="note">{escape(str(error))}</p>', None, None, [[""] * len(READ_HEADERS)]
    table = [
        [c.battle, f"{c.margin:g}", c.teacher, _short(c.turns), _short(c.chosen), _short(c.rejected)]
        for c in seen.selected.kept[:MOST_READ]
    ]
    return (
        found_html(seen),
        flywheel_charts.along_k(seen.curve, wish.selection.k),
        flywheel_charts.shares(seen.categories),
        table or [[""] * len(READ_HEADERS)],
    )


def _short(texts: tuple[str, ...], most: int = 160) -> str:
    text = " / ".join(texts)
    return text if len(text) <= most else text[:most] + "..."


def found_html(seen: Preview) -> str:
    """The selection in words: how many, from whom, how long, what fell and why."""
    kept = len(seen.selected.kept)
    teachers = ", ".join(f"{escape(r['teacher'])} {r['share']:.0%}" for r in seen.teachers.head(5).to_dicts())
    fell = "".join(
        f"<tr><td>{escape(why)}</td><td>{n:,}</td></tr>" for why, n in seen.selected.dropped.items()
    )
    lengths = sorted(seen.lengths["characters"].to_list())
    middle = f"{lengths[kept // 2]:,} characters in the middle, {lengths[-1]:,} at most." if kept else ""
    hard = ""
    if seen.difficulty is not None and seen.difficulty_whole is not None:
        hard = f"<p>Mean difficulty {seen.difficulty:.1f} against {seen.difficulty_whole:.1f} of all.</p>"
    head = "<thead><tr><th>left out because</th><th></th></tr></thead>"
    return (
        f"<h2>{kept:,} lessons</h2>"
        f"<p>of {seen.pool:,} battles that could teach, {seen.bouts:,} read. {middle}</p>"
        f"<p>Teachers: {teachers or 'none'}</p>{hard}"
        + (f"<table>{head}<tbody>{fell}</tbody></table>" if fell else "")
    )


def leave_out(rows: Any, out: str, event: gr.SelectData) -> str:
    """The list with the clicked battle added, or taken back if it was there."""
    battle = str(rows.iloc[event.index[0], 0]) if len(rows) else ""
    named = [line.strip() for line in (out or "").splitlines() if line.strip()]
    if not battle:
        return "\n".join(named)
    return "\n".join([n for n in named if n != battle] if battle in named else [*named, battle])


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
    try:
        changes = yaml.safe_load(more or "") or {}
    except yaml.YAMLError as error:
        raise BadInput(f"The further settings cannot be read: {error}") from error
    if not isinstance(changes, dict):
        raise BadInput("Write further settings as NAME: VALUE, one a line, e.g. warmup_steps: 10.")
    if epochs:
        changes["num_train_epochs"] = epochs
    if rate:
        changes["learning_rate"] = rate
    return changes


def _cost(store: Store, values: tuple[Any, ...]) -> str:
    wish, (_, preset, epochs, _, lora, *_) = Wish.of(values[:13]), values[13:]
    try:
        seen = _preview(store, wish)
        contender = store.get(Contender, wish.student)
        assert contender is not None
        folder = check_student(contender)
        settings = settings_for(wish.stage, preset, {})
    except ArenaError as error:
        return f'<p class="note">{escape(str(error))}</p>'
    rows = len(seen.selected.kept)
    mean = seen.lengths["characters"].mean() if rows else 0.0
    runs = float(epochs or str(settings.get("num_train_epochs", 1)))
    e = estimate(folder, wish.stage, rows, float(str(mean)), runs, bool(lora))
    return (
        f"<p>About {e.seconds / 60:,.0f} minutes of one quiet CPU core, {e.gigabytes:.1f} GiB of memory and "
        f"{e.disk:.1f} GiB of disk (within a factor of two).</p>"
    )


def _start(store: Store, values: tuple[Any, ...]) -> str:
    wish, (name, preset, epochs, rate, lora, threads, reward, more) = Wish.of(values[:13]), values[13:]
    try:
        if not wish.student:
            raise BadInput("Choose a student first.")
        bouts = read_bouts(store, wish.testset, wish.judge, student=wish.student)
        scores = None
        if wish.selection.strategy in NEEDS_SCORES:
            scores = likelihood.scores(store, wish.student, bouts, wish.selection.strategy)
        set_name = f"{name.strip()}-lessons"
        if store.get(TrainingSet, set_name) is not None:  # an earlier try with other lessons keeps its set
            set_name = f"{set_name}-{content_id(time.time())[:4]}"
        source: dict[str, Json] = {"testset": wish.testset, "judge": wish.judge}
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
        )
        make_training_set(store, set_name, wish.student, wish.stage, wish.selection, bouts, source, scores)
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
    return f"{warning}<p>Started. The same from a terminal:</p><pre>{escape(shell_command(job))}</pre>"


def _watch(store: Store, chosen: str | None) -> tuple[Any, ...]:
    """The curves and the tree; the timer rests when no training moves."""
    frame = curves(store.home)
    names = sorted(frame["figure"].unique().to_list(), key=lambda n: (n != "loss", n)) or ["loss"]
    shown = chosen if chosen and chosen in names else names[0]
    newest = [job for job in jobs.jobs(store.home) if job.kind == "train"][:4]
    statuses = [jobs.status(job) for job in newest]
    moving = any(s.active or (s.ended is not None and time.time() - s.ended < 10) for s in statuses)
    return (
        gr.Dropdown(choices=names, value=shown),
        flywheel_charts.training(frame, shown),
        _tree(store),
        gr.Timer(active=moving),
    )


def _tree(store: Store) -> str:
    """The family tree of checkpoints with ratings, each with a link to its next battle."""
    frame = lineage(store)
    if frame.is_empty():
        return '<p class="note">No checkpoints yet. Choose lessons above and train.</p>'
    ratings = _ratings(store)
    head = "".join(f"<th>{word}</th>" for word in TREE_HEADERS)
    body = "".join(
        f'<tr><td style="padding-left:{0.5 + 1.5 * row["depth"]}em">{escape(row["name"])}</td>'
        f"<td>{escape(row['stage'] or '')}</td><td>{escape(row['parent'] or '')}</td>"
        f"<td>{row['examples'] or ''}</td><td>{row['battles']:,}</td><td>{ratings.get(row['name'], '')}</td>"
        + (
            f'<td><a href="launch?contender={escape(row["name"])}">battle this checkpoint</a></td></tr>'
            if row["stage"] != "reward"
            else "<td></td></tr>"
        )
        for row in frame.to_dicts()
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _ratings(store: Store) -> dict[str, str]:
    """Contender -> rating and interval over all battles; empty while there is nothing to rate."""
    try:
        board = slices.board(store, slices.Slice())
    except ArenaError:
        return {}
    return {row.model: f"{row.rating:.0f}" for row in board.rows}


def _plan_text() -> str:
    plan = FlywheelPlan("paper", "base", ("teacher",), "judge", "mix", steps=paper_schedule())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.yaml"
        write_plan(plan, path)
        return path.read_text("utf-8")


def _flow(text: str) -> tuple[Any, str]:
    """The plan as a picture, or what is wrong with it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.yaml"
        path.write_text(text or "", "utf-8")
        try:
            plan = read_plan(path)
        except ArenaError as error:
            return gr.skip(), f'<p class="note">{escape(str(error).replace(str(path), "the plan"))}</p>'
    return flywheel_charts.flow(plan.steps), f"<p>{len(plan.steps)} steps; the plan is whole.</p>"
