"""Lessons: choose battles by strategy, see what they hold, leave some out by hand, keep and export them."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from arena.flywheel import likelihood
from arena.flywheel.bouts import Bout, read_bouts
from arena.flywheel.offers import offer
from arena.flywheel.presets import PRESETS
from arena.flywheel.selection import PAIRS, Candidate, Selection, reads_others
from arena.flywheel.strategies import NEEDS_SCORES, STRATEGIES
from arena.flywheel.training_sets import (
    EXPORTS,
    Preview,
    export,
    make_training_set,
    preview,
    training_sets,
)
from arena.records import ArenaError, BadInput, Contender, Json, TrainingSet, content_id
from arena.store import Store
from pages import flywheel_charts
from pages.flywheel_found import found_html, tokens_html

ANY = "all"
READ_HEADERS = ["battle", "by hand", "gap", "teacher", "instruction", "learn this", "instead of"]
MOST_READ = 25
"""Rows shown to read: no component gets a big value."""
MOST_BATTLES = 100_000
"""Battles looked at while somebody waits, about ten seconds; the terminal knows no limit."""
ENDINGS = {"jsonl": ".jsonl", "parquet": ".parquet", "trl": ".trl.jsonl"}


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
        student, testset, judge, stage, strategy, k, at_least, pairs, flipped, unfinished = form[:10]
        balanced, longest, size, per, per_teacher, out = form[10:]
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
                drop_unfinished=bool(unfinished),
                length_balanced=bool(balanced),
                most_characters=int(longest) if longest else None,
                size=int(size) if size else None,
                per_instruction=max(1, int(per or 1)),
                per_teacher=int(per_teacher) if per_teacher else None,
                leave_out=tuple(named),
            ),
        )


@dataclass(frozen=True)
class Form:
    """The components that other panels read."""

    student: Any
    stage: Any
    fields: list[Any]
    """In the order of `Wish.of`."""


def render(store: Store) -> Form:
    """Layout, then wiring."""
    with gr.Row():
        with gr.Column(scale=2):
            gr.Markdown("## Lessons")
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
                filters = _filters()
                out = gr.Textbox(
                    "", label="Battles to leave out, one a line", lines=2, elem_id="flywheel-left-out"
                )
        with gr.Column(scale=3):
            found = gr.HTML(elem_id="flywheel-found")
            with gr.Row():
                k_plot = gr.Plot(show_label=False, elem_id="flywheel-along-k")
                category_plot = gr.Plot(show_label=False)
    rows = gr.Dataframe(
        headers=READ_HEADERS, datatype="str", interactive=False, wrap=True, max_height=360,
        column_widths=["10%", "9%", "6%", "12%", "21%", "21%", "21%"],
        label="The first 25 lessons, then those left out by hand; click one to leave it out or take it back",
        elem_id="flywheel-rows",
    )  # fmt: skip
    with gr.Accordion("Keep and export training sets", open=False, elem_id="flywheel-keep"):
        with gr.Row():
            set_name = gr.Textbox("", label="Name of the set", elem_id="flywheel-set-name")
            keep_button = gr.Button("Keep these lessons as a set", elem_id="flywheel-set-keep")
        with gr.Row():
            kept = gr.Dropdown([], label="Set", elem_id="flywheel-set")
            form_of = gr.Dropdown(
                [("JSONL, all fields", "jsonl"), ("Parquet, all fields", "parquet"), ("JSONL in TRL's shape", "trl")],
                value="jsonl", label="Form", elem_id="flywheel-set-form",
            )  # fmt: skip
            file = gr.DownloadButton("Prepare the file", elem_id="flywheel-set-file")

    fields: list[Any] = [student, testset, judge, stage, strategy, k, *filters, out]

    def arrive() -> tuple[Any, ...]:
        return _arrive(store)

    def show_lessons(*values: Any) -> tuple[Any, ...]:
        return _lessons(store, values)

    def keep(name: str, *values: Any) -> Any:
        return _keep(store, name, values)

    def prepare(name: str | None, form: str) -> Any:
        return _export(store, name, form)

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    shown = [found, k_plot, category_plot, rows]
    page.load(arrive, None, [student, testset, judge, kept], show_progress="hidden").then(
        show_lessons, fields, shown, show_progress="hidden"
    )
    gr.on(
        [component.change for component in fields], show_lessons, fields, shown,
        show_progress="hidden", trigger_mode="always_last",
    )  # fmt: skip
    rows.select(leave_out, [rows, out], out, show_progress="hidden")
    keep_button.click(keep, [set_name, *fields], kept, show_progress="hidden")
    file.click(prepare, [kept, form_of], file, show_progress="hidden")
    gr.on([kept.change, form_of.change], fresh_button, None, file, show_progress="hidden")
    return Form(student, stage, fields)


def _filters() -> list[Any]:
    """In the order of `Wish.of`."""
    at_least = gr.Checkbox(True, label="A gap of exactly K counts")
    pairs = gr.Dropdown(list(PAIRS), value="with-student", label="Pairs for DPO")
    flipped = gr.Checkbox(True, label="Drop battles whose two seat orders disagree")
    unfinished = gr.Checkbox(True, label="Drop labels that ran into the token limit")
    balanced = gr.Checkbox(False, label="Balance longer and shorter labels")
    with gr.Row():
        size = gr.Number(None, label="Most examples", precision=0, minimum=1)
        longest = gr.Number(None, label="Most characters", precision=0, minimum=1, elem_id="flywheel-longest")
    with gr.Row():
        per = gr.Number(1, label="Most of one instruction", precision=0, minimum=1)
        per_teacher = gr.Number(
            None,
            label="Most of one teacher",
            precision=0,
            minimum=1,
            elem_id="flywheel-per-teacher",
        )
    return [at_least, pairs, flipped, unfinished, balanced, longest, size, per, per_teacher]


def _arrive(store: Store) -> tuple[Any, ...]:
    offered = offer(store)
    testsets = [(ANY, ANY), *((f"{name} ({n:,} battles)", name) for name, n in offered.testsets)]
    return (
        gr.Dropdown(choices=list(offered.students), value=offered.students[0] if offered.students else None),
        gr.Dropdown(choices=testsets, value=ANY),
        gr.Dropdown(choices=[ANY, *offered.judges], value=ANY),
        _sets_menu(store),
    )


def _sets_menu(store: Store, chosen: str | None = None) -> Any:
    known = [
        (f"{r['name']} ({r['stage']}, {r['size']:,})", r["name"]) for r in training_sets(store).to_dicts()
    ]
    return gr.Dropdown(choices=known, value=chosen or (known[0][1] if known else None))


def material(store: Store, wish: Wish) -> tuple[list[Bout], dict[str, float] | None]:
    """The battles a wish chooses among, and the figures its strategy needs.

    Raises:
        BadInput: no student is chosen.
    """
    if not wish.student:
        raise BadInput("Choose a student: a contender that is a local model folder.")
    others = reads_others(wish.stage, wish.selection)
    bouts = read_bouts(
        store, wish.testset, wish.judge, student=wish.student, others=others, most=MOST_BATTLES
    )
    scores = None
    if wish.selection.strategy in NEEDS_SCORES:
        scores = likelihood.scores(store, wish.student, bouts, wish.selection.strategy)
    return bouts, scores


def seen(store: Store, wish: Wish) -> Preview:
    """What the wish would train on."""
    bouts, scores = material(store, wish)
    return preview(bouts, wish.student, wish.stage, wish.selection, scores)


def make(store: Store, name: str, wish: Wish) -> TrainingSet:
    """The wish as a training set."""
    bouts, scores = material(store, wish)
    source: dict[str, Json] = {"testset": wish.testset, "judge": wish.judge}
    return make_training_set(store, name, wish.student, wish.stage, wish.selection, bouts, source, scores)


def _lessons(store: Store, values: tuple[Any, ...]) -> tuple[Any, ...]:
    wish = Wish.of(values)
    try:
        shown = seen(store, wish)
    except ArenaError as error:
        return f'<p class="note">{escape(str(error))}</p>', None, None, [[""] * len(READ_HEADERS)]
    read = (*shown.selected.kept[:MOST_READ], *shown.selected.by_hand[:MOST_READ])
    table = [
        [c.battle, _mark(c, wish), f"{c.margin:g}", c.teacher, *map(_short, (c.turns, c.chosen, c.rejected))]
        for c in read
    ]
    return (
        found_html(shown, tokens_html(folder_of(store, wish.student), wish.stage, shown)),
        flywheel_charts.along_k(shown.curve, wish.selection.k),
        flywheel_charts.shares(shown.categories),
        table or [[""] * len(READ_HEADERS)],
    )


def folder_of(store: Store, student: str) -> Path:
    """Where the student's tokenizer lies, if it is there."""
    contender = store.get(Contender, student)
    return Path(contender.location if contender else "")


