"""A flywheel plan as one run on a tiny model: step after step, stopped in between, gone on with."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from arena.conductor import Conductor, carry_out, standing
from arena.flywheel.rounds import FlywheelPlan, Step, plan_text
from arena.flywheel.selection import Selection
from arena.records import (
    BadInput,
    Contender,
    Instruction,
    Pick,
    Response,
    Round,
    Sampling,
    TestSet,
    TrainingSet,
)
from arena.store import Store
from tests.flywheel.rooms import instruction_that_code_checks
from tests.tiny_model import make_tiny_model


def two_steps(store: Store, folder: Path) -> FlywheelPlan:
    """SFT on one split, DPO of what it made on the other, a report on a set that shares neither."""
    sampling = Sampling(max_tokens=8)
    instructions = [instruction_that_code_checks(n) for n in range(12)]
    store.save(
        [
            Contender("tiny", "local_transformers", str(make_tiny_model(folder, seed=1)), sampling=sampling),
            Contender("teacher", "scripted", options={"quality": 8, "spread": 1}, sampling=sampling),
            Contender("rule", "scripted", options={"judge": True}),
            *instructions,
        ]
    )
    for name, purpose, members in (("first", "train", 0), ("second", "train", 4), ("held", "test", 8)):
        picked = instructions[members : members + 4]
        store.save(
            [TestSet(name, "hand-picked", purpose, 4), *(Pick(name, i.id, n) for n, i in enumerate(picked))]
        )
    quick = {"max_steps": 4, "learning_rate": 1e-3}
    lessons = Selection(k=0.0, drop_unfinished=False, drop_flipped=False)
    return FlywheelPlan(
        "small", "tiny", ("teacher",), "rule", "held",
        steps=(
            Step("tiny-i1", "tiny", "tiny", "sft", ("first",), 1, lessons, settings=quick),
            Step("tiny-i2", "tiny-i1", "tiny-i1", "dpo", ("second",), 1, lessons, settings=quick),
        ),
    )  # fmt: skip


def test_a_plan_makes_its_contenders_and_names_the_arenas_best(home: Path, tmp_path: Path) -> None:
    with Store.open(home) as store:
        plan = two_steps(store, tmp_path / "tiny")
        outcome = carry_out(store, plan)
        assert outcome.made == ("tiny-i1", "tiny-i2")
        assert outcome.board is not None
        order = [row.model for row in outcome.board.rows]
        assert set(order) == {"tiny", "teacher", "tiny-i1", "tiny-i2"}
        assert outcome.best == next(name for name in order if name in outcome.made)
        assert store.get(Contender, "tiny-i2").parent == "tiny-i1"  # type: ignore[union-attr]
        assert standing(store, plan) == {"tiny-i1": "done", "tiny-i2": "done"}
        before = store.count(Response)
        assert carry_out(store, plan).best == outcome.best
        assert store.count(Response) == before


@pytest.mark.models  # no embedded model, but five jobs of real processes
def test_a_plan_in_the_app_is_stopped_and_gone_on_with(home: Path, tmp_path: Path) -> None:
    with Store.open(home) as store:
        plan = two_steps(store, tmp_path / "tiny")
        conductor = Conductor(store)
        conductor.save(plan_text(plan))
        assert conductor.names() == ["small"]
        conductor.start("small")
        while store.get(TrainingSet, "small-tiny-i1-lessons") is None:
            assert conductor.word("small").state == "running", conductor.word("small")
            time.sleep(0.05)
        with pytest.raises(BadInput, match="running"):
            conductor.start("small")
        conductor.stop("small")
        conductor.join("small", 120)
        assert conductor.word("small").state == "stopped"
        assert store.get(Round, "tiny-i2") is None
        assert Conductor(store).word("small").state == "stopped"  # another app reads the same word
        conductor.start("small")
        conductor.join("small", 240)
        word = conductor.word("small")
        assert (word.state, word.error) == ("done", "")
        assert {r.name for r in store.load(Round)} == {"tiny-i1", "tiny-i2"}


def test_what_a_plan_lacks_is_said_before_the_first_battle(home: Path, tmp_path: Path) -> None:
    with Store.open(home) as store:
        plan = two_steps(store, tmp_path / "tiny")
        conductor = Conductor(store)
        held = store.load(Pick, "testset = 'held'", order="position")[0]
        shout = store.get(Instruction, held.instruction)
        assert shout is not None
        louder = Instruction.of(shout.turns[0].upper() + " ")
        store.save(
            [
                *(TestSet(name, "hand-picked", "train", 1) for name in ("copied", "empty")),
                louder,
                Pick("copied", louder.id, 0),
                Contender("other", "scripted"),
            ]
        )
        for old, new, words in (
            ("- teacher", "- tutor", "names 'tutor'"),
            ("- second", "- seventh", "no such test set"),
            ("name: small", "name: ../small", "letters, digits"),
            ("stage: dpo", "stage: dop", "no stage 'dop'"),
            ("- second", "- copied", "1 of the instructions of 'copied' are also in 'held'"),
            ("- second", "- empty", "'empty' has no instructions"),
            ("held_out: held", "held_out: held\nsecond_judge: nobody", "no judge and no contender 'nobody'"),
            ("makes: tiny-i2", "makes: other", "'other' is a contender already, and not DPO of tiny-i1"),
        ):
            with pytest.raises(BadInput, match=words):
                conductor.start(conductor.save(plan_text(plan).replace(old, new)).name)
        assert store.count(Response) == 0
