"""What the leaderboard and consistency pages show, without a browser."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from arena.ratings.leaderboard import Settings
from arena.ratings.slices import Slice
from arena.records import Battle, Contender, Snapshot
from arena.store import Store
from pages import consistency
from pages import leaderboard_menus as menus
from pages import leaderboard_views as views
from pages.leaderboard_menus import START, Wish
from tests.browser.seed import NAMES, records

ALL = tuple(START.values())


def wished(**asked: Any) -> tuple[Any, ...]:
    """The menus' values where these differ from the start."""
    return tuple({**START, **asked}.values())


@pytest.fixture
def filled(store: Store) -> Store:
    store.save(records())
    return store


def test_menus_become_a_slice_and_settings() -> None:
    values = wished(
        testset="set", judge="judge", source="vote", method="elo", interval="battles", anchor="amber-1b",
        anchor_at=1100, own_family=True, since="2026-11-01", until="2026-11-01", draws=50, seed=3, k=8, prior=0.5,
    )  # fmt: skip
    wish = Wish.of(*values)
    assert wish.chosen == Slice(
        "set", judge="judge", source="vote", exclude_own_family=True, since=1793491200.0, until=1793577600.0
    )
    assert wish.settings == Settings("elo", "battles", 50, 3, "amber-1b", 1100, 0.5, 8)
    assert (wish.words["since"], wish.words["until"]) == ("2026-11-01", "2026-11-01")
    assert Wish.of(*ALL) == Wish(Slice(), Settings())


def test_the_page_shows_every_contender_and_links_its_battles(filled: Store) -> None:
    summary, table, chart, matrix, *_ = views.whole(filled, ALL, "wins")
    assert "36 battles, 3 contenders" in summary
    assert all(name in table for name in NAMES)
    assert "any two may be compared" in table
    assert len(chart.data[0].y) == 3
    assert "battles?pair=amber-1b+vs+basalt-3b" in matrix


def test_an_empty_arena_says_what_to_do(store: Store) -> None:
    summary, table, *_ = views.whole(store, ALL, "wins")
    assert "run or import battles" in summary
    assert table == ""


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"since": "yesterday"}, "is no day"),
        ({"draws": 1}, "ask for at least 2"),
        ({"draws": 10**6}, "keep this page waiting"),
        ({"until": "2001-01-01"}, "no battles in this slice"),
        ({"method": "elo", "style": True}, "does not go with elo"),
    ],
)
def test_what_makes_no_board_is_said_in_its_place(filled: Store, asked: dict[str, Any], says: str) -> None:
    summary, table, *_ = views.whole(filled, wished(**asked), "wins")
    assert says in summary
    assert table == ""
    assert says in views.told(views.duel, filled, wished(**asked), "amber-1b", "basalt-3b")


def test_the_address_chooses_only_what_exists(filled: Store) -> None:
    asked = {
        "judge": "test-judge",
        "category": "<script>",
        "method": "elo",
        "style": "1",
        "draws": "nan",
        "seed": "7",
    }
    found = dict(zip(START, menus.filled(filled, asked), strict=True))
    assert (found["judge"].value, found["category"].value, found["method"].value) == (
        "test-judge",
        "all",
        "elo",
    )
    assert (found["style"], found["own_family"], found["draws"], found["seed"]) == (True, False, 200, 7)


def test_style_held_equal_is_named_on_the_chart_and_frozen(filled: Store) -> None:
    from arena.ratings import snapshots

    wish = Wish.of(*wished(style=True))
    chart = views.whole(filled, wished(style=True), "wins")[2]
    assert "sandwich" in chart.layout.title.text
    assert snapshots.freeze(filled, "styled", wish.chosen, wish.settings).settings["settings"][
        "style_control"
    ]


def test_two_contenders_are_held_against_each_other(filled: Store) -> None:
    assert "Stands above" in views.told(views.duel, filled, ALL, "amber-1b", "basalt-3b")
    assert "Choose two" in views.told(views.duel, filled, ALL, "amber-1b", "amber-1b")
    assert "gone has no battle" in views.told(views.duel, filled, ALL, "amber-1b", "gone")


def test_how_firm_the_board_is(filled: Store) -> None:
    said = views.told(views.firm, filled, ALL)
    assert "had gone the other way" in said or "no finite ratings" in said


def test_changes_since_a_snapshot(filled: Store) -> None:
    from arena.ratings import snapshots

    wish = Wish.of(*ALL)
    frozen: Snapshot = snapshots.freeze(filled, "first", wish.chosen, wish.settings)
    assert "amber-1b" in views.told(views.changes, filled, ALL, frozen.id, "")
    assert views.told(views.changes, filled, ALL, "gone", "") == ""


def test_a_hidden_contender_stays_in_the_log_of_everybody_ever_rated(filled: Store) -> None:
    held = filled.get(Contender, "basalt-3b")
    assert held is not None
    filled.save([replace(held, hidden=True)])
    said = views.ever_rated(filled)
    assert all(name in said for name in NAMES)
    assert said.count("hidden from the menus") == 1
    assert "Nobody has battled" not in said


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


def test_two_judges_are_compared_on_the_battles_of_both(filled: Store) -> None:
    judged = filled.load(Battle, "judge = 'test-judge'", order="id")
    filled.save(replace(battle, id=f"again-{battle.id}", judge="second") for battle in judged[:30])
    first, second = (consistency.BY_JUDGE + name for name in ("test-judge", "second"))
    assert {first, second} <= set(consistency._choices(filled))
    alone = consistency.ranking(filled, first)
    both = consistency.ranking(filled, first, second)
    assert (sum(row.votes or 0 for row in alone), sum(row.votes or 0 for row in both)) == (72, 60)
    wish = consistency.Wish(first, second, (), consistency.WHOLE, 50)
    said, cards, *_ = consistency._show(filled, wish)
    assert "only the pairs of answers that both judges settled" in said
    assert "100.00" in cards
