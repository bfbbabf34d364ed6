"""A training that dies or is stopped goes on to the very weights of one that was left alone."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from arena import jobs
from arena.flywheel.rounds import RoundPlan
from arena.flywheel.stages import STAGES
from arena.flywheel.train import launch
from arena.jobs import State
from arena.records import Json
from arena.store import Store
from arena.worker import Run, work
from tests.flywheel.rooms import lost_battles, prepared, run_here, training_set

pytestmark = pytest.mark.filterwarnings("ignore")

SETTINGS: dict[str, dict[str, Json]] = {
    "sft": {"max_steps": 6, "save_steps": 2, "learning_rate": 1e-3},
    "dpo": {"max_steps": 6, "save_steps": 2, "learning_rate": 1e-3},
    "reward": {"max_steps": 6, "save_steps": 2, "learning_rate": 1e-3},
    "ppo": {"max_steps": 6, "save_steps": 2, "max_completion_length": 6, "learning_rate": 1e-3},
    # Four steps an epoch: it goes on within the first and draws the second's order anew.
    "rloo": {"max_steps": 6, "save_steps": 3, "max_completion_length": 6, "learning_rate": 1e-3},
}


class PowerCut(BaseException):
    """Like kill -9 to everything on disk: no last word, no last checkpoint."""


def plan(store: Store, stage: str, name: str) -> RoundPlan:
    return RoundPlan(name, stage, "student", training_set(store, stage), settings=SETTINGS[stage])


def losses(job: jobs.Job) -> dict[int, float]:
    """Of a step that was done twice the last counts."""
    return {int(str(m["step"])): float(str(m["loss"])) for m in jobs.metrics(job) if "loss" in m}


def same_weights(home: Path, one: str, other: str) -> bool:
    a, b = (load_file(home / "models" / name / "model.safetensors") for name in (one, other))
    return a.keys() == b.keys() and all((a[name] == b[name]).all() for name in a)


@pytest.mark.parametrize("stage", STAGES)
def test_resumed_after_a_power_cut_it_equals_the_uninterrupted_run(
    stage: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(home) as store:
        lost_battles(store, home / "models" / "tiny")
        whole = prepared(store, plan(store, stage, "whole"), monkeypatch)
        assert run_here(store, whole).state is State.DONE
        assert not same_weights(home, "tiny", "whole")
        cut = prepared(store, plan(store, stage, "cut"), monkeypatch)
        metric = Run.metric

        def die_at_five(run: Run, **figures: Json) -> None:
            metric(run, **figures)
            if figures["step"] == 5:
                raise PowerCut

        monkeypatch.setattr(Run, "metric", die_at_five)
        with pytest.raises(PowerCut):
            work(cut.folder)
        monkeypatch.setattr(Run, "metric", metric)
        for name in ("checkpoint-6", "part-6"):  # and a checkpoint that was being written
            (cut.folder / "training" / name).mkdir()
            (cut.folder / "training" / name / "model.safetensors").write_bytes(b"\x09torn")
        assert run_here(store, cut).state is State.DONE
        assert losses(cut).keys() == losses(whole).keys()
        assert losses(cut) == losses(whole)
        assert same_weights(home, "cut", "whole")
        assert "discarded" in capsys.readouterr().out


@pytest.mark.parametrize("stage", STAGES)
def test_asked_to_stop_it_leaves_a_checkpoint_after_the_current_step(
    stage: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(home) as store:
        lost_battles(store, home / "models" / "tiny")
        whole = prepared(store, plan(store, stage, "whole"), monkeypatch)
        run_here(store, whole)
        job = prepared(store, plan(store, stage, "stopped"), monkeypatch)
        metric = Run.metric

        def stop_at_three(run: Run, **figures: Json) -> None:
            metric(run, **figures)
            if figures["step"] == 3:
                os.kill(os.getpid(), signal.SIGTERM)

        monkeypatch.setattr(Run, "metric", stop_at_three)
        before = signal.getsignal(signal.SIGTERM)
        assert run_here(store, job).state is State.STOPPED
        assert signal.getsignal(signal.SIGTERM) is before  # or nothing but kill -9 would end this process
        assert [f.name.rpartition("-")[2] for f in (job.folder / "training").glob("*-[0-9]")] in (
            ["3"],
            ["4"],
        )
        assert not (home / "models" / "stopped").exists()
        monkeypatch.setattr(Run, "metric", metric)
        assert run_here(store, job).state is State.DONE
        assert losses(job) == losses(whole)
        assert same_weights(home, "stopped", "whole")


@pytest.mark.models
def test_killed_for_real_it_resumes_to_the_same_weights(home: Path) -> None:
    with Store.open(home) as store:
        lost_battles(store, home / "models" / "tiny")
        settings: dict[str, Json] = {"max_steps": 60, "save_steps": 10, "learning_rate": 1e-3}
        names = []
        for name, deadly in (("whole", False), ("killed", True)):
            set_name = training_set(store, "sft")
            job = launch(store, RoundPlan(name, "sft", "student", set_name, settings=settings))
            if deadly:
                while not any(step > 25 for step in losses(job)):
                    assert jobs.status(job).active, jobs.log_tail(job)
                    time.sleep(0.005)
                process = jobs.process_of(job)
                assert process is not None
                os.kill(process, signal.SIGKILL)
                while jobs.process_of(job) is not None:
                    time.sleep(0.02)
                assert jobs.status(job).state is State.INTERRUPTED
                jobs.resume(job)
            while jobs.status(job).active:
                time.sleep(0.1)
            assert jobs.status(job).state is State.DONE, jobs.log_tail(job)
            names.append(losses(job))
        assert names[0] == names[1]
        assert same_weights(home, "killed", "whole")
