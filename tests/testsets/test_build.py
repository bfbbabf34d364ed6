"""A build is a job: the same seed gives the same bytes, a resumed one equals an uninterrupted one."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import numpy as np
import pytest

from arena import jobs
from arena.collector import collect
from arena.records import BadInput, Contender, Difficulty, Instruction, Pick, TestSet
from arena.store import Store
from arena.testsets import build, catalog
from arena.testsets.catalog import Filter
from arena.testsets.embed import FALLBACK, Cache, embed
from arena.testsets.plan import Plan

PLAN = Plan("small", "demo", size=30, clusters=8, embedder=FALLBACK)


def follow(store: Store, job: jobs.Job, seconds: float = 120) -> jobs.Status:
    end = time.monotonic() + seconds
    while jobs.status(job).active:
        assert time.monotonic() < end, jobs.log_tail(job)
        time.sleep(0.05)
    collect(store)
    return jobs.status(job)


def make(home: Path, plan: Plan, *others: object) -> bytes:
    """The exported bytes of a set built in an arena of its own."""
    with Store.open(home) as store:
        store.save(others)
        status = follow(store, build.launch(store, plan))
        assert status.state is jobs.State.DONE, status.error
        return catalog.export(store, plan.name, home / "set.jsonl").read_bytes()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first = make(tmp_path / "1", PLAN)
    assert first == make(tmp_path / "2", PLAN)
    assert first != make(tmp_path / "3", dataclasses.replace(PLAN, seed=7))
    assert len(first.splitlines()) == 30


def test_splits_share_nothing_with_any_set(home: Path) -> None:
    with Store.open(home) as store:
        follow(store, build.launch(store, Plan("old", "demo", "random", size=20, splits=0)))
        assert follow(store, build.launch(store, dataclasses.replace(PLAN, splits=3))).error == ""
        members = {t.name: {i.id for i in catalog.instructions(store, t.name)} for t in store.load(TestSet)}
        assert set(members) == {"old", "small", "small-D1", "small-D2", "small-D3"}
        parts = [members[f"small-D{n}"] for n in (1, 2, 3)]
        assert not set.union(*parts) & (members["small"] | members["old"])
        assert sum(map(len, parts)) == len(set.union(*parts))
        later = follow(store, build.launch(store, dataclasses.replace(PLAN, name="later", size=200)))
        assert "were asked for, but only" in later.error
        loose = dataclasses.replace(PLAN, name="loose", recipe="diverse", size=200, spare_training=False)
        assert follow(store, build.launch(store, loose)).state is jobs.State.DONE
        d0 = follow(store, build.launch(store, Plan("D0", "demo", "random", size=10, purpose="train")))
        assert d0.error == "" or "were asked for" in d0.error


def test_a_set_never_changes(home: Path) -> None:
    with Store.open(home) as store:
        follow(store, build.launch(store, Plan("one", "demo", "random", size=5)))
        with pytest.raises(BadInput, match="exists already"):
            build.launch(store, Plan("one", "demo", "random", size=6))


@pytest.mark.parametrize(
    "plan",
    [
        Plan("../x", "demo"),
        Plan("x", "nowhere"),
        Plan("x", "demo", recipe="best"),
        Plan("x", "demo", size=0),
        Plan("x", "demo", steps={"polish": None}),
        Plan("x", "demo", rater="nobody"),
        Plan("x", "demo", map="globe"),
        Plan("x", "demo", benchmarks=("nowhere",)),
    ],
)
def test_plans_that_cannot_work_are_refused_before_they_start(home: Path, plan: Plan) -> None:
    with Store.open(home) as store, pytest.raises(BadInput):
        build.launch(store, plan)


def test_a_resumed_build_equals_an_uninterrupted_one_and_repeats_no_rating(tmp_path: Path) -> None:
    judge = Contender("judge", "scripted", options={"text": '{"difficulty": 6}', "delay": 0.03})
    plan = dataclasses.replace(PLAN, rater="judge", recipe="hard", per_cluster=10)
    whole = make(tmp_path / "whole", plan, judge)
    with Store.open(tmp_path / "cut") as store:
        store.save([judge])
        job = build.launch(store, plan)
        while not (job.folder / "difficulty.jsonl").exists():
            time.sleep(0.02)
        time.sleep(0.3)
        jobs.stop(job)
        assert follow(store, job).state is jobs.State.STOPPED
        before = store.count(Difficulty)
        assert before > 0
        jobs.resume(job)
        assert follow(store, job).state is jobs.State.DONE
        lines = (job.folder / "difficulty.jsonl").read_text("utf-8").splitlines()
        ratings = [json.loads(line)["instruction"] for line in lines]
        assert len(ratings) == len(set(ratings)) > before
        assert catalog.export(store, "small", tmp_path / "cut.jsonl").read_bytes() == whole


def test_unreadable_ratings_are_kept_as_unreadable(home: Path) -> None:
    judge = Contender("judge", "scripted", options={"text": "quite hard"})
    with Store.open(home) as store:
        store.save([judge])
        status = follow(store, build.launch(store, dataclasses.replace(PLAN, rater="judge", recipe="hard")))
        assert "0 could be rated" in status.error
        assert store.count(Difficulty, "outcome = 'unreadable' AND score IS NULL") > 0


def test_a_bad_file_gives_its_rejects(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    good = "".join(json.dumps({"prompt": f"Tell me about the number {n} please"}) + "\n" for n in range(20))
    path.write_text(good + "not json\n" + '{"prompt": ""}\n', "utf-8")
    with Store.open(home) as store:
        job = build.launch(store, Plan("m", str(path), "random", size=5, steps={}))
        assert follow(store, job).state is jobs.State.DONE
        lines = [
            json.loads(line)["line"] for line in (job.folder / build.REJECTS).read_text("utf-8").splitlines()
        ]
        assert lines == [21, 22]
        assert catalog.find(store, "m").settings["rejected"] == 2


def test_benchmark_prompts_are_kept_out(home: Path, tmp_path: Path) -> None:
    bench = tmp_path / "bench.jsonl"
    bench.write_text(json.dumps({"question_id": 1, "turns": ["Who wrote Romeo and Juliet?"]}) + "\n", "utf-8")
    with Store.open(home) as store:
        plan = Plan("b", "demo", "random", size=290, steps={"overlap": None}, benchmarks=(str(bench),))
        assert follow(store, build.launch(store, plan)).error == ""
        assert catalog.count(store, "b", Filter(text="romeo")) == 0


def test_handpicked_takes_exactly_what_was_named(home: Path) -> None:
    with Store.open(home) as store:
        follow(store, build.launch(store, Plan("r", "demo", "random", size=4)))
        wanted = [i.id for i in catalog.instructions(store, "r")][::-1]
        plan = Plan("h", "demo", "handpicked", wanted=tuple(wanted))
        assert follow(store, build.launch(store, plan)).error == ""
        assert [i.id for i in catalog.instructions(store, "h")] == wanted


def test_vectors_are_kept_and_a_torn_end_is_cut(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c")
    cache.append(["00000000000000aa"], np.ones((1, 4), np.float32))
    with open(tmp_path / "c" / "vectors.f16", "ab") as file:
        file.write(b"torn")
    cache.append(["00000000000000bb"], np.full((1, 4), 2, np.float32))
    ids, vectors = cache.load()
    assert (ids.tolist(), vectors[1].tolist()) == ([0xAA, 0xBB], [2, 2, 2, 2])


def test_a_missing_embedding_model_says_how_to_fetch_it(tmp_path: Path) -> None:
    from arena.records import BackendError

    with pytest.raises(BackendError, match="models fetch"):
        embed([Instruction.of("hi")], "all-minilm-l6-v2", tmp_path)


def test_cards_windows_maps_and_comparisons_tell_the_same_story(home: Path) -> None:
    with Store.open(home) as store:
        follow(store, build.launch(store, PLAN))
        follow(store, build.launch(store, Plan("other", "demo", "random", size=50)))
        card = catalog.card(store, "small")
        assert card.categories["count"].sum() == card.testset.size == catalog.count(store, "small") == 30
        assert catalog.points(store, "small").height == 30
        assert catalog.clusters(store, "small")["picked"].sum() == 30
        window = catalog.window(store, "small", start=10, size=5, order="hardest first")
        assert window.height == 5
        assert window["difficulty"].to_list() == sorted(window["difficulty"].to_list(), reverse=True)
        compared = catalog.compare(store, "small", "other")
        assert compared.shared + compared.only_second == 50
        identity = window["id"][0]
        story = catalog.story(store, identity)
        assert identity in {pick.instruction for pick in story.picks}
        assert store.count(Pick, "instruction = ?", [identity]) == len(story.picks)
        assert catalog.export(store, "small", home / "x.parquet").stat().st_size > 0
