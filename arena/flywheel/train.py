"""The training job: checks before it starts, trains by a stage, publishes the checkpoint whole, registers it.

The same file runs without the app, on one process or several:
    python -m arena.flywheel.train RUN_FOLDER
`launchers` has the commands for several processes.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import shutil
import signal
import sys
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import cast

from arena import jobs, worker
from arena.flywheel.failures import explained
from arena.flywheel.offers import count_weights
from arena.flywheel.presets import settings_for
from arena.flywheel.rounds import RoundPlan
from arena.flywheel.stages import STAGES
from arena.flywheel.task import Task, Train
from arena.flywheel.training_sets import examples, leaks
from arena.jobs import Job
from arena.records import (
    ArenaError,
    BadInput,
    Contender,
    Example,
    Instruction,
    Json,
    Round,
    TrainingSet,
    to_json,
)
from arena.store import Store
from arena.worker import Run, Stopped

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
SHAPES = {"sft": ("sft",), "dpo": ("dpo", "reward"), "reward": ("reward", "dpo")}
"""Stage -> stages whose training sets fit it; those absent here need prompts only and take any."""

STORES = ("float32", "bfloat16", "float16", "student")


def launch(store: Store, plan: RoundPlan) -> Job:
    """Check a round and start its job.

    Raises:
        BadInput: whatever can be known to fail before the first step; nothing is started then.
    """
    student = _contender(store, plan.student)
    checkpoint = plan.checkpoint or plan.name
    for what, name in (("round", plan.name), ("checkpoint", checkpoint)):
        if not NAME.fullmatch(name):
            raise BadInput(
                f"The {what}'s name {name!r} must be letters, digits, dots, dashes or underscores."
            )
    if store.get(Contender, checkpoint) is not None or (store.home / "models" / checkpoint).exists():
        raise BadInput(f"There is a contender {checkpoint!r} already; name the new checkpoint otherwise.")
    if store.get(Round, plan.name) is not None:
        raise BadInput(f"There is a round {plan.name!r} already; choose another name.")
    settings = settings_for(plan.stage, plan.preset, plan.settings)
    if plan.threads < 1:
        raise BadInput(f"A training needs at least one thread, not {plan.threads}.")
    if not 0 <= plan.aside <= 0.5 or (plan.aside and plan.stage not in SHAPES):
        raise BadInput(
            f"The share kept aside must be 0 to 0.5 (it is {plan.aside:g}), and 0 for PPO and RLOO, whose reward "
            "is measured on fresh answers anyway."
        )
    if plan.store_as not in STORES:
        raise BadInput(
            f"No dtype {plan.store_as!r} to store a checkpoint as; choose one of {', '.join(STORES)}."
        )
    chosen = store.get(TrainingSet, plan.training_set)
    rows = examples(store, plan.training_set)
    if chosen is None or len(rows) < (2 if plan.aside else 1):
        raise BadInput(f"The training set {plan.training_set!r} has {len(rows)} rows: too few.")
    fitting = SHAPES.get(plan.stage, ())
    if fitting and chosen.stage not in fitting:
        raise BadInput(
            f"{plan.training_set!r} was made for {chosen.stage}; that stage needs one for {fitting[0]}."
        )
    leaked = leaks(store, plan.training_set)
    if leaked and plan.forbid_leaks:
        raise BadInput(
            f"{len(leaked)} of {len(rows)} examples of {plan.training_set!r} are also in a held-out test set "
            f"(first: instruction {leaked[0]}); a report on that set would flatter the student. Battle on a "
            "train set, or leave these out."
        )
    folder = check_student(student)
    _check_disk(store.home, folder, plan.stage, bool(plan.lora))
    extra: list[Contender] = [_reward_model(store, plan.reward)] if plan.reward else []
    instructions = _instructions(store, plan.training_set)
    if plan.stage in {"ppo", "rloo"} and not plan.reward and not all(i.check for i in instructions):
        raise BadInput(
            f"{plan.stage.upper()} without a reward model needs instructions that code can check; "
            f"{sum(not i.check for i in instructions)} of {len(instructions)} have no check. "
            "Train a reward model first and name it."
        )
    job_settings = cast(
        "dict[str, Json]", {"round": to_json(plan), "settings": settings, "leaks": len(leaked)}
    )
    title = f"{plan.stage.upper()} {checkpoint}: {plan.student} on {len(rows)} examples"
    return jobs.start(
        store.home, "train", "arena.flywheel.train:work", title, job_settings,
        [student, *extra, chosen, *rows, *instructions],
    )  # fmt: skip


def _contender(store: Store, name: str) -> Contender:
    found = store.get(Contender, name)
    if found is None:
        raise BadInput(f"There is no contender {name!r}.")
    return found


def _reward_model(store: Store, name: str) -> Contender:
    """The contender that scores answers; one that talks would be given a head that nobody trained."""
    found = _contender(store, name)
    kinds = _json(Path(found.location) / "config.json").get("architectures") or []
    if not any("ForSequenceClassification" in str(kind) for kind in cast("list[Json]", kinds)):
        raise BadInput(f"{name!r} is no reward model; train one with the stage reward and name that.")
    return found


def _json(file: Path) -> dict[str, Json]:
    """What the file holds; nothing where there is none.

    Raises:
        BadInput: it is no JSON.
    """
    try:
        found = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise BadInput(f"{file} cannot be read as JSON ({error}); fetch the model again.") from error
    return found if isinstance(found, dict) else {}


def _instructions(store: Store, training_set: str) -> list[Instruction]:
    where = "id IN (SELECT instruction FROM example WHERE training_set = ?)"
    return store.load(Instruction, where, [training_set], "id")


def check_student(student: Contender) -> Path:
    """The student's folder, if it can be trained.

    Raises:
        BadInput: no folder of safetensors, remote code, no chat template, or no pad token.
    """
    folder = Path(student.location)
    where = f"{student.name} ({folder})"
    if student.backend != "local_transformers" or not (folder / "config.json").is_file():
        raise BadInput(f"{where} is not a local model folder with a config.json; only such can be trained.")
    if not list(folder.glob("*.safetensors")):
        raise BadInput(
            f"{where} has no .safetensors weights; convert it first (pickled weights are not loaded)."
        )
    if "auto_map" in _json(folder / "config.json"):
        raise BadInput(
            f"{where} wants to run its own code (auto_map in config.json), which is never allowed."
        )
    tokenizer_file = folder / "tokenizer_config.json"
    tokenizer = _json(tokenizer_file)
    if not (folder / "chat_template.jinja").is_file() and not tokenizer.get("chat_template"):
        raise BadInput(f"{where} has no chat template; put a chat_template.jinja into its folder.")
    if tokenizer.get("pad_token") is None:
        raise BadInput(
            f'{where} has no pad token; add "pad_token" to {tokenizer_file} (its eos_token will do).'
        )
    return folder


def _check_disk(home: Path, folder: Path, stage: str, lora: bool) -> None:
    """Raise BadInput when the trainer's checkpoint and the new model would not fit."""
    weights = sum(count_weights(file) for file in folder.glob("*.safetensors"))
    # Four bytes a weight, twice more for Adam's moments, and the model; PPO keeps a value model as well.
    needed = weights * (5 if lora else {"ppo": 32}.get(stage, 16)) + 2**26
    free = shutil.disk_usage(home).free
    if free < needed:
        raise BadInput(
            f"Training {folder.name} needs about {needed / 2**30:.1f} GiB under {home} for checkpoints, but "
            f"{free / 2**30:.1f} GiB are free; free some space, prune old checkpoints, or train with LoRA."
        )


