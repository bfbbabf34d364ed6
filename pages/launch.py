"""Launch battles: choose, see what it would cost, start, and watch the board move while they arrive."""

from __future__ import annotations

import time
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr
from gradio.context import Context

from arena import jobs
from arena.battles import control, fight, ledger, live
from arena.battles.fight import FightSettings
from arena.battles.jury_room import ensure_judge
from arena.battles.live import Past
from arena.battles.pairing import DESCRIPTIONS, NEEDS_TARGET
from arena.battles.plan import plan
from arena.records import ArenaError, Contender, Judge, Sampling
from arena.store import Store
from pages import job_panel, launch_charts
from pages.launch_markup import HEADERS, figures_html, history_rows, ledger_html, plan_html

EVERY = "all"


def render(store: Store) -> None:  # noqa: PLR0915 - a page's layout and wiring read best in one piece
    """Layout, then wiring."""
    gr.Markdown(
        "# Launch battles\nContenders answer a test set once each; "
        "a judge scores every pair in both seat orders."
    )
    with gr.Row():
        with gr.Column(scale=3):
            with gr.Row():
                testset = gr.Dropdown([], label="Test set", elem_id="launch-testset")
                judge = gr.Dropdown([], label="Judge", elem_id="launch-judge")
            contenders = gr.CheckboxGroup([], label="Contenders", elem_id="launch-contenders")
            with gr.Row():
                pairing = gr.Dropdown(
                    [(f"{name}: {words}", name) for name, words in DESCRIPTIONS.items()],
                    value="until-stable",
                    label="Pairing",
                    elem_id="launch-pairing",
                )
                target = gr.Dropdown([], label="Target", visible=False, elem_id="launch-target")
            with gr.Accordion("Slice, sampling, rules, budget", open=False):
                with gr.Row():
                    limit = gr.Number(0, label="First so many instructions (0: all)", precision=0, minimum=0)
                    category = gr.Dropdown([EVERY], value=EVERY, label="Category")
                    k = gr.Number(1, label="Pairs an instruction (random)", precision=0, minimum=1)
                with gr.Row():
                    width = gr.Number(0, label="Stop at interval width, Elo (0: off)", minimum=0)
                    stability = gr.Slider(0, 1, 0.98, step=0.01, label="Stop at rank stability")
                    seed = gr.Number(0, label="Seed", precision=0, minimum=0)
                with gr.Row():
                    own_sampling = gr.Checkbox(True, label="Each contender's own sampling")
                    temperature = gr.Slider(0, 2, 0.7, step=0.05, label="Temperature")
                    max_tokens = gr.Number(256, label="Most new tokens a turn", precision=0, minimum=1)
                    samples = gr.Number(1, label="Answers an instruction", precision=0, minimum=1, maximum=16)
                with gr.Row():
                    conservative = gr.Checkbox(False, label="Both seat orders must agree, else a tie")
                    tie_margin = gr.Number(0, label="Margins up to this are ties", minimum=0)
                    budget = gr.Number(
                        0, label="Pause after so many calls (0: never)", precision=0, minimum=0
                    )
        with gr.Column(scale=2):
            planned = gr.HTML(elem_id="launch-plan")
            start_button = gr.Button("Start the battles", variant="primary", elem_id="launch-start")
            standing = gr.HTML(elem_id="launch-standing")
    job_panel.render(store, kinds=("battle",), title="Battle runs", most=4)
    watched = gr.Dropdown([], label="Watch", elem_id="launch-watched")
    with gr.Row():
        figures = gr.HTML(elem_id="launch-figures")
        board = gr.Plot(show_label=False, elem_id="launch-board")
    with gr.Accordion("Earlier runs", open=False):
        table = gr.Dataframe(headers=HEADERS, datatype="str", interactive=False, show_label=False)
        again = gr.Button("Run the watched one again with changes", elem_id="launch-again")
    timer = gr.Timer(2.0)

    form: list[Any] = [
        testset, judge, contenders, pairing, target, limit, category, k, width, stability, seed,
        own_sampling, temperature, max_tokens, samples, conservative, tie_margin, budget,
    ]  # fmt: skip

    def arrive(request: gr.Request) -> tuple[Any, ...]:
        return _arrive(store, dict(request.query_params))

    def show_plan(*wish: Any) -> tuple[str, str]:
        return _plan(store, wish)

    def start(*wish: Any) -> tuple[Any, ...]:
        return _start(store, wish)

    def watch(run: str | None) -> tuple[Any, ...]:
        return _watch(store, run)

    def take_again(run: str | None) -> list[Any]:
        return _form_of(store, run)

    def follow_pairing(name: str, names: list[str]) -> Any:
        return gr.Dropdown(choices=names or [], visible=name in NEEDS_TARGET)

    def follow_testset(name: str | None) -> Any:
        return gr.Dropdown(choices=[EVERY, *live.choices(store, name or "").categories], value=EVERY)

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    page.load(arrive, None, [testset, judge, contenders, watched, table], show_progress="hidden").then(
        show_plan, form, [planned, standing], show_progress="hidden"
    ).then(watch, watched, [figures, board, timer], show_progress="hidden")
    page.load(lambda: gr.Timer(active=True), None, timer, show_progress="hidden")
    gr.on(
        [component.change for component in form],
        show_plan,
        form,
        [planned, standing],
        show_progress="hidden",
        trigger_mode="always_last",
    )
    testset.change(follow_testset, testset, category, show_progress="hidden")
    gr.on(
        [pairing.change, contenders.change],
        follow_pairing,
        [pairing, contenders],
        target,
        show_progress="hidden",
    )
    start_button.click(start, form, [watched, table, timer]).then(
        watch, watched, [figures, board, timer], show_progress="hidden"
    )
    watched.change(watch, watched, [figures, board, timer], show_progress="hidden")
    timer.tick(watch, watched, [figures, board, timer], show_progress="hidden")
    again.click(take_again, watched, form, show_progress="hidden")


