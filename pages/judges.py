"""Is the judge any good? Its report, the control pairs, attacks, and a prompt editor that makes new judges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import gradio as gr
from gradio.context import Context

from arena.battles import control, injections, live, null
from arena.battles.agreement import Share
from arena.battles.control import Mark
from arena.battles.judges import JUDGES, jury
from arena.battles.judges.game import NEEDS_MODEL, NEEDS_PROMPT
from arena.battles.judges.prompt import make_judge, shipped_prompt
from arena.battles.jury_room import models_of
from arena.battles.ledger import launch_planned
from arena.battles.report import JudgeReport, judge_report
from arena.records import ArenaError, Contender, Judge, Settings
from arena.store import Store
from pages import job_panel, judges_charts
from pages.table import table

EVERY = "all"
ATTACKED_PAIRS = 10


def render(store: Store) -> None:  # noqa: PLR0915 - a page's layout and wiring read best in one piece
    """Layout, then wiring."""
    gr.Markdown("# Judges\nNobody should take a judge's word on trust: here is how far each can be trusted.")
    with gr.Row():
        judge = gr.Dropdown([], label="Judge", elem_id="judge-chosen")
        testset = gr.Dropdown([EVERY], value=EVERY, label="Battles on")
    standing = gr.HTML(elem_id="judge-standing")
    with gr.Row():
        control_button = gr.Button("Measure on the control pairs", variant="primary", elem_id="judge-control")
        attack_button = gr.Button("Measure under injection attacks", elem_id="judge-attack")
        null_button = gr.Button("Let constant words battle", elem_id="judge-null")
        again = gr.Button("Show the newest figures", elem_id="judge-refresh")
    job_panel.render(
        store, kinds=("control", "injections", "battle"), title="Measurements and battles", most=3
    )
    with gr.Tabs():
        with gr.Tab("Report"):
            report = gr.HTML(elem_id="judge-report")
            with gr.Row():
                flips = gr.Plot(show_label=False)
                scores = gr.Plot(show_label=False)
        with gr.Tab("Control pairs"):
            by_kind = gr.Plot(show_label=False)
            pairs = gr.HTML(elem_id="judge-pairs")
        with gr.Tab("Attacks"):
            attacks = gr.HTML(elem_id="judge-attacks")
        with gr.Tab("Add or edit a judge"):
            with gr.Row():
                name = gr.Textbox(label="Name", max_length=100, elem_id="judge-name")
                kind = gr.Dropdown(list(JUDGES), value="scores", label="Kind", elem_id="judge-kind")
                model = gr.Dropdown([], label="Model that judges")
            with gr.Row(visible=False) as sitting:
                members = gr.Dropdown(
                    [], label="Members of the jury", multiselect=True, elem_id="judge-members"
                )
                rule = gr.Dropdown(list(jury.RULES), value="mean", label="They decide by")
            prompt = gr.Textbox(
                shipped_prompt("scores"),
                label="Prompt; {instruction}, {first}, {second} and {reference} are filled in",
                lines=16,
                max_length=20_000,
                elem_id="judge-prompt",
            )
            with gr.Row():
                shipped = gr.Button("The shipped prompt of this kind", size="sm")
                chosen_prompt = gr.Button("The prompt of the judge above", size="sm")
                save = gr.Button("Save the judge", variant="primary", elem_id="judge-save")
            gr.Markdown(
                "A changed prompt is a new version: what the old one judged stays, and the new one starts at nothing."
            )

    shown = [standing, report, flips, scores, by_kind, pairs, attacks]

    def arrive() -> tuple[Any, ...]:
        return _menus(store)

    def show(name: str | None, on: str) -> tuple[Any, ...]:
        return _show(store, name, on)

    def measure(name: str | None) -> None:
        _start(store, name, attack=False)

    def attack(name: str | None) -> None:
        _start(store, name, attack=True)

    def let_null_battle(name: str | None, on: str) -> None:
        _let_null_battle(store, name, on)

    def keep(
        name: str, kind: str, model: str | None, prompt: str, members: list[str], rule: str
    ) -> tuple[Any, Any]:
        return _save(store, name, kind, model, prompt, members, rule)

    def follow_kind(kind: str) -> tuple[Any, ...]:
        return gr.Dropdown(visible=kind in NEEDS_MODEL), *_fields(kind, shipped_prompt(kind))

    def edit(name: str | None) -> tuple[Any, ...]:
        return _edit(store, name)

    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    page.load(arrive, None, [judge, testset, model, members], show_progress="hidden").then(
        show, [judge, testset], shown, show_progress="hidden"
    )
    gr.on([judge.input, testset.input, again.click], show, [judge, testset], shown)
    control_button.click(measure, judge)
    attack_button.click(attack, judge)
    null_button.click(let_null_battle, [judge, testset])
    shipped.click(shipped_prompt, kind, prompt)
    kind.input(follow_kind, kind, [model, sitting, prompt], show_progress="hidden")
    chosen_prompt.click(edit, judge, [name, kind, members, rule, model, sitting, prompt])
    save.click(keep, [name, kind, model, prompt, members, rule], [judge, members]).then(
        show, [judge, testset], shown
    )


def _menus(store: Store) -> tuple[Any, ...]:
    offered = live.choices(store)
    judges = _judges(offered.judges)
    return (
        gr.Dropdown(choices=judges, value=judges[0][1] if judges else None),
        gr.Dropdown(choices=[EVERY, *(name for name, _ in offered.testsets)], value=EVERY),
        gr.Dropdown(choices=list(offered.contenders), value=None),
        gr.Dropdown(choices=_members(store), value=[]),
    )


def _judges(offered: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(f"{name} ({kind})", name) for name, kind in offered]


def _members(store: Store) -> list[str]:
    """Judges that can sit in a jury."""
    return [judge.name for judge in store.load(Judge, "kind <> 'jury'", order="name")]


def _fields(kind: str, prompt: str) -> tuple[Any, Any]:
    """What the form asks of a kind of judge beside its model: the members of a jury, its prompt."""
    return gr.Row(visible=kind == "jury"), gr.Textbox(value=prompt, visible=kind in NEEDS_PROMPT)


def _show(store: Store, name: str | None, on: str) -> tuple[Any, ...]:
    if not name:
        empty = "<p>No judge yet. Add one under <b>Add or edit a judge</b>.</p>"
        nothing = judges_charts.flips([])
        return empty, "", nothing, judges_charts.scores([0] * 10), judges_charts.control([]), "", ""
    try:
        found = judge_report(store, name, "" if on == EVERY else on)
        marks = control.marks(found.judge, control.judgements_of(store, found.judge))
        attacked = injections.injection_report(store, name, ATTACKED_PAIRS)
    except ArenaError as error:
        raise gr.Error(str(error)) from error
    return (
        f"<p><b>{escape(found.control.sentence)}</b></p>",
        report_html(found),
        judges_charts.flips(found.gaps),
        judges_charts.scores(found.histogram),
        judges_charts.control(marks),
        pairs_html(marks),
        attacks_html(attacked),
    )


def share_text(share: Share) -> str:
    """ "52% (48 to 56, n = 600)"; empty data said so."""
    if not share.total:
        return "no data"
    low, high = share.interval
    return f"{share.value:.0%} ({100 * low:.0f} to {100 * high:.0f}, n = {share.total:,})"


def report_html(found: JudgeReport) -> str:
    """The figures with what they should be."""
    rows = [
        ("Battles, judgements, unreadable", f"{found.battles:,}, {found.games:,}, {found.unreadable:,}", ""),
        ("First seat wins", share_text(found.first_seat), "50% is fair"),
        ("Seat order flips the winner", share_text(found.flips), "low is good"),
        ("The longer answer wins", share_text(found.longer_wins), "far above 50% hints at length bias"),
        ("Ties", share_text(found.ties), ""),
    ]
    rows += [
        (f"Points of {kin.who} here", share_text(kin.share), f"elsewhere {share_text(kin.elsewhere)}")
        for kin in found.kinship
    ]
    if found.null_is_last is not None:
        words = "last, as it must" if found.null_is_last else "NOT last: don't trust this judge"
        rows.append(("Points of the null contender", share_text(found.null), words))
    for one in found.agreements:
        words = (
            f"kappa {one.kappa:.2f} ({one.kappa_low:.2f} to {one.kappa_high:.2f}), {one.battles:,} battles"
        )
        rows.append((f"Agrees with {one.other}", f"{share_text(one.decided)} without ties", words))
    return table(["figure", "value, 95% interval", "what it means"], rows)


def pairs_html(marks: list[Mark]) -> str:
    """All control pairs with what the judge said."""

    def row(mark: Mark) -> list[str]:
        said = "not judged" if mark.right is None else "right" if mark.right else "wrong or tied"
        return [
            mark.pair.level,
            mark.pair.kind,
            " / ".join(mark.pair.instruction.turns),
            " / ".join(mark.pair.better.answers),
            " / ".join(mark.pair.worse.answers),
            "" if mark.right is None else f"{mark.score_better:.1f} : {mark.score_worse:.1f}",
            said + (", seats flip it" if mark.flipped else ""),
        ]

    heads = ["level", "kind", "instruction", "better", "worse", "scores", "the judge is"]
    return table(heads, map(row, sorted(marks, key=lambda m: m.right is not False)))


def attacks_html(found: injections.InjectionReport) -> str:
    if not found.all.total:
        return "<p>Not measured yet: press <b>Measure under injection attacks</b>.</p>"
    texts = {attack.name: attack.text for attack in injections.attacks()}
    rows = [[a.name, texts[a.name], share_text(a.succeeded)] for a in found.attacks]
    return (
        f"<p>{share_text(found.all)} of all attacks succeed. The line of defence in the prompt changes "
        f"{share_text(found.drift)} of outcomes where nobody attacks.</p>"
        + table(["attack", "added to the worse answer", "succeeds"], rows)
    )


def _start(store: Store, name: str | None, attack: bool) -> None:
    if not name:
        raise gr.Error("Choose a judge first.")
    try:
        if attack:
            injections.launch(store, name, ATTACKED_PAIRS)
        else:
            control.launch(store, name)
    except ArenaError as error:
        raise gr.Error(str(error)) from error


def _let_null_battle(store: Store, name: str | None, on: str) -> None:
    if not name or on == EVERY:
        raise gr.Error("Choose a judge, and the test set whose answers shall meet constant empty words.")
    try:
        fought = null.settings(store, name, on)
        launch_planned(store, fought)
    except ArenaError as error:
        raise gr.Error(str(error)) from error
    gr.Info(
        f"{len(fought.contenders) - 1} contenders meet constant words; the report will tell who came last."
    )


def _save(
    store: Store,
    name: str,
    kind: str,
    model: str | None,
    prompt: str,
    members: Sequence[str] = (),
    rule: str = "mean",
) -> tuple[Any, Any]:
    try:
        settings: Settings = {}
        if kind == "jury":
            settings = jury.jury_settings(
                [j for j in store.load(Judge, order="name") if j.name in members], rule
            )
        made = make_judge(
            (name or "").strip(),
            kind,
            (model or "") if kind in NEEDS_MODEL else "",
            prompt if kind in NEEDS_PROMPT else "",
            settings,
        )
        models_of(made, {c.name: c for c in store.load(Contender)})
    except ArenaError as error:
        raise gr.Error(str(error)) from error
    store.save([made])
    gr.Info(f"Judge {made.name}, version {made.prompt_hash}, is saved.")
    return gr.Dropdown(choices=_judges(live.choices(store).judges), value=made.name), gr.Dropdown(
        choices=_members(store)
    )


def _edit(store: Store, name: str | None) -> tuple[Any, ...]:
    found = store.get(Judge, name) if name else None
    if found is None:
        raise gr.Error("Choose a judge first.")
    sitting = [judge.name for judge in jury.members(found)] if found.kind == "jury" else []
    rule = str(found.settings.get("rule", "mean"))
    model = gr.Dropdown(value=found.contender or None, visible=found.kind in NEEDS_MODEL)
    return found.name, found.kind, sitting, rule, model, *_fields(found.kind, found.prompt)
