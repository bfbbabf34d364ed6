"""The words of this room on the command line: training sets and training."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import cast

from arena import jobs
from arena.flywheel import curves, harness, likelihood
from arena.flywheel.bouts import read_bouts
from arena.flywheel.launchers import LAUNCHERS, shell_command
from arena.flywheel.lineage import lineage
from arena.flywheel.presets import PRESETS
from arena.flywheel.prune import disk_use, prune
from arena.flywheel.rounds import RoundPlan
from arena.flywheel.selection import PAIRS, Selection, reads_others
from arena.flywheel.strategies import NEEDS_SCORES, STRATEGIES
from arena.flywheel.train import launch
from arena.flywheel.training_sets import EXPORTS, export, make_training_set, training_sets
from arena.records import BadInput, Json, Round, to_json
from arena.store import Store
from arena.terminal import Subparsers, command, group, names, say, show, wait


def add(commands: Subparsers) -> None:
    sets = group(commands, "training-set", "lost battles chosen as examples")
    make = command(sets, "make", run_make, "choose lost battles and save them as a training set")
    make.add_argument("name")
    make.add_argument("--student", required=True)
    make.add_argument("--stage", choices=list(PRESETS), default="sft")
    make.add_argument("--testset", default="", help="battles on this test set only")
    make.add_argument("--judge", default="", help="battles by this judge only")
    make.add_argument("--from-run", default="", help="battles of this run only")
    make.add_argument("--strategy", choices=list(STRATEGIES), default="pair-judge")
    make.add_argument("--k", type=float, default=1.0, help="least score gap; the paper: SFT 3, DPO 2, then 1")
    make.add_argument("--more-than-k", action="store_true", help="a gap of exactly K does not count")
    make.add_argument("--pairs", choices=list(PAIRS), default="with-student")
    make.add_argument("--size", type=int, help="most examples")
    make.add_argument("--per-instruction", type=int, default=1)
    make.add_argument("--per-teacher", type=int)
    make.add_argument("--most-characters", type=int)
    make.add_argument("--length-balanced", action="store_true")
    make.add_argument("--keep-flipped", action="store_true", help="keep battles whose seats disagree")
    make.add_argument("--seed", type=int, default=0)
    command(sets, "list", run_list, "the training sets")
    out = command(sets, "export", run_export, "write a training set to a file")
    out.add_argument("name")
    out.add_argument("file", type=Path)
    out.add_argument("--form", choices=EXPORTS, default="jsonl")

    train = group(commands, "train", "rounds of training")
    start = command(
        train, "start", run_start, "train a student on a training set and register the checkpoint"
    )
    start.add_argument("name", help="of the round and its checkpoint")
    start.add_argument("--stage", choices=list(PRESETS), required=True)
    start.add_argument("--student", required=True)
    start.add_argument("--training-set", required=True)
    start.add_argument("--preset", default="cpu", help="paper or cpu")
    start.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="any setting of TRL")
    start.add_argument("--lora", type=int, metavar="RANK", help="train a LoRA adapter and merge it")
    start.add_argument("--reward", default="", help="contender that is the reward model (ppo, rloo)")
    start.add_argument("--threads", type=int, default=1)
    start.add_argument("--iteration", type=int)
    start.add_argument("--forbid-leaks", action="store_true", help="refuse held-out instructions")
    command(train, "list", run_rounds, "finished rounds and the lineage of checkpoints")
    gone = command(train, "prune", run_prune, "delete old checkpoints' folders; their battles stay")
    gone.add_argument("names", nargs="+", metavar="CHECKPOINT")
    _add_measures(train)
    one = command(train, "show", run_show, "one training run: state, curve, and the command that redoes it")
    one.add_argument("run_id", metavar="RUN")


def _add_measures(train: Subparsers) -> None:
    exam = command(
        train, "lm-eval", run_harness, "lm-evaluation-harness on a checkpoint, where it is installed"
    )
    exam.add_argument("checkpoint")
    exam.add_argument("--tasks", default="general", help="names with commas")
    exam.add_argument(
        "--task-folder", type=Path, help="of YAML task files; without it those that come with us"
    )
    exam.add_argument("--limit", type=int, default=0, help="most questions of each task")
    curve = command(train, "curve", run_curve, "a run's curve as CSV, or into TensorBoard or trackio")
    curve.add_argument("run_id", metavar="RUN")
    curve.add_argument(
        "place", type=Path, help="a file for csv, a folder for tensorboard, a project for trackio"
    )
    curve.add_argument("--form", choices=list(curves.FORMS), default="csv")


def run_make(arguments: argparse.Namespace) -> None:
    selection = Selection(
        strategy=arguments.strategy,
        k=arguments.k,
        at_least=not arguments.more_than_k,
        pairs=arguments.pairs,
        drop_flipped=not arguments.keep_flipped,
        most_characters=arguments.most_characters,
        per_instruction=arguments.per_instruction,
        per_teacher=arguments.per_teacher,
        length_balanced=arguments.length_balanced,
        size=arguments.size,
        seed=arguments.seed,
    )
    source = {"testset": arguments.testset, "judge": arguments.judge, "run": arguments.from_run}
    with Store.open(arguments.home) as store:
        others = reads_others(arguments.stage, selection)
        bouts = read_bouts(store, **source, student=arguments.student, others=others)
        scores = None
        if selection.strategy in NEEDS_SCORES:
            say(f"Reading {len(bouts)} answers with {arguments.student} for {selection.strategy}...")
            scores = likelihood.scores(store, arguments.student, bouts, selection.strategy)
        made = make_training_set(
            store, arguments.name, arguments.student, arguments.stage, selection, bouts,
            cast("dict[str, Json]", source), scores,
        )  # fmt: skip
    show(arguments, to_json(made), f"{made.name}: {made.size} examples of {len(bouts)} battles")


def run_list(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        frame = training_sets(store)
    lines = [
        f"{r['name']:30} {r['stage']:7} {r['strategy']:11} {r['size']:6} for {r['student']}"
        for r in frame.to_dicts()
    ]
    show(arguments, list(frame.to_dicts()), "\n".join(lines) or "No training sets yet.")


def run_export(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        count = export(store, arguments.name, arguments.file, arguments.form)
    show(arguments, {"file": str(arguments.file), "rows": count}, f"{count} rows in {arguments.file}")


def run_start(arguments: argparse.Namespace) -> None:
    plan = RoundPlan(
        arguments.name,
        arguments.stage,
        arguments.student,
        arguments.training_set,
        preset=arguments.preset,
        settings=read_settings(arguments.set),
        lora={"r": arguments.lora} if arguments.lora else {},
        reward=arguments.reward,
        threads=arguments.threads,
        iteration=arguments.iteration,
        forbid_leaks=arguments.forbid_leaks,
    )
    with Store.open(arguments.home) as store:
        job = launch(store, plan)
        say(f"{job.title}\nThe same from a terminal: {shell_command(job)}")
        wait(store, job)
        finished = store.get(Round, plan.name)
    assert finished is not None
    figures = ", ".join(f"{k} {v:.4g}" for k, v in finished.metrics.items() if isinstance(v, (int, float)))
    show(arguments, to_json(finished), f"{finished.checkpoint} is registered. {figures}")


def read_settings(words: list[str]) -> dict[str, Json]:
    """NAME=VALUE words; values are JSON where they can be, text otherwise.

    Raises:
        BadInput: a word without "=".
    """
    settings: dict[str, Json] = {}
    for word in words:
        name, mark, value = word.partition("=")
        if not mark or not name.strip():
            raise BadInput(f"{word!r} is no setting; write NAME=VALUE, e.g. learning_rate=1e-5.")
        try:
            settings[name.strip()] = json.loads(value)
        except ValueError:
            settings[name.strip()] = value.strip()
    return settings


def run_rounds(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        rounds = store.load(Round, order="made_at")
        tree = lineage(store)
        sizes = disk_use(store)
    lines = [
        f"{'  ' * row['depth']}{row['name']} {row['stage']} {sizes.get(row['name'], 0) / 2**20:,.0f} MiB".rstrip()
        for row in tree.to_dicts()
    ]
    document: list[Json] = [to_json(row) for row in rounds]
    show(arguments, document, "\n".join(lines) or "No rounds yet.")


def run_prune(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        freed: dict[str, Json] = {name: prune(store, name) for name in arguments.names}
    lines = [f"{name}: {int(str(size)) / 2**20:,.0f} MiB freed" for name, size in freed.items()]
    show(arguments, freed, "\n".join(lines))


def run_curve(arguments: argparse.Namespace) -> None:
    job = jobs.find(arguments.home, arguments.run_id)
    curves.write(job, arguments.place, arguments.form)
    show(arguments, {"place": str(arguments.place)}, f"The curve of {job.title} is in {arguments.place}.")


def run_harness(arguments: argparse.Namespace) -> None:
    tasks = tuple(names(arguments.tasks))
    with Store.open(arguments.home) as store:
        wait(
            store, harness.launch(store, arguments.checkpoint, tasks, arguments.task_folder, arguments.limit)
        )
    found = [
        s for s in harness.scores(arguments.home) if s.contender == arguments.checkpoint and s.task in tasks
    ]
    lines = [
        f"{s.task:20} {s.metric:12} {s.value:.3f}"
        + (f" ± {1.96 * s.error:.3f}" if s.error is not None else "")
        for s in found
    ]
    show(arguments, [cast("Json", asdict(s)) for s in found], "\n".join(lines))


def run_show(arguments: argparse.Namespace) -> None:
    job = jobs.find(arguments.home, arguments.run_id)
    status, curve = jobs.status(job), jobs.metrics(job)
    document: dict[str, Json] = {
        "run": job.id,
        "title": job.title,
        "state": str(status.state),
        "error": status.error,
        "commands": {how: shell_command(job, how) for how in LAUNCHERS},
        "curve": cast("list[Json]", curve),
    }
    lines = [
        f"step {row.get('step')}: "
        + ", ".join(f"{k} {v:.4g}" for k, v in row.items() if isinstance(v, float) and k != "at")
        for row in curve[-10:]
    ]
    commands = [f"\n{how}:\n  {shell_command(job, how)}" for how in LAUNCHERS]
    show(
        arguments,
        document,
        "\n".join([f"{job.title}: {status.state} {status.error}", *lines, *commands]),
    )