def _arrive(store: Store, asked: dict[str, str]) -> tuple[Any, ...]:
    """The form as a link wishes it: `?testset=..&judge=..&contender=..`, all optional."""
    offered = live.choices(store)
    past = live.history(store)
    testsets = [(f"{name} ({size:,})", name) for name, size in offered.testsets]
    judges = [(f"{name} ({kind})", name) for name, kind in offered.judges]
    named = [name for name in asked.get("contender", "").split(",") if name in offered.contenders]
    rivals = [name for name in _rivals(store, named) if name in offered.contenders]
    return (
        gr.Dropdown(choices=testsets, value=_among(testsets, asked.get("testset", ""))),
        gr.Dropdown(choices=judges, value=_among(judges, asked.get("judge", ""))),
        gr.CheckboxGroup(
            choices=list(offered.contenders),
            value=list(dict.fromkeys([*named, *rivals])) if named else list(offered.contenders[:2]),
        ),
        _runs_menu(past, asked.get("run")),
        history_rows(past),
    )


def _rivals(store: Store, named: list[str]) -> list[str]:
    """Who a contender meets first: a checkpoint its parent, anybody else those of the latest run."""
    parents = [c.parent for name in named if (c := store.get(Contender, name)) and c.parent]
    if parents or not (past := live.history(store, 1)):
        return parents
    return list(past[0].settings.contenders)


def _among(offered: list[tuple[str, str]], wished: str) -> str | None:
    names = [name for _, name in offered]
    return wished if wished in names else names[0] if names else None


def _runs_menu(past: list[Past], value: str | None = None) -> Any:
    runs = [(f"{p.job.title} ({p.status.state})", p.job.id) for p in past]
    return gr.Dropdown(choices=runs, value=value or (runs[0][1] if runs else None))