# --- inside the job ---------------------------------------------------------------------------------


def work(run: Run) -> None:
    """Train, publish, register. A resumed run goes on from the latest whole trainer checkpoint."""
    task = read_task(run, main=True)
    if place_of(task).is_dir():
        _register(task, _figures(run))
        return
    figures = _train(task)
    (run.folder / "figures.json").write_text(json.dumps(figures), "utf-8")
    place = publish(task)
    run.log(f"The checkpoint is in {place}.")
    _register(task, figures)


def read_task(run: Run, main: bool) -> Task:
    """The job's plan and inputs as a task."""
    from arena.records import from_json

    plan = from_json(RoundPlan, cast("dict[str, Json]", run.settings["round"]))
    contenders = {c.name: c for c in run.inputs(Contender)}
    student = contenders[plan.student]
    (run.home / "models").mkdir(exist_ok=True)
    return Task(
        run=run,
        student=student,
        folder=check_student(student),
        work=run.folder / "training",
        draft=run.home / "models" / f".draft-{plan.checkpoint or plan.name}",
        examples=tuple(run.inputs(Example)),
        checks={i.id: i.check for i in run.inputs(Instruction) if i.check},
        settings=cast("dict[str, object]", run.settings["settings"]),
        lora=plan.lora,
        reward_folder=Path(contenders[plan.reward].location) if plan.reward else None,
        aside=plan.aside,
        store_as=plan.store_as,
        main=main,
    )


