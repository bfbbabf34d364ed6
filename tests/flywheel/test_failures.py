"""Memory and disk run out: a sentence that says what to do, and nothing half-registered."""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from arena import jobs
from arena.collector import collect
from arena.flywheel.failures import explain
from arena.flywheel.rounds import RoundPlan
from arena.jobs import State
from arena.records import Contender, Round
from arena.store import Store
from arena.worker import work
from tests.flywheel.rooms import lost_battles, prepared, run_here, training_set

pytestmark = pytest.mark.filterwarnings("ignore")


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """The system refuses to write a file beyond `size` bytes, as a disk without space would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("stage", "save_steps"), [("sft", 100), ("sft", 2), ("ppo", 2)], ids=["the model", "checkpoint", "ppo's"]
)
def test_a_disk_that_fills_while_saving_leaves_nothing_half_registered(
    stage: str, save_steps: int, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(home) as store:
        lost_battles(store, home / "models" / "tiny")
        settings = {"max_steps": 4, "save_steps": save_steps, "learning_rate": 1e-3}
        if stage == "ppo":
            settings["max_completion_length"] = 6
        name = training_set(store, stage)
        whole = prepared(store, RoundPlan("whole", stage, "student", name, settings=settings), monkeypatch)
        assert run_here(store, whole).state is State.DONE
        job = prepared(store, RoundPlan("full", stage, "student", name, settings=settings), monkeypatch)
        with files_at_most(2**16):
            work(job.folder)
        status = jobs.status(job)
        collect(store)
        assert status.state is State.FAILED
        assert "The disk is full" in status.error
        assert "resume" in status.error
        assert store.get(Contender, "full") is None
        assert store.get(Round, "full") is None
        assert {f.name for f in (home / "models").iterdir()} == {"tiny", "whole"}
        assert run_here(store, job).state is State.DONE  # there is space again
        weights = [(home / "models" / n / "model.safetensors").read_bytes() for n in ("whole", "full")]
        assert weights[0] == weights[1]


def test_what_ran_out_is_named_whoever_says_it() -> None:
    table = [
        (MemoryError(), "Out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."), "Out of memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "Out of memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (RuntimeError("PytorchStreamWriter failed writing file data/3"), "disk is full"),
    ]
    for error, words in table:
        assert words in str(explain(error))
    assert explain(ValueError("labels")) is None
