"""One vote a person and battle, the queue, and how far people and judges agree."""

from __future__ import annotations

import pytest

from arena.battles import votes
from arena.battles.browse import Filter, window
from arena.records import BadInput, Battle, Vote, Winner
from arena.store import Store
from tests.browser.seed import fill


@pytest.fixture
def full(store: Store) -> Store:
    fill(store)
    return store


def first(store: Store) -> str:
    return str(window(store, Filter(), 0, 1)[1]["id"].item())


def test_a_later_vote_replaces_the_earlier(full: Store) -> None:
    battle = first(full)
    votes.cast(full, battle, "ada", Winner.A, True)
    votes.cast(full, battle, "ada", Winner.B, False, "changed my mind", ("style",))
    kept = full.load(Vote)
    assert [(v.winner, v.note, v.tags) for v in kept] == [(Winner.B, "changed my mind", ("style",))]
    own = full.load(Battle, "source = 'vote'")
    assert [(b.winner, b.judge, b.margin) for b in own] == [(Winner.B, "ada", None)]


@pytest.mark.parametrize(("battle", "voter"), [("nothing", "ada"), ("", "ada"), (None, " ")])
def test_a_vote_needs_a_battle_and_a_name(full: Store, battle: str | None, voter: str) -> None:
    with pytest.raises(BadInput):
        votes.cast(full, first(full) if battle is None else battle, voter, Winner.A, True)


def test_the_queue_serves_flipped_battles_first_and_never_twice(full: Store) -> None:
    waiting = votes.queue(full, "ada", 100)
    assert len(waiting) == 36
    assert full.get(Battle, waiting[0]).flipped  # type: ignore[union-attr]  # it is in the store
    votes.cast(full, waiting[0], "ada", Winner.TIE, True)
    assert waiting[0] not in votes.queue(full, "ada", 100)
    assert waiting[0] in votes.queue(full, "bob", 100)


def test_the_queue_keeps_to_a_filter(full: Store) -> None:
    waiting = votes.queue(full, "ada", 100, chosen=Filter(category="science", text="water cycle"))
    assert len(waiting) == 3
    assert {b.category for b in full.load(Battle) if b.id in waiting} == {"science"}


def test_agreement_by_hand() -> None:
    pairs = [("A", "A")] * 4 + [("B", "B")] * 3 + [("A", "B")] * 2 + [("tie", "both_bad")]
    found = votes.agreement(pairs)
    assert (found.battles, found.decided, found.accuracy) == (10, 9, pytest.approx(7 / 9))
    # observed .8; expected (6*4 + 3*5 + 1*1) / 100 = .40
    assert found.kappa == pytest.approx((0.8 - 0.4) / 0.6)
    assert found.low is not None
    assert found.low < found.kappa  # type: ignore[operator]  # set above


def test_nobody_and_unanimous_have_no_kappa() -> None:
    assert votes.agreement([]).kappa is None
    assert votes.agreement([("A", "A")] * 3).kappa is None


def test_people_are_compared_with_judges_and_each_other(full: Store) -> None:
    battle = first(full)
    judged = full.get(Battle, battle)
    assert judged is not None
    votes.cast(full, battle, "ada", judged.winner, True)
    votes.cast(full, battle, "bob", judged.winner, True)
    assert votes.agreement_with_judge(full).battles == 2
    assert votes.agreement_with_judge(full, "bob").battles == 1
    assert votes.agreement_between_people(full).battles == 1
