"""A battle run makes every battle once and asks for nothing twice."""

from __future__ import annotations

import dataclasses
import math
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
from arena.battles.judges.prompt import make_judge
from arena.collector import collect
from arena.records import BadInput, Battle, Judgement, Outcome, Response, Sampling, TestSet
from arena.store import Store
from tests.battles.conftest import contender, finish, small_arena

ALL = FightSettings("small", ("good", "fair", "poor"), "judge")


def test_a_round_robin_settles_every_pair_on_every_instruction(small_home: Path) -> None:
    with Store.open(small_home) as store:
        status = finish(store, fight.launch(store, ALL))
        assert status.state is jobs.State.DONE, status.error
        assert (store.count(Response), store.count(Judgement), store.count(Battle)) == (12, 24, 12)
        assert store.count(Battle, "winner = 'A' AND contender_a = 'fair' AND contender_b = 'good'") == 0
        assert store.count(Battle, "winner = 'B' AND contender_a = 'fair' AND contender_b = 'good'") == 4
        assert status.figures["battles"] == 12


def test_a_second_run_calls_nobody(small_home: Path) -> None:
    with Store.open(small_home) as store:
        finish(store, fight.launch(store, ALL))
        status = finish(store, fight.launch(store, ALL))
        assert status.state is jobs.State.DONE
        assert status.figures["calls"] == 0
        assert store.count(Battle) == 12


def test_one_more_contender_costs_only_its_own_calls(small_home: Path) -> None:
    with Store.open(small_home) as store:
        finish(store, fight.launch(store, dataclasses.replace(ALL, contenders=("good", "fair"))))
        status = finish(store, fight.launch(store, ALL))
        assert status.figures["calls"] == 4 + 2 * 2 * 4
        assert store.count(Battle) == 12


def test_a_spent_budget_pauses_and_resuming_goes_on(small_home: Path) -> None:
    with Store.open(small_home) as store:
        job = fight.launch(store, dataclasses.replace(ALL, budget=14))
        assert finish(store, job).state is jobs.State.STOPPED
        assert (store.count(Response), store.count(Judgement)) == (12, 2)
        jobs.resume(job)
        finish(store, job)
        assert (store.count(Response), store.count(Judgement)) == (12, 16)


def test_an_unreadable_judgement_is_no_battle_and_is_asked_again_later(home: Path) -> None:
    with Store.open(home) as store:
        small_arena(store)
        store.save([contender("reader", text="I think A is better")])
        job = fight.launch(store, ALL)
        status = finish(store, job)
        assert status.state is jobs.State.DONE
        assert store.count(Battle) == 0
        assert {j.outcome for j in store.load(Judgement)} == {Outcome.UNREADABLE}
        store.save([contender("reader", judge=True)])
        finish(store, fight.launch(store, ALL))
        assert store.count(Battle) == 12
        assert {j.outcome for j in store.load(Judgement)} == {Outcome.OK}


def test_a_failed_answer_makes_no_battle_and_is_asked_again(small_home: Path) -> None:
    with Store.open(small_home) as store:
        store.save([contender("poor", 2, outcomes={"Question 1": "failed"})])
        status = finish(store, fight.launch(store, ALL))
        assert status.figures["failed: failed"] == 1
        assert store.count(Battle) == 10
        store.save([contender("poor", 2)])
        finish(store, fight.launch(store, ALL))
        assert store.count(Battle) == 12


def test_pointwise_judges_grade_each_answer_once(small_home: Path) -> None:
    with Store.open(small_home) as store:
        store.save([make_judge("grader", "single", "reader")])
        status = finish(store, fight.launch(store, dataclasses.replace(ALL, judge="grader")))
        assert status.state is jobs.State.DONE, status.error
        assert (store.count(Judgement), store.count(Battle)) == (12, 12)
        assert {j.second for j in store.load(Judgement)} == {""}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"testset": "none"}, "no test set 'none'"),
        ({"judge": "nobody"}, "no judge 'nobody'"),
        ({"contenders": ("good", "nobody")}, "no contender 'nobody'"),
        ({"contenders": ("good",)}, "at least two"),
        ({"pairing": "target"}, "needs a target"),
        ({"pairing": "knockout"}, "No pairing 'knockout'"),
        ({"category": "maths"}, "No instruction of small has the category 'maths'"),
        ({"testset": "none"}, "the arena has bare, small"),
        ({"testset": "bare"}, "'bare' holds no instruction"),
        ({"budget": -5}, "The budget is -5; it should be 0"),
        ({"limit": -1}, "The limit is -1"),
        ({"seed": -3}, "The seed is -3; it should be 0 or more"),
        ({"width": math.nan}, "The width is nan"),
        ({"stability": 2.0}, "The stability is 2; it should be from 0"),
        ({"sampling": Sampling(temperature=-1)}, "temperature is -1"),
        ({"tie_margin": -0.5}, "The tie margin is -0.5"),
    ],
)
def test_settings_that_fit_nothing_are_told_at_once(
    small_home: Path, changes: dict[str, Any], words: str
) -> None:
    with Store.open(small_home) as store:
        store.save([TestSet("bare", "uploaded")])
        with pytest.raises(BadInput, match=words):
            fight.launch(store, dataclasses.replace(ALL, **changes))
    assert not (small_home / "runs").exists()


def test_killed_at_random_moments_nothing_is_lost_or_doubled(home: Path) -> None:
    moments = random.Random(3)
    with Store.open(home) as store:
        small_arena(store, 30)
        store.save([contender("reader", judge=True, delay=0.004)])
        job = fight.launch(store, ALL)
        for _ in range(40):
            time.sleep(moments.uniform(0.5, 1.2))
            process = jobs.process_of(job)
            if process is None:
                break
            os.kill(process, signal.SIGKILL)
            while jobs.process_of(job) is not None:
                time.sleep(0.01)
            collect(store)
            jobs.resume(job)
        assert finish(store, job).state is jobs.State.DONE
        assert (store.count(Response), store.count(Judgement), store.count(Battle)) == (90, 180, 90)
        lines = (job.folder / "judgement.jsonl").read_text().splitlines()
        assert len(lines) == 180
        assert len((job.folder / "battle.jsonl").read_text().splitlines()) == 90
