"""One battle before another judge: a job whose verdict joins the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from arena.battles import again
from arena.battles.judges.prompt import make_judge
from arena.jobs import State
from arena.records import BadInput, Battle, Contender, Judgement, Winner
from arena.store import Store
from tests.battles.conftest import finish
from tests.browser.seed import fill


@pytest.fixture
def full(home: Path) -> Iterator[Store]:
    with Store.open(home) as store:
        fill(store, {"amber-1b": "[quality 2] short", "basalt-3b": "[quality 9] long"})
        reader = Contender("reader", "scripted", options={"judge": True})
        store.save([reader, make_judge("other", "scores", "reader")])
        yield store


def test_another_judge_settles_the_same_two_answers(full: Store) -> None:
    old = full.load(Battle, "contender_a = 'amber-1b' AND contender_b = 'basalt-3b'")[0]
    job = again.launch(full, old.id, "other")
    assert finish(full, job).state is State.DONE
    new = full.load(Battle, "judge = 'other'")
    assert [(b.response_a, b.response_b, b.winner) for b in new] == [
        (old.response_a, old.response_b, Winner.B)
    ]
    assert full.count(Judgement, "judge = 'other' AND instruction = ?", [old.instruction]) == 2
    assert full.get(Battle, old.id) == old


def test_only_judges_that_can_answer_are_offered(full: Store) -> None:
    assert again.judges(full) == ["other"]


@pytest.mark.parametrize(("battle", "judge"), [("nothing", "other"), ("", "nobody")])
def test_what_cannot_be_judged_is_said(full: Store, battle: str, judge: str) -> None:
    with pytest.raises(BadInput):
        again.launch(full, battle or full.load(Battle)[0].id, judge)


def test_code_needs_a_check(full: Store) -> None:
    full.save([make_judge("checks", "code")])
    with pytest.raises(BadInput, match="no check"):
        again.launch(full, full.load(Battle)[0].id, "checks")
