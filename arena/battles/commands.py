"""The words of this room on the command line: battle, import, export, and those of judge_commands."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from arena.battles import control, judge_commands
from arena.battles.answers import import_answers
from arena.battles.browse import MOST_EXPORTED, Filter
from arena.battles.exports import export
from arena.battles.fight import FightSettings, check_field
from arena.battles.judges import JUDGES
from arena.battles.jury_room import ensure_judge
from arena.battles.ledger import launch_planned
from arena.battles.pairing import DESCRIPTIONS, PAIRINGS
from arena.battles.plan import in_words, plan
from arena.battles.read import FORMATS, import_battles
from arena.records import BadInput, Battle, Json, Sampling, to_json
from arena.store import Store
from arena.terminal import Subparsers, command, group, names, natural, say, show, wait


def add(commands: Subparsers) -> None:
    _add_battle(commands)
    _add_imports(commands)
    _add_export(commands)
    judge_commands.add(commands)


def _add_battle(commands: Subparsers) -> None:
    parser = command(commands, "battle", _battle, "let contenders battle on a test set before a judge")
    parser.add_argument("--testset", required=True)
    parser.add_argument("--contenders", required=True, help="names separated by commas")
    parser.add_argument("--judge", required=True, help="a judge's name, or a contender's that shall judge")
    parser.add_argument("--judge-kind", choices=[k for k in JUDGES if k != "jury"], default="")
    pairings = "; ".join(f"{name}: {words}" for name, words in DESCRIPTIONS.items())
    parser.add_argument("--pairing", choices=list(PAIRINGS), default="until-stable", help=pairings)
    parser.add_argument("--target", default="", help="contender that the pairing is about")
    parser.add_argument("--k", type=natural, default=1, help="pairs an instruction for --pairing random")
    parser.add_argument("--width", type=float, default=0.0, help="stop at this mean interval width in Elo")
    parser.add_argument("--stability", type=float, default=0.98, help="stop at this rank stability; 0: off")
    parser.add_argument("--samples", type=natural, default=1, help="answers a contender and instruction")
    parser.add_argument("--temperature", type=float, help="for all contenders, instead of their own")
    parser.add_argument("--max-tokens", type=natural, help="for all contenders, instead of their own")
    parser.add_argument("--conservative", action="store_true", help="both seat orders must agree, else a tie")
    parser.add_argument("--tie-margin", type=float, default=0.0, help="margins up to this are ties")
    parser.add_argument("--budget", type=int, default=0, help="pause after so many calls to models")
    parser.add_argument("--limit", type=int, default=0, help="only the first so many instructions")
    parser.add_argument("--category", default="", help="only instructions of this category")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plan", action="store_true", help="say what it would cost, and launch nothing")


def _add_imports(commands: Subparsers) -> None:
    words = group(commands, "import", "bring in battles or answers made elsewhere")
    parser = command(words, "battles", _import_battles, "import battles or votes: CSV, JSONL, JSON, Parquet")
    parser.add_argument("file", type=Path)
    parser.add_argument("--format", choices=list(FORMATS), default="", help="default: told by the fields")
    parser = command(words, "answers", _import_answers, "import a contender's answers to a test set")
    parser.add_argument("file", type=Path)
    parser.add_argument("--contender", required=True)
    parser.add_argument("--testset", required=True)


def _add_export(commands: Subparsers) -> None:
    words = group(commands, "export", "write battles for other programs")
    parser = command(words, "battles", _export, f"write battles to a new file; at most {MOST_EXPORTED:,}")
    parser.add_argument("file", type=Path)
    parser.add_argument("--format", choices=list(EXPORTS), default="jsonl")
    parser.add_argument("--testset", default="")
    parser.add_argument("--judge", default="")
    parser.add_argument("--run", default="", dest="of_run", help="only battles of this run")
    parser.add_argument("--pair", default="", help="two contenders, as 'A vs B'")


EXPORTS = {"csv": "CSV", "jsonl": "JSON lines", "dpo": "DPO pairs", "llm-comparator": "LLM Comparator"}
"""Word on the command line -> menu word of `exports.FORMATS`."""


def _battle(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        settings = _settings(arguments)
        check_field(store, settings)
        judge = ensure_judge(store, arguments.judge, arguments.judge_kind)
        settings = dataclasses.replace(settings, judge=judge.name)
        planned = plan(store, settings)
        said = in_words(planned)
        if arguments.plan:
            show(arguments, to_json(planned) | {"calls": planned.calls, "seconds": planned.seconds}, said)
            return
        say(said)
        job = launch_planned(store, settings, planned)
        status = wait(store, job)
        where = "run = ?"
        document: dict[str, Json] = {
            "run": job.id,
            "folder": str(job.folder),
            "judge": judge.name,
            "planned_calls": planned.calls,
            "planned_seconds": planned.seconds,
            "seconds": (status.ended or 0.0) - (status.started or 0.0),
            "battles": store.count(Battle, where, [job.id]),
            "figures": dict(status.figures),
            "wins": _wins(store, job.id),
            "standing": control.standing(store, judge.name),
        }
    show(arguments, document, _battle_text(document))


def _settings(arguments: argparse.Namespace) -> FightSettings:
    sampling = None
    if arguments.temperature is not None or arguments.max_tokens is not None:
        default = Sampling()
        sampling = dataclasses.replace(
            default,
            temperature=default.temperature if arguments.temperature is None else arguments.temperature,
            max_tokens=arguments.max_tokens or default.max_tokens,
        )
    return FightSettings(
        testset=arguments.testset,
        contenders=tuple(names(arguments.contenders)),
        judge=arguments.judge,
        pairing=arguments.pairing,
        target=arguments.target,
        k=arguments.k,
        width=arguments.width,
        stability=arguments.stability,
        samples=arguments.samples,
        sampling=sampling,
        conservative=arguments.conservative,
        tie_margin=arguments.tie_margin,
        budget=arguments.budget,
        limit=arguments.limit,
        category=arguments.category,
        seed=arguments.seed,
    )


def _wins(store: Store, run: str) -> list[Json]:
    frame = store.query(
        "SELECT contender_a, contender_b, count(*) FILTER (winner = 'A') AS wins_a, "
        "count(*) FILTER (winner = 'B') AS wins_b, count(*) FILTER (winner NOT IN ('A', 'B')) AS ties, "
        "avg(margin) AS margin FROM battle WHERE run = ? GROUP BY ALL ORDER BY ALL",
        [run],
    )
    return list(frame.to_dicts())


def _battle_text(document: dict[str, Json]) -> str:
    rows = document["wins"] if isinstance(document["wins"], list) else []
    lines = [f"{document['battles']} new battles, run {document['run']}"]
    for row in rows:
        assert isinstance(row, dict)
        lines.append(
            f"  {row['contender_a']} {row['wins_a']} : {row['wins_b']} {row['contender_b']} "
            f"({row['ties']} ties)"
        )
    return "\n".join([*lines, str(document["standing"])])


def _import_battles(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        taken = import_battles(store, arguments.file, arguments.format)
    text = (
        f"{taken.battles} battles ({taken.format}), {taken.instructions} instructions and "
        f"{taken.responses} answers are in; new contenders: {', '.join(taken.new_contenders) or 'none'}"
    )
    show(arguments, to_json(taken), text)


def _import_answers(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        joined = import_answers(store, arguments.file, arguments.contender, arguments.testset)
    first = (
        f"{joined.saved} answers are in ({joined.by_id} joined by id, {joined.by_text} by text); "
        f"{joined.unanswered} instructions of {arguments.testset} are still without one"
    )
    lines = [first]
    if joined.unmatched:
        lines.append(f"{len(joined.unmatched)} fit no instruction of the test set:")
    show(arguments, to_json(joined), "\n".join([*lines, *(f"  {place}" for place in joined.unmatched)]))


def _export(arguments: argparse.Namespace) -> None:
    if arguments.file.exists():
        raise BadInput(f"{arguments.file} exists already; name a new file.")
    wish = Filter(pair=arguments.pair, testset=arguments.testset, judge=arguments.judge, run=arguments.of_run)
    with Store.open(arguments.home) as store:
        made = export(store, wish, EXPORTS[arguments.format])
    if not made.battles:
        raise BadInput("No battle fits; widen the choice.")
    try:
        arguments.file.write_text(made.text, "utf-8")
    except OSError as error:
        raise BadInput(f"{arguments.file} cannot be written: {error.strerror}.") from error
    document: Json = {
        "file": str(arguments.file),
        "format": arguments.format,
        "battles": made.battles,
        "left_out": made.left_out,
    }
    show(arguments, document, f"{made.battles} battles are in {arguments.file}, {made.left_out} left out")
