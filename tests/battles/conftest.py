"""Contenders made of rules, with known strengths, and a judge that reads them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from arena import jobs
from arena.battles.judges.prompt import make_judge
from arena.collector import collect
from arena.records import Contender, Instruction, Json, Pick, Sampling, TestSet
from arena.store import Store


def contender(name: str, quality: float | None = None, **options: Json) -> Contender:
    given: dict[str, Json] = dict(options)
    if quality is not None:
        given["quality"] = quality
    return Contender(name, "scripted", sampling=Sampling(max_tokens=50), options=given)


def small_arena(store: Store, instructions: int = 4) -> None:
    """A test set `small`, three contenders good > fair > poor and a judge `judge`."""
    made = [Instruction.of(f"Question {n}?", category="plain") for n in range(instructions)]
    store.save(made)
    store.save([TestSet("small", "uploaded", size=instructions)])
    store.save([Pick("small", i.id, n) for n, i in enumerate(made)])
    store.save([contender("good", 9), contender("fair", 6), contender("poor", 2)])
    store.save([contender("reader", judge=True), make_judge("judge", "scores", "reader")])


def finish(store: Store, job: jobs.Job, seconds: float = 60) -> jobs.Status:
    end = time.monotonic() + seconds
    while jobs.status(job).active:
        assert time.monotonic() < end, jobs.log_tail(job)
        time.sleep(0.05)
    collect(store)
    return jobs.status(job)


@pytest.fixture
def small_home(home: Path) -> Path:
    with Store.open(home) as store:
        small_arena(store)
    return home
