"""A battle begun blind stays blind over restarts, and one read openly never counts as blind again."""

from __future__ import annotations

from arena.battles.readings import serve_blind, was_blind
from arena.store import Store


def test_what_is_begun_blind_stays_so_until_it_is_settled(store: Store) -> None:
    assert serve_blind(store, "ann", "b1", asked=True, settled=False)
    assert serve_blind(store, "ann", "b1", asked=False, settled=False), "a link without ?blind lifts nothing"
    assert was_blind(store, "ann", "b1")
    assert not serve_blind(store, "ann", "b1", asked=True, settled=True)
    assert not was_blind(store, "ann", "b1")


def test_what_was_read_openly_can_be_hidden_again_but_is_no_blind_vote(store: Store) -> None:
    assert not serve_blind(store, "ann", "b1", asked=False, settled=False)
    assert serve_blind(store, "ann", "b1", asked=True, settled=False)
    assert not was_blind(store, "ann", "b1")
    assert serve_blind(store, "bob", "b1", asked=True, settled=False), "readers are apart"
    assert was_blind(store, "bob", "b1")


def test_a_reader_without_a_name_is_never_remembered(store: Store) -> None:
    assert serve_blind(store, "", "b1", asked=True, settled=False)
    assert not was_blind(store, "", "b1")
