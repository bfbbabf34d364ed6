"""A job loses nothing and repeats nothing, whoever dies when."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from arena import jobs
from arena.collector import collect
from arena.jobs import State
from arena.records import BadInput, Instruction
from arena.store import Store
from arena.worker import Run


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def ended(job: jobs.Job) -> bool:
    return not jobs.status(job).active


def start_count(home: Path, n: int, seconds: float = 0.0, lease: bool = False) -> jobs.Job:
    settings = {"n": n, "seconds": seconds}
    return jobs.start(home, "count", "tests.worker:count", "Count", settings, lease=lease)


def test_what_a_job_emits_arrives_in_the_store_once(home: Path) -> None:
    with Store.open(home) as store:
        job = start_count(home, 30)
        wait_for(lambda: ended(job))
        assert jobs.status(job).state is State.DONE
        assert (jobs.status(job).done, jobs.status(job).total) == (30, 30)
        assert collect(store) == 30
        assert collect(store) == 0
        assert store.count(Instruction) == 30
        assert jobs.metrics(job)[0]["loss"] == 0.5


def test_a_stopped_job_resumes_where_it_was(home: Path) -> None:
    with Store.open(home) as store:
        job = start_count(home, 40, 0.05)
        wait_for(lambda: jobs.status(job).done > 3)
        jobs.stop(job)
        wait_for(lambda: ended(job))
        assert jobs.status(job).state is State.STOPPED
        jobs.resume(job)
        wait_for(lambda: ended(job))
        collect(store)
        assert jobs.status(job).state is State.DONE
        assert store.count(Instruction) == 40


def test_a_wish_to_stop_before_the_process_begins_is_kept(home: Path) -> None:
    job = start_count(home, 400, 0.05)
    jobs.stop(job)
    wait_for(lambda: ended(job))
    assert jobs.status(job).state is State.STOPPED


def test_killed_at_random_moments_a_job_still_makes_every_record_once(home: Path) -> None:
    moments = random.Random(7)
    job = start_count(home, 400, 0.002)
    with Store.open(home) as store:
        for _ in range(6):
            wait_for(lambda: jobs.process_of(job) is not None or ended(job))
            time.sleep(moments.uniform(0.05, 0.25))
            process = jobs.process_of(job)
            if process is None:
                break
            os.kill(process, signal.SIGKILL)
            wait_for(lambda: jobs.process_of(job) is None)
            collect(store)
            wait_for(lambda: jobs.status(job).state in {State.INTERRUPTED, State.DONE}, 40)
            if jobs.status(job).state is State.INTERRUPTED:
                jobs.resume(job)
        wait_for(lambda: ended(job))
        collect(store)
        lines = (job.folder / "instruction.jsonl").read_text().splitlines()
        assert len(lines) == len(set(lines)) == 400
        assert store.count(Instruction) == 400


def test_a_failing_job_says_why_in_the_users_words(home: Path) -> None:
    job = jobs.start(home, "fail", "tests.worker:fail", "Fail", {}, lease=False)
    wait_for(lambda: ended(job))
    status = jobs.status(job)
    assert status.state is State.FAILED
    assert status.error == "The folder /nowhere is not there; name another."
    assert "nowhere" in jobs.log_tail(job)


def test_a_long_job_is_still_known_to_run(home: Path) -> None:
    job = start_count(home, 60, 0.05)
    wait_for(lambda: jobs.status(job).state is State.RUNNING)
    row = json.dumps({"at": time.time(), "phase": "count", "done": 1, "total": 60})
    with open(job.folder / "progress.jsonl", "a") as file:  # what hours of work leave behind
        file.write(f"{row}\n" * 5_000)
    status = jobs.status(job)
    assert (status.state, status.done) == (State.RUNNING, 1)
    assert status.started is not None
    jobs.stop(job)
    wait_for(lambda: ended(job))
    assert jobs.status(job).state is State.STOPPED


def test_jobs_that_need_the_accelerator_take_turns(home: Path) -> None:
    first = start_count(home, 20, 0.05, lease=True)
    wait_for(lambda: jobs.status(first).state is State.RUNNING)
    second = start_count(home, 1, lease=True)
    time.sleep(0.4)
    assert jobs.status(second).state is State.QUEUED
    wait_for(lambda: ended(first) and ended(second))
    assert jobs.status(second).state is State.DONE


def test_a_job_that_ignores_the_wish_to_stop_is_killed_after_a_grace(home: Path) -> None:
    job = start_count(home, 2, 60)
    wait_for(lambda: jobs.status(job).state is State.RUNNING)
    jobs.stop(job)
    jobs.reap(job, grace=3600)
    assert jobs.status(job).state is State.STOPPING
    jobs.reap(job, grace=0)
    wait_for(lambda: ended(job))
    assert jobs.status(job).state is State.INTERRUPTED


def test_a_torn_last_line_is_cut_before_the_journal_grows(home: Path) -> None:
    job = start_count(home, 3)
    wait_for(lambda: ended(job))
    with open(job.folder / "instruction.jsonl", "a") as file:
        file.write('{"id": "half')
    run = Run(job.folder)
    run.emit(Instruction.of("one more"))
    run.close()
    with Store.open(home) as store:
        collect(store)
        assert store.count(Instruction) == 4


def test_an_unknown_run_is_bad_input(home: Path) -> None:
    with pytest.raises(BadInput, match="no run"):
        jobs.find(home, "../../etc")