def wish_to_settings(wish: tuple[Any, ...]) -> FightSettings:
    """The form's values, in its order, as settings."""
    (
        testset, judge, contenders, pairing, target, limit, category, k, width, stability, seed,
        own_sampling, temperature, max_tokens, samples, conservative, tie_margin, budget,
    ) = wish  # fmt: skip
    sampling = None
    if not own_sampling:
        sampling = Sampling(temperature=float(temperature), max_tokens=max(1, int(max_tokens or 1)))
    return FightSettings(
        testset=testset or "",
        contenders=tuple(contenders or ()),
        judge=judge or "",
        pairing=pairing,
        target=target or "",
        k=max(1, int(k or 1)),
        width=float(width or 0),
        stability=float(stability or 0),
        samples=max(1, int(samples or 1)),
        sampling=sampling,
        conservative=bool(conservative),
        tie_margin=float(tie_margin or 0),
        budget=int(budget or 0),
        limit=int(limit or 0),
        category="" if category in (EVERY, None) else category,
        seed=int(seed or 0),
    )


def settings_to_wish(settings: FightSettings) -> list[Any]:
    """Settings as the form's values, in its order."""
    sampling = settings.sampling or Sampling(max_tokens=256)
    return [
        settings.testset, settings.judge, list(settings.contenders), settings.pairing,
        settings.target or None, settings.limit, settings.category or EVERY, settings.k,
        settings.width, settings.stability, settings.seed,
        settings.sampling is None, sampling.temperature, sampling.max_tokens, settings.samples,
        settings.conservative, settings.tie_margin, settings.budget,
    ]  # fmt: skip


def _plan(store: Store, wish: tuple[Any, ...]) -> tuple[str, str]:
    try:
        settings = wish_to_settings(wish)
        found = plan(store, _judged(store, settings))
    except ArenaError as error:
        return f'<p class="note">{escape(str(error))}</p>', ""
    return plan_html(found), f'<p class="note">{escape(control.standing(store, settings.judge))}</p>'


def _judged(store: Store, settings: FightSettings) -> FightSettings:
    """The settings with a judge in the arena; a contender chosen to judge becomes one."""
    fight.check_field(store, settings)
    known = not settings.judge or store.get(Judge, settings.judge) is not None
    return settings if known else replace(settings, judge=ensure_judge(store, settings.judge).name)


def _start(store: Store, wish: tuple[Any, ...]) -> tuple[Any, ...]:
    try:
        job = ledger.launch_planned(store, _judged(store, wish_to_settings(wish)))
    except ArenaError as error:
        raise gr.Error(str(error)) from error
    past = live.history(store)
    return _runs_menu(past, job.id), history_rows(past), gr.Timer(active=True)


def _watch(store: Store, run: str | None) -> tuple[Any, ...]:
    """Figures and board of the watched run; the timer rests when nothing moves any more."""
    if not run:
        text = "<p>No battles yet. Choose above and press Start.</p>"
        return text, launch_charts.board([]), gr.Timer(active=False)
    try:
        job = jobs.find(store.home, run)
    except ArenaError as error:
        return f'<p class="note">{escape(str(error))}</p>', launch_charts.board([]), gr.Timer(active=False)
    status = jobs.status(job)
    settings = fight.settings_of(job)
    standings = live.board(store, settings)
    recent = status.ended is not None and time.time() - status.ended < 10
    moving = status.active or recent
    spent = [] if status.active else ledger.entries(store, job)
    told = figures_html(status, standings) + ledger_html(spent, status)
    return told, launch_charts.board(standings), gr.Timer(active=moving)


def _form_of(store: Store, run: str | None) -> list[Any]:
    if not run:
        raise gr.Error("There is no earlier run yet.")
    try:
        return settings_to_wish(fight.settings_of(jobs.find(store.home, run)))
    except ArenaError as error:
        raise gr.Error(str(error)) from error
