"""App and job are killed at random moments; after the restart every answer, game and battle is there once."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from arena import jobs
from arena.battles import fight
from arena.battles.fight import FightSettings
from arena.collector import collect
from arena.jobs import State
from arena.records import Battle, Judgement, Response
from arena.store import Store
from tests.battles.conftest import contender, small_arena

KILLS = int(os.environ.get("WIZARDARENA_KILLS", "6"))
"""Set it to 100 for the long run."""
INSTRUCTIONS = 12 + 5 * KILLS
SETTINGS = FightSettings("small", ("good", "fair", "poor"), "judge")


def slow_arena(store: Store) -> None:
    small_arena(store, INSTRUCTIONS)
    store.save([contender("reader", judge=True, delay=0.06)])


def kill_job(job: jobs.Job) -> bool:
    """Whether it was alive."""
    process = jobs.process_of(job)
    if process is None:
        return False
    os.kill(process, signal.SIGKILL)
    while jobs.process_of(job) is not None:
        time.sleep(0.01)
    return True


@pytest.mark.timeout(120 + 20 * KILLS)
def test_nothing_is_lost_or_doubled_when_app_and_job_die(make_app: Any) -> None:
    moments = random.Random(11)
    app = make_app(slow_arena, "--bare")
    app.stop()
    with Store.open(app.home) as store:
        job = fight.launch(store, SETTINGS)
    killed = 0
    for _ in range(KILLS):
        app.start()
        if jobs.status(job).state is State.INTERRUPTED:
            jobs.resume(job)
        time.sleep(moments.uniform(0.2, 1.5))
        victims = moments.choice(("app", "job", "both"))
        if victims != "job":
            app.stop(signal.SIGKILL)
        if victims != "app":
            killed += kill_job(job)
        if victims == "job":
            app.stop(signal.SIGKILL)
    print(f"{KILLS} restarts of the app, {killed} kills of the job while it ran")
    assert killed >= KILLS // 3, "the job ended before it could be killed often enough"
    assert wait_until_ended(job) in {State.DONE, State.INTERRUPTED}
    if jobs.status(job).state is State.INTERRUPTED:
        jobs.resume(job)
        assert wait_until_ended(job) is State.DONE
    with Store.open(app.home) as store:
        collect(store)
        counts = (store.count(Response), store.count(Judgement), store.count(Battle))
    assert counts == (3 * INSTRUCTIONS, 6 * INSTRUCTIONS, 3 * INSTRUCTIONS)
    for name in ("response", "judgement", "battle"):
        ids = [json.loads(line)["id"] for line in open_lines(job.folder / f"{name}.jsonl")]
        assert len(ids) == len(set(ids)), f"a {name} was made twice"


def wait_until_ended(job: jobs.Job) -> State:
    end = time.monotonic() + 120
    while jobs.status(job).active:
        assert time.monotonic() < end, jobs.log_tail(job)
        time.sleep(0.1)
    return jobs.status(job).state


def open_lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()
