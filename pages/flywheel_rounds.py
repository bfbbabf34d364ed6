"""Rounds: a plan as text and as a flow, kept, started, watched, stopped and gone on with as one run."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr
from gradio.context import Context

from arena.conductor import Conductor, standing
from arena.flywheel.offers import offer
from arena.flywheel.rounds import FlywheelPlan, first_schedule, paper_schedule, parse_plan, plan_text
from arena.records import ArenaError, Contender, TestSet
from arena.store import Store
from pages import flywheel_charts

FIRST, PAPER = "a first plan for this arena", "the paper's schedule"


def render(store: Store, conductor: Conductor) -> None:
    """Layout, then wiring."""
    gr.Markdown(
        "A plan is one run: battles on a split, their lessons, a stage, a new contender, the next step. "
        "Keep it and start it here, or run the same text with `python -m arena flywheel run PLAN.yaml`."
    )
    with gr.Row():
        with gr.Column(scale=2):
            chosen = gr.Dropdown([FIRST, PAPER], value=FIRST, label="Plan", elem_id="flywheel-plans")
            text = gr.Code(first_text(store), language="yaml", label="Plan", elem_id="flywheel-plan")
        with gr.Column(scale=3):
            flow = gr.Plot(show_label=False, elem_id="flywheel-flow")
            said = gr.HTML(elem_id="flywheel-plan-said")
            with gr.Row():
                keep_button = gr.Button("Keep the plan", elem_id="flywheel-plan-keep")
                start_button = gr.Button("Start, or go on", variant="primary", elem_id="flywheel-plan-start")
                stop_button = gr.Button("Stop after this step", elem_id="flywheel-plan-stop")
    timer = gr.Timer(2.0)

    def arrive() -> Any:
        return plans_menu(conductor)

    def choose(name: str) -> Any:
        return text_of(store, conductor, name)

    def draw(written: str) -> tuple[Any, str]:
        return _draw(store, conductor, written)

    def keep(written: str) -> Any:
        return plans_menu(conductor, _save(conductor, written).name)

    def start(written: str) -> tuple[Any, Any]:
        plan = _save(conductor, written)
        try:
            conductor.start(plan.name)
        except ArenaError as error:
            raise gr.Error(str(error)) from error
        return plans_menu(conductor, plan.name), gr.Timer(active=True)

    def stop(written: str) -> None:
        try:
            conductor.stop(parse_plan(written).name)
        except ArenaError as error:
            raise gr.Error(str(error)) from error

    def watch(written: str) -> tuple[Any, str, Any]:
        busy = any(conductor.word(name).busy for name in conductor.names())
        return *_draw(store, conductor, written), gr.Timer(active=busy)

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    shown = [flow, said]
    page.load(arrive, None, chosen, show_progress="hidden")
    page.load(draw, text, shown, show_progress="hidden")
    page.load(lambda: gr.Timer(active=True), None, timer, show_progress="hidden")
    chosen.input(choose, chosen, text, show_progress="hidden")
    text.change(draw, text, shown, show_progress="hidden", trigger_mode="always_last")
    keep_button.click(keep, text, chosen, show_progress="hidden").then(
        draw, text, shown, show_progress="hidden"
    )
    start_button.click(start, text, [chosen, timer], show_progress="hidden").then(
        draw, text, shown, show_progress="hidden"
    )
    stop_button.click(stop, text, None, show_progress="hidden").then(
        draw, text, shown, show_progress="hidden"
    )
    timer.tick(watch, text, [flow, said, timer], show_progress="hidden")


def plans_menu(conductor: Conductor, chosen: str | None = None) -> Any:
    kept = conductor.names()
    return gr.Dropdown(choices=[*kept, FIRST, PAPER], value=chosen or FIRST)


def text_of(store: Store, conductor: Conductor, name: str) -> str:
    """The YAML of a plan of the menu."""
    if name == PAPER:
        return plan_text(FlywheelPlan("paper", "base", ("teacher",), "judge", "mix", steps=paper_schedule()))
    return first_text(store) if name == FIRST else conductor.text(name)


def first_text(store: Store) -> str:
    """A plan made of what this arena has."""
    offered = offer(store)
    base = offered.students[0] if offered.students else "base"
    talkers = [c.name for c in store.load(Contender, "NOT hidden AND parent = ''", order="name")]
    sets = store.load(TestSet, order="name")
    splits = [t.name for t in sets if t.purpose == "train"] or ["D1"]
    held = next((t.name for t in sets if t.purpose != "train"), "")
    judge = offered.judges[0] if offered.judges else "checks"
    return plan_text(first_schedule(base, [n for n in talkers if n != base][:2], judge, splits[:2], held))


def _save(conductor: Conductor, written: str) -> FlywheelPlan:
    try:
        return conductor.save(written)
    except ArenaError as error:
        raise gr.Error(str(error)) from error


def _draw(store: Store, conductor: Conductor, written: str) -> tuple[Any, str]:
    """The plan as a picture and where its run stands, or what is wrong with it."""
    try:
        plan = parse_plan(written or "")
    except ArenaError as error:
        return gr.skip(), f'<p class="note">{escape(str(error))}</p>'
    states = standing(store, plan)
    done = sum(state == "done" for state in states.values())
    word = conductor.word(plan.name)
    figure = flywheel_charts.flow(plan.steps, states)
    head = f"<p>{len(plan.steps)} steps, {done} done; the plan is whole. "
    head += "" if word.state == "new" else f"Its run: <b>{escape(word.state)}</b>. {escape(word.doing)}"
    return figure, head + "</p>" + (f'<p class="note">{escape(word.error)}</p>' if word.error else "")
