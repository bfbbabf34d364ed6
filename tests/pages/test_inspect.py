"""What the inspect page lets out while a vote is blind, and whom a blind vote is for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from arena.battles import browse, votes
from arena.battles.browse import Filter
from arena.flywheel.bouts import read_bouts
from arena.records import Battle, HandPick, Vote, Winner
from arena.store import Store
from pages.inspect import battle_reader, pair_reader
from pages.inspect_acts import picking, voting
from pages.inspect_view import blinded, swapped
from tests.browser.seed import NAMES, fill


@dataclass(frozen=True)
class Asker:
    """A request of somebody who may be logged in."""

    username: str | None = None


ADA = Asker("ada")


@pytest.fixture
def full(store: Store) -> Store:
    fill(store, {"amber-1b": "I am Amber-1B, better than basalt-3b."})
    return store


def first(store: Store) -> str:
    return str(browse.window(store, Filter(), 0, 1)[1]["id"].item())


def test_blind_pages_hold_no_name_score_or_verdict(full: Store) -> None:
    for battle in full.load(Battle):
        said = json.dumps(blinded(browse.detail(full, battle.id))).lower()
        assert not [w for w in (*NAMES[:2], "test-judge", "rambles", "score") if w in said and w in (
            battle.contender_a, battle.contender_b, "test-judge", "rambles", "score")]  # fmt: skip


@pytest.mark.parametrize("place", range(6))
def test_a_blind_vote_counts_for_the_answer_that_was_read(full: Store, place: int) -> None:
    battle = full.load(Battle, order="id")[place]
    assert battle_reader(full)({"id": battle.id, "blind": True}, ADA)["blind"] is True
    assert voting(full)({"id": battle.id, "winner": "left"}, ADA) == {
        "voted": "B" if swapped(battle.id) else "A"
    }
    assert full.load(Vote)[0].blind


def test_a_vote_after_the_names_were_shown_is_not_blind(full: Store) -> None:
    battle = first(full)
    assert battle_reader(full)({"id": battle}, ADA)["blind"] is False
    assert battle_reader(full)({"id": battle, "blind": True}, ADA)["blind"] is True
    voting(full)({"id": battle, "winner": "tie"}, ADA)
    assert [(v.winner, v.blind) for v in full.load(Vote)] == [(Winner.TIE, False)]


def test_a_vote_changed_after_the_names_were_shown_is_not_blind(full: Store) -> None:
    battle = first(full)
    battle_reader(full)({"id": battle, "blind": True}, ADA)
    voting(full)({"id": battle, "winner": "tie"}, ADA)
    assert battle_reader(full)({"id": battle}, ADA)["blind"] is False
    voting(full)({"id": battle, "winner": "left"}, ADA)
    assert [v.blind for v in full.load(Vote)] == [False]


def test_no_address_and_no_restart_lifts_the_blind(home: Path) -> None:
    asked = {"voter": "", "reader": "one"}
    with Store.open(home) as store:
        fill(store)
        served = battle_reader(store)({"queue": True, **asked}, Asker())
        assert served["blind"] is True
    with Store.open(home) as store:
        battle = str(served["id"])
        again = battle_reader(store)({"id": battle, **asked}, Asker())
        assert (again["blind"], "judge" in again) == (True, False)
        opened = battle_reader(store)({"id": battle, "reveal": True, **asked}, Asker())
        assert opened["blind"] is False
        voting(store)({"id": battle, "winner": "A", "voter": "bob", "reader": "one"}, Asker())
        assert [v.blind for v in store.load(Vote)] == [False]
        assert battle not in votes.queue(store, "another name", 100, "browser one")


def test_a_vote_without_a_blind_serving_is_not_blind(full: Store) -> None:
    voting(full)({"id": first(full), "winner": "A", "voter": "ada"}, Asker())
    assert [v.blind for v in full.load(Vote)] == [False]


def test_the_login_names_the_voter(full: Store) -> None:
    voting(full)({"id": first(full), "winner": "A", "voter": "somebody else"}, ADA)
    assert [v.voter for v in full.load(Vote)] == ["ada"]


def test_reading_leaves_the_lists_of_others_cached(full: Store) -> None:
    battle, version = first(full), full.version
    battle_reader(full)({"id": battle}, ADA)
    assert full.version == version


def test_two_that_never_fought_are_shown_without_a_verdict(full: Store) -> None:
    full.delete(Battle, "contender_a = ? AND contender_b = ?", ["amber-1b", "student-i1"])
    instruction = full.load(Battle)[0].instruction
    found = pair_reader(full)({"instruction": instruction, "left": "student-i1", "right": "amber-1b"})
    assert found["fought"] is False
    assert [seat["name"] for seat in found["seats"]] == ["student-i1", "amber-1b"]  # type: ignore[attr-defined]


def test_a_pick_by_hand_reaches_the_training_selection(full: Store) -> None:
    battle = first(full)
    for keep in (True, False, None):
        assert picking(full)({"id": battle, "keep": keep}, ADA) == {"picked": keep}
        assert {b.battle: b.picked for b in read_bouts(full)}[battle] is keep
    assert full.count(HandPick) == 0
    assert "error" in picking(full)({"id": "nothing", "keep": True}, ADA)