def _mark(candidate: Candidate, wish: Wish) -> str:
    """What a person did to a lesson: here, or on the page where battles are read."""
    if candidate.battle in wish.selection.leave_out:
        return "left out"
    return {True: "picked", False: "left out on Inspect", None: ""}[candidate.picked]


def _short(texts: tuple[str, ...], most: int = 160) -> str:
    text = " / ".join(texts)
    return text if len(text) <= most else text[:most] + "..."


def leave_out(rows: Any, out: str, event: gr.SelectData) -> str:
    """The list with the clicked battle added, or taken back if it was there."""
    battle = str(rows.iloc[event.index[0], 0]) if len(rows) else ""
    named = [line.strip() for line in (out or "").splitlines() if line.strip()]
    if not battle:
        return "\n".join(named)
    return "\n".join([n for n in named if n != battle] if battle in named else [*named, battle])


def _keep(store: Store, name: str, values: tuple[Any, ...]) -> Any:
    wish = Wish.of(values)
    try:
        made = make(store, name.strip() or f"{wish.student}-{content_id(time.time())[:6]}", wish)
    except ArenaError as error:
        raise gr.Error(str(error)) from error
    gr.Info(f"{made.name} is kept: {made.size:,} examples.")
    return _sets_menu(store, made.name)


def _export(store: Store, name: str | None, form: str) -> Any:
    """Write the file and hand it to the button: the first click prepares, the second downloads."""
    assert form in EXPORTS, form
    if not name:
        raise gr.Error("Keep these lessons as a set first, or choose one.")
    path = Path(tempfile.mkdtemp(prefix="lessons-")) / f"{name}{ENDINGS[form]}"
    try:
        count = export(store, name, path, form)
    except ArenaError as error:
        raise gr.Error(str(error)) from error
    return gr.DownloadButton(f"Download {path.name} ({count:,} rows)", value=str(path), variant="primary")


def fresh_button() -> Any:
    """Another choice needs another file."""
    return gr.DownloadButton("Prepare the file", value=None, variant="secondary")