def _train(task: Task) -> dict[str, float]:
    import torch

    plan = cast("dict[str, Json]", task.run.settings["round"])
    torch.set_num_threads(int(str(plan["threads"])))
    torch.manual_seed(int(str(task.settings.get("seed", 0))))  # a reward model's new head is drawn
    module, _, name = STAGES[str(plan["stage"])].partition(":")
    train = cast("Train", getattr(import_module(module), name))
    if task.main:
        shutil.rmtree(task.draft, ignore_errors=True)
    try:
        with explained():
            figures = train(task)
    except ArenaError:
        shutil.rmtree(task.draft, ignore_errors=True)  # half a model takes the space that is missing
        raise
    return {k: v for k, v in figures.items() if math.isfinite(v)}


def place_of(task: Task) -> Path:
    """Where the finished model is."""
    return task.draft.with_name(task.draft.name.removeprefix(".draft-"))


def publish(task: Task) -> Path:
    """Move the finished draft to its place by one rename: a checkpoint is there whole or not at all."""
    place = place_of(task)
    for file in task.draft.rglob("*"):
        if file.is_file():
            with open(file, "rb") as opened:
                os.fsync(opened.fileno())
    task.draft.rename(place)
    shutil.rmtree(task.work, ignore_errors=True)
    return place


def _figures(run: Run) -> dict[str, float]:
    path = run.folder / "figures.json"
    return cast("dict[str, float]", json.loads(path.read_text("utf-8"))) if path.is_file() else {}


def _register(task: Task, figures: dict[str, float]) -> None:
    """Emit the new contender and the finished round, once."""
    plan = cast("dict[str, Json]", task.run.settings["round"])
    name = str(plan["checkpoint"] or plan["name"])
    stage, iteration = str(plan["stage"]), cast("int | None", plan["iteration"])
    is_reward = stage == "reward"
    contender = dataclasses.replace(
        task.student,
        name=name,
        location=str(task.run.home.resolve() / "models" / name),
        options={"dtype": "auto", **task.student.options, "role": "reward" if is_reward else "checkpoint"},
        description=f"{task.student.name} after {stage.upper()} on {len(task.examples)} examples.",
        parent=task.student.name,
        stage=stage,
        iteration=iteration,
        round=str(plan["name"]),
        hidden=is_reward,  # a reward model scores, it does not talk
        recorded=False,
        made_at=task.run.job.created,
    )
    finished = Round(
        name=str(plan["name"]),
        stage=stage,
        student=task.student.name,
        training_set=str(plan["training_set"]),
        checkpoint=name,
        iteration=iteration,
        run=task.run.job.id,
        settings=cast("dict[str, Json]", {**plan, "settings": task.run.settings["settings"]}),
        metrics=cast("dict[str, Json]", {**figures, "leaks": task.run.settings.get("leaks", 0)}),
        made_at=task.run.job.created,
    )
    if (name,) not in task.run.held(Contender):
        task.run.emit(contender)
    if (finished.name,) not in task.run.held(Round):
        task.run.emit(finished)


def main(folder: Path) -> int:
    """Do the work of a run folder in this process; under torchrun only the first rank keeps the records."""
    if int(os.environ.get("RANK", "0")) == 0:
        return worker.work(folder)
    run = Run(folder)

    def wish(_signal: int, _frame: FrameType | None) -> None:
        run.stopping = True

    signal.signal(signal.SIGTERM, wish)
    task = read_task(run, main=False)
    try:
        if not place_of(task).is_dir():  # else the first rank only registers it
            _train(task)
    except Stopped:
        return 0
    except ArenaError as error:
        print(f"Process {os.environ['RANK']}: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    from arena.flywheel.train import main as main_as_imported  # one `Stopped` for us and for the stages

    sys.exit(main_as_imported(Path(sys.argv[1])))
