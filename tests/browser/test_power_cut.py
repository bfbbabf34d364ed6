"""App and job are killed at random moments; after the restart every answer, game and battle is there once,
and no call was made again but those that were on their way when the job died."""

from __future__ import annotations

import dataclasses
import os
import random
import re
import signal
import time
from collections import Counter
from typing import Any

import pytest

from arena import jobs
from arena.battles import fight
from arena.battles.fight import FightSettings
from arena.battles.judges.prompt import make_judge
from arena.collector import collect
from arena.jobs import State
from arena.records import Battle, Contender, Judgement, Response
from arena.run_folder import whole_lines
from arena.store import Store
from tests.battles.conftest import small_arena
from tests.fake_server import FakeServer, Reply, Request, answer

KILLS = int(os.environ.get("WIZARDARENA_KILLS", "6"))
"""Set it to 100 for the long run."""
INSTRUCTIONS = 12 + 5 * KILLS
NAMES = ("ann", "bob", "cat")
SETTINGS = FightSettings("small", NAMES, "judge")
AT_ONCE = 4
SECONDS = 0.2
"""A call; with AT_ONCE of them the job is at work for about as long as it is killed."""
SPOKEN = re.compile(r"\w+ says of Question \d+\?")


class Model:
    """Every contender and the judge: counts each call that really arrived, by what it asks for."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __call__(self, request: Request) -> Reply:
        asked = request["messages"][-1]["content"]
        if request["model"] == "judge":
            first, second = SPOKEN.findall(asked)
            made, said = f"{first} | {second}", '{"right_answer": "x", "score_a": 7, "score_b": 3}'
        else:
            made = said = f"{request['model']} says of {asked}"
        self.calls[made] += 1
        return dataclasses.replace(answer(said), delay=SECONDS)

    def unkept(self, job: jobs.Job) -> set[str]:
        """The calls that arrived and whose results the job has not kept."""
        return set(self.calls) - set(kept(job))


def kept(job: jobs.Job) -> list[str]:
    """What the job's journals hold, each row by the name that `Model` gives its call."""
    said = {str(row["id"]): _only(row["answers"]) for row in whole_lines(job.folder / "response.jsonl")}
    games = whole_lines(job.folder / "judgement.jsonl")
    return [*said.values(), *(f"{said[str(g['first'])]} | {said[str(g['second'])]}" for g in games)]


def _only(answers: Any) -> str:
    (text,) = answers
    return str(text)


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
    model = Model()
    with FakeServer(model, keep=False) as server:
        options = {"max_in_flight": AT_ONCE, "start_in_flight": AT_ONCE}

        def arena(store: Store) -> None:
            small_arena(store, INSTRUCTIONS)
            served = [
                Contender(n, "openai_server", server.url, n, options=options) for n in (*NAMES, "judge")
            ]
            store.save([*served, make_judge("judge", "scores", "judge")])

        app = make_app(arena, "--bare")
        app.stop()
        with Store.open(app.home) as store:
            job = fight.launch(store, SETTINGS)
        time.sleep(moments.uniform(0.5, 1.5))
        killed = int(kill_job(job))  # also so that it waits for the app, however long that takes to start
        lost: Counter[str] = Counter()
        """Call -> the kills at which it was on its way."""
        for _ in range(KILLS):
            app.start()
            if jobs.status(job).state is State.INTERRUPTED:
                resume(job, model, lost)
            time.sleep(moments.uniform(0.2, 1.5))
            victims = moments.choice(("app", "job", "both"))
            if victims != "job":
                app.stop(signal.SIGKILL)
            if victims != "app":
                killed += kill_job(job)
            if victims == "job":
                app.stop(signal.SIGKILL)
        assert killed >= KILLS // 3, "the job ended before it could be killed often enough"
        if wait_until_ended(job) is State.INTERRUPTED:
            resume(job, model, lost)
            wait_until_ended(job)
        assert jobs.status(job).state is State.DONE, jobs.log_tail(job)
    with Store.open(app.home) as store:
        collect(store)
        counts = (store.count(Response), store.count(Judgement), store.count(Battle))
    assert counts == (3 * INSTRUCTIONS, 6 * INSTRUCTIONS, 3 * INSTRUCTIONS)
    for name in ("response", "judgement", "battle"):
        ids = [row["id"] for row in whole_lines(job.folder / f"{name}.jsonl")]
        assert len(ids) == len(set(ids)), f"a {name} was kept twice"
    assert sorted(kept(job)) == sorted(model.calls)
    again = Counter({call: times - 1 for call, times in model.calls.items() if times > 1})
    print(
        f"{KILLS} restarts of the app, {killed} kills of the job while it ran: {again.total()} calls made "
        f"again, {lost.total()} were on their way"
    )
    assert again <= lost, f"made again without need: {again - lost}"


def resume(job: jobs.Job, model: Model, lost: Counter[str]) -> None:
    on_their_way = model.unkept(job)
    assert len(on_their_way) <= 2 * AT_ONCE, "more calls were on their way than the job draws ahead"
    lost.update(on_their_way)
    jobs.resume(job)


def wait_until_ended(job: jobs.Job) -> State:
    end = time.monotonic() + 120
    while jobs.status(job).active:
        assert time.monotonic() < end, jobs.log_tail(job)
        time.sleep(0.1)
    return jobs.status(job).state
