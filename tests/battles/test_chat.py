"""The chat arena with scripted models: streamed answers, a blind draw, a vote that is a live battle."""

from __future__ import annotations

import time

import pytest

from arena.battles import chat
from arena.battles.chat import Arena, Talk
from arena.records import BadInput, Battle, Contender, Response, Source, Vote, Winner
from arena.store import Store


@pytest.fixture
def full(store: Store) -> Store:
    store.save([Contender("one", "scripted"), Contender("two", "scripted"), Contender("old", "recorded")])
    return store


def finished(talk: Talk) -> Talk:
    deadline = time.monotonic() + 20
    while not all(seat.done for seat in talk.seats):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return talk


def test_only_contenders_that_can_answer_here_are_offered(full: Store) -> None:
    assert chat.candidates(full) == ["one", "two"]


def test_a_vote_makes_a_live_battle(full: Store) -> None:
    arena = Arena(full)
    talk = finished(arena.start("Why?"))
    assert talk.anonymous
    assert {seat.contender.name for seat in talk.seats} == {"one", "two"}
    battle = full.get(Battle, arena.vote(talk.id, "ada", Winner.A))
    assert battle is not None
    assert (battle.source, battle.judge, battle.winner) == (Source.LIVE, "ada", Winner.A)
    assert full.count(Response) == 2
    assert [v.blind for v in full.load(Vote)] == [True]
    arena.sweep(idle=-1)


@pytest.mark.parametrize(
    ("words", "left", "right"), [(" ", "", ""), ("Why?", "old", "one"), ("Why?", "one", "")]
)
def test_what_cannot_be_asked_is_said(full: Store, words: str, left: str, right: str) -> None:
    with pytest.raises(BadInput):
        Arena(full).start(words, left, right)


def test_a_vote_needs_a_name_and_a_known_talk(full: Store) -> None:
    arena = Arena(full)
    talk = finished(arena.start("Why?", "one", "two"))
    with pytest.raises(BadInput, match="name"):
        arena.vote(talk.id, " ", Winner.A)
    with pytest.raises(BadInput, match="gone"):
        arena.vote("nothing", "ada", Winner.A)
    arena.sweep(idle=-1)
