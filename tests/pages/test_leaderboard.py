"""What the leaderboard and consistency pages show, without a browser."""

from __future__ import annotations

from typing import Any

import pytest

from arena.ratings.leaderboard import Settings
from arena.ratings.slices import Slice
from arena.records import Snapshot
from arena.store import Store
from pages import consistency, leaderboard
from pages.leaderboard import EVERY, MEAN, Wish
from tests.browser.seed import NAMES, records

ALL = (EVERY, EVERY, EVERY, EVERY, EVERY, "bradley-terry", "instructions", MEAN, 1000, False, False)


@pytest.fixture
def filled(store: Store) -> Store:
    store.save(records())
    return store


def test_menus_become_a_slice_and_settings() -> None:
    wish = Wish.of("set", EVERY, EVERY, "judge", "vote", "elo", "battles", "amber-1b", 1100, True, False)
    assert wish.chosen == Slice("set", judge="judge", source="vote", exclude_own_family=True)
    assert wish.settings == Settings("elo", "battles", anchor="amber-1b", anchor_at=1100)
    assert Wish.of(*ALL).settings == Settings()  # type: ignore[arg-type]


def test_the_page_shows_every_contender_and_links_its_battles(filled: Store) -> None:
    summary, table, chart, matrix, *_ = leaderboard._show(filled, Wish.of(*ALL), "wins")  # type: ignore[arg-type]
    assert "36 battles, 3 contenders" in summary
    assert all(name in table for name in NAMES)
    assert len(chart.data[0].y) == 3
    assert "battles?pair=amber-1b+vs+basalt-3b" in matrix


def test_an_empty_arena_says_what_to_do(store: Store) -> None:
    summary, table, *_ = leaderboard._show(store, Wish.of(*ALL), "wins")  # type: ignore[arg-type]
    assert "run or import battles" in summary
    assert table == ""


def test_the_address_chooses_only_what_exists(filled: Store) -> None:
    menus = leaderboard._menus(filled, {"judge": "test-judge", "category": "<script>", "method": "elo"})
    assert [menu.value for menu in menus[:6]] == [EVERY, EVERY, EVERY, "test-judge", EVERY, "elo"]


def test_two_contenders_are_held_against_each_other(filled: Store) -> None:
    wish = Wish.of(*ALL)  # type: ignore[arg-type]
    assert "Stands above" in leaderboard._duel(filled, wish, "amber-1b", "basalt-3b")
    assert "Choose two" in leaderboard._duel(filled, wish, "amber-1b", "amber-1b")


def test_how_firm_the_board_is(filled: Store) -> None:
    said = leaderboard._firm(filled, Wish.of(*ALL))  # type: ignore[arg-type]
    assert "had gone the other way" in said or "no finite ratings" in said


def test_changes_since_a_snapshot(filled: Store) -> None:
    from arena.ratings import snapshots

    wish = Wish.of(*ALL)  # type: ignore[arg-type]
    frozen: Snapshot = snapshots.freeze(filled, "first", wish.chosen, wish.settings)
    assert "amber-1b" in leaderboard._changes(filled, frozen.id, "", wish)
    assert leaderboard._changes(filled, "gone", "", wish) == ""


def papers(over: str = consistency.WHOLE, ours: str = consistency.PAPER_MIX) -> consistency.Wish:
    return consistency.Wish(ours, consistency.PAPER_LMSYS, (ours,), over, 10)


def test_the_papers_own_figures_are_reproduced_and_labelled(store: Store) -> None:
    said, cards, *_ = consistency._show(store, papers())
    assert "22 models in both" in said
    assert "not made by this arena" in said
    assert "(201/203)" in cards
    assert "(226/231)" in cards


def test_top_and_close_are_choices(store: Store) -> None:
    assert "10 models in both" in consistency._show(store, papers(consistency.TOP))[0]
    assert "not defined" in consistency._show(store, papers(consistency.CLOSE))[1]


def test_our_board_without_counterparts_says_so(filled: Store) -> None:
    found: tuple[Any, ...] = consistency._show(filled, papers(ours=consistency.OUR_BOARD))
    assert "comparison needs two" in found[0]
    assert consistency._choices(filled)[0] == consistency.OUR_BOARD
