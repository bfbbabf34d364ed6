"""A small arena in which a tiny student has lost battles, and jobs that run in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena import jobs
from arena.collector import collect
from arena.flywheel.bouts import read_bouts
from arena.flywheel.rounds import RoundPlan
from arena.flywheel.selection import Selection
from arena.flywheel.train import launch
from arena.flywheel.training_sets import make_training_set
from arena.records import Battle, Contender, Instruction, Response, Winner
from arena.store import Store
from arena.worker import work
from tests.tiny_model import make_tiny_model

COLOURS = ("red", "green", "blue", "yes", "no", "one", "two", "three")


def lost_battles(store: Store, folder: Path, count: int = 8) -> Contender:
    """The student answers in small letters, the teacher in big ones; the teacher wins by 5."""
    student = Contender("student", "local_transformers", str(make_tiny_model(folder)))
    teacher = Contender("teacher", "scripted")
    store.save([student, teacher])
    for n in range(count):
        word = COLOURS[n % len(COLOURS)]
        instruction = instruction_that_code_checks(n)
        mine = Response(f"s{n}", "student", instruction.id, "x", 0, (word,))
        best = Response(f"t{n}", "teacher", instruction.id, "x", 0, (word.upper(),))
        battle = Battle(
            f"b{n}", instruction.id, "student", "teacher", Winner.B, "code", "", mine.id, best.id,
            2.0, 7.0, -5.0, category="verifiable",
        )  # fmt: skip
        store.save([instruction, mine, best, battle])
    return student


def instruction_that_code_checks(n: int) -> Instruction:
    return Instruction.of(
        f"say the word {COLOURS[n % len(COLOURS)]} {n} in big letters",
        category="verifiable",
        check={"kind": "uppercase"},
    )


def training_set(store: Store, stage: str, k: float = 1.0) -> str:
    bouts = read_bouts(store, student="student")
    return make_training_set(store, f"set-{stage}", "student", stage, Selection(k=k), bouts).name


def prepared(store: Store, plan: RoundPlan, patch: pytest.MonkeyPatch) -> jobs.Job:
    """The run folder of a round, not started."""
    patch.setattr(jobs, "_spawn", lambda job: None)
    return launch(store, plan)


def run_here(store: Store, job: jobs.Job) -> jobs.Status:
    """Do the job in this process and take in what it wrote."""
    work(job.folder)
    collect(store)
    return jobs.status(job)
