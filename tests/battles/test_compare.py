"""What changed sides between two judges, runs or contenders."""

from __future__ import annotations

import pytest

from arena.battles.compare import KINDS, choices, compare, start
from arena.records import BadInput, Battle, Contender, Winner
from arena.store import Store


def battle(number: int, judge: str, winner: Winner, a: str = "x", b: str = "y") -> Battle:
    return Battle(f"{judge}{a}{b}{number}", f"i{number}", a, b, winner, judge, run=f"run-{judge}")


def test_two_judges_on_the_same_battles(store: Store) -> None:
    one = [Winner.A, Winner.A, Winner.B, Winner.TIE]
    two = [Winner.A, Winner.B, Winner.B, Winner.A]
    store.save(
        [battle(k, "j1", w) for k, w in enumerate(one)] + [battle(k, "j2", w) for k, w in enumerate(two)]
    )
    for kind, names in (("judges", ("j1", "j2")), ("runs", ("run-j1", "run-j2"))):
        found = compare(store, kind, *names)
        assert (found.both, found.same) == (4, 2)
        assert found.table == [[1, 0, 1], [1, 0, 0], [0, 0, 1]]
        assert [(c.left_won, c.right_won) for c in found.changed] == [("A", "B"), ("tie", "A")]


def test_a_contender_before_and_after_against_the_same_opponent(store: Store) -> None:
    store.save([battle(0, "j", Winner.A, "foe", "i0"), battle(0, "j", Winner.B, "foe", "i1")])
    found = compare(store, "contenders", "i0", "i1")
    assert [(c.between, c.left_won, c.right_won) for c in found.changed] == [("against foe", "B", "A")]


def test_the_page_opens_on_what_shares_battles(store: Store) -> None:
    assert start(store) == {}
    store.save([Contender("i1", "scripted", parent="i0"), Contender("i2", "scripted", parent="i1")])
    store.save([battle(0, "j", Winner.A, "foe", "i0"), battle(0, "k", Winner.B, "far", "i1")])
    assert start(store) == {}
    store.save([battle(0, "j", Winner.B, "foe", "i1")])
    assert start(store) == {"kind": "contenders", "left": "i0", "right": "i1"}
    store.save([battle(0, "k", Winner.B, "foe", "i1")])
    assert start(store) == {"kind": "judges", "left": "j", "right": "k"}


@pytest.mark.parametrize("kind", list(KINDS))
def test_an_empty_arena_offers_nothing(store: Store, kind: str) -> None:
    assert choices(store, kind) == []
    assert compare(store, kind, "a", "b").both == 0


def test_an_unknown_comparison_is_refused(store: Store) -> None:
    with pytest.raises(BadInput, match="choose from"):
        choices(store, "colours")
