"""What the inspect page lets out while a vote is blind, and whom a blind vote is for."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from arena.battles import browse
from arena.battles.browse import Filter
from arena.records import Battle, Vote, Winner
from arena.store import Store
from pages.inspect import battle_reader, blinded, pair_reader, swapped, voting
from tests.browser.seed import NAMES, fill


@dataclass(frozen=True)
class Asker:
    """A request of somebody who is logged in."""

    username: str | None = None


@pytest.fixture
def full(store: Store) -> Store:
    fill(store, {"amber-1b": "I am Amber-1B, better than basalt-3b."})
    return store


def test_blind_pages_hold_no_name_score_or_verdict(full: Store) -> None:
    for battle in full.load(Battle):
        said = json.dumps(blinded(browse.detail(full, battle.id))).lower()
        assert not [w for w in (*NAMES[:2], "test-judge", "rambles", "score") if w in said and w in (
            battle.contender_a, battle.contender_b, "test-judge", "rambles", "score")]  # fmt: skip


@pytest.mark.parametrize("place", range(6))
def test_a_blind_vote_counts_for_the_answer_that_was_read(full: Store, place: int) -> None:
    battle = full.load(Battle, order="id")[place]
    vote = voting(full, set())
    assert vote({"id": battle.id, "winner": "left", "voter": "ada"}, Asker()) == {
        "voted": "B" if swapped(battle.id) else "A"
    }
    assert full.load(Vote)[0].blind


def test_a_vote_after_the_names_were_shown_is_not_blind(full: Store) -> None:
    seen: set[tuple[str, str]] = set()
    battle = browse.window(full, Filter(), 0, 1)[1]["id"].item()
    shown = battle_reader(full, seen)({"id": battle, "voter": "ada"}, Asker())
    assert shown["blind"] is False
    voting(full, seen)({"id": battle, "winner": "tie", "voter": "ada"}, Asker())
    assert [(v.winner, v.blind) for v in full.load(Vote)] == [(Winner.TIE, False)]


def test_the_login_names_the_voter(full: Store) -> None:
    battle = browse.window(full, Filter(), 0, 1)[1]["id"].item()
    voting(full, set())({"id": battle, "winner": "A", "voter": "somebody else"}, Asker("ada"))
    assert [v.voter for v in full.load(Vote)] == ["ada"]


def test_two_that_never_fought_are_shown_without_a_verdict(full: Store) -> None:
    full.delete(Battle, "contender_a = ? AND contender_b = ?", ["amber-1b", "student-i1"])
    instruction = full.load(Battle)[0].instruction
    found = pair_reader(full)({"instruction": instruction, "left": "student-i1", "right": "amber-1b"})
    assert found["fought"] is False
    assert [seat["name"] for seat in found["seats"]] == ["student-i1", "amber-1b"]  # type: ignore[attr-defined]
