"""A slice of `benchmarks.flywheel` on the real 135M student: it lost these battles, learns them, and its answers
to instructions it never saw follow the form that was asked for more often than before."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from arena.backends import embedded
from arena.records import Round
from arena.store import Store
from benchmarks import flywheel as proof

ROOT = Path(__file__).resolve().parent.parent.parent
SIZE = 24
"""Instructions a set. The whole proof went from 31 to 84 of 112 after 56 lessons."""


@pytest.mark.models
@pytest.mark.timeout(1200)
def test_a_few_lost_battles_teach_the_real_student(tmp_path: Path) -> None:
    models = Path(os.environ.get("ARENA_HOME", ROOT / ".arena"))
    assert embedded.is_ready(models, embedded.STUDENT), "run `python -m arena models fetch`"
    home = tmp_path / "home"
    (home / "models").mkdir(parents=True)
    (home / "models" / embedded.STUDENT).symlink_to(embedded.folder(models, embedded.STUDENT).resolve())
    lesson = replace(proof.LESSONS["sft"], settings={"num_train_epochs": 3, "learning_rate": 1e-4})
    with Store.open(home) as store:
        proof.prepare(store, SIZE)
        proof.learn(store, lesson)
        for contender in (embedded.STUDENT, lesson.makes):
            proof.battle(store, contender, "heldout", proof.GREEDY)
        before, after = (proof.passed(store, name, "heldout") for name in (embedded.STUDENT, lesson.makes))
        finished = store.get(Round, lesson.makes)
    assert finished is not None
    assert len(before) == len(after) == SIZE
    assert float(str(finished.metrics["last_loss"])) < 0.8 * float(str(finished.metrics["first_loss"]))
    assert sum(after.values()) >= sum(before.values()) + 3, (sum(before.values()), sum(after.values()))
