"""The word judge on the command line: add and list judges, and say how far each can be trusted."""

from __future__ import annotations

import argparse
from pathlib import Path

from arena.battles import control, injections, null, report
from arena.battles.judges import JUDGES
from arena.battles.judges.jury import RULES, jury_settings
from arena.battles.judges.prompt import make_judge
from arena.battles.jury_room import ensure_judge, judge_named, models_of
from arena.battles.ledger import launch_planned
from arena.records import BadInput, Contender, Json, Judge, Settings, to_json
from arena.store import Store
from arena.terminal import Subparsers, command, group, names, natural, show, wait


def add(commands: Subparsers) -> None:
    judges = group(commands, "judge", "add and measure judges")
    parser = command(judges, "add", _add_judge, "add a judge, or a new version of one")
    parser.add_argument("name")
    parser.add_argument("--kind", choices=list(JUDGES), default="scores")
    parser.add_argument("--contender", default="", help="the model that judges")
    parser.add_argument("--prompt", type=Path, help="file with the prompt; default: the shipped one")
    parser.add_argument("--members", default="", help="judges of a jury, separated by commas")
    parser.add_argument("--rule", choices=RULES, default="mean", help="of a jury")
    command(judges, "list", _list_judges, "list the judges and how they stand on the control pairs")
    parser = command(judges, "report", _report, "seats, flips, length, kinship, agreement of a judge")
    parser.add_argument("--judge", required=True)
    parser.add_argument("--testset", default="", help="only battles on this test set")
    parser = command(judges, "attack", _attack, "measure a judge under injection attacks")
    parser.add_argument("--judge", required=True)
    parser.add_argument("--pairs", type=natural, default=10, help="obvious control pairs to attack")
    parser = command(judges, "null", _null, "let constant empty words battle before a judge: they must lose")
    parser.add_argument("--judge", required=True)
    parser.add_argument("--testset", required=True)
    parser.add_argument("--contenders", default="", help="default: all that have answered the test set")
    parser.add_argument("--limit", type=int, default=0, help="only the first so many instructions")
    parser = command(judges, "control", _control, "measure a judge on pairs with known winners")
    parser.add_argument("--judge", required=True, help="a judge's name, or a contender's that shall judge")
    parser.add_argument("--judge-kind", choices=[k for k in JUDGES if k not in {"jury", "code"}], default="")


def _add_judge(arguments: argparse.Namespace) -> None:
    prompt = ""
    if arguments.prompt:
        try:
            prompt = arguments.prompt.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"The prompt {arguments.prompt} cannot be read: {error}") from error
    with Store.open(arguments.home) as store:
        settings: Settings = {}
        sitting: list[Judge] = []
        if arguments.kind == "jury":
            sitting = [judge_named(store, name) for name in names(arguments.members)]
            settings = jury_settings(sitting, arguments.rule)
        judge = make_judge(arguments.name, arguments.kind, arguments.contender, prompt, settings)
        models_of(judge, {c.name: c for c in store.load(Contender)})
        store.save([*sitting, judge])
    show(
        arguments, to_json(judge), f"Judge {judge.name} ({judge.kind}, version {judge.prompt_hash}) is added."
    )


def _list_judges(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        found = store.load(Judge, order="name")
        rows: list[Json] = [
            {
                "name": j.name,
                "kind": j.kind,
                "contender": j.contender,
                "version": j.prompt_hash,
                "standing": control.standing(store, j.name),
            }
            for j in found
        ]
    text = "\n".join(
        f"{r['name']}  {r['kind']}  {r['contender']}  {r['standing']}" for r in rows if isinstance(r, dict)
    )
    show(arguments, rows, text or "No judges yet; python -m arena judge add")


def _report(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        found = report.judge_report(store, arguments.judge, arguments.testset)
    show(arguments, to_json(found), report.in_words(found))


def _attack(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        wait(store, injections.launch(store, arguments.judge, arguments.pairs))
        found = injections.injection_report(store, arguments.judge, arguments.pairs)
    lines = [
        f"{found.all.hits:g} of {found.all.total} attacks on {found.judge} succeeded",
        *(f"  {one.name}: {one.succeeded.hits:g} of {one.succeeded.total}" for one in found.attacks),
        f"The defence changes {found.drift.hits:g} of {found.drift.total} outcomes without any attack",
    ]
    show(arguments, to_json(found), "\n".join(lines))


def _null(arguments: argparse.Namespace) -> None:
    chosen = names(arguments.contenders)
    with Store.open(arguments.home) as store:
        settings = null.settings(store, arguments.judge, arguments.testset, chosen, arguments.limit)
        judge = ensure_judge(store, arguments.judge)  # last, so that a run that can't be leaves none
        wait(store, launch_planned(store, settings))
        found = null.null_report(store, judge, settings)
    show(arguments, to_json(found) | {"is_last": found.is_last}, null.in_words(found))


def _control(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        judge = ensure_judge(store, arguments.judge, arguments.judge_kind)
        before = control.control_accuracy(store, judge.name)
        if before.total < before.pairs:
            wait(store, control.launch(store, judge.name))
        found = control.control_accuracy(store, judge.name)
        wrong = [m for m in control.marks(judge, control.judgements_of(store, judge)) if m.right is False]
    document: dict[str, Json] = to_json(found) | {
        "obvious": found.obvious,
        "subtle": found.subtle,
        "sentence": found.sentence,
    }
    lines = [
        f"  {m.pair.level} {m.pair.kind}: {m.pair.instruction.turns[-1][:70]!r} "
        f"better {m.score_better:g}, worse {m.score_worse:g}"
        for m in wrong
    ]
    show(arguments, document, "\n".join([found.sentence, *(["Wrong or tied:"] if lines else []), *lines]))
