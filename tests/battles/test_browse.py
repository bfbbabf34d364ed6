"""Filters, facets, windows and neighbours over the seeded arena."""

from __future__ import annotations

import threading

import pytest

from arena.battles import browse, facets, searches
from arena.battles.browse import Filter
from arena.records import ArenaError, BadInput, Vote, Winner
from arena.store import Stop, Store
from tests.browser.seed import NAMES, fill


@pytest.fixture
def full(store: Store) -> Store:
    fill(store)
    return store


@pytest.mark.parametrize(
    ("words", "battles"),
    [
        ({}, 36),
        ({"category": "science"}, 9),
        ({"pair": "amber-1b vs basalt-3b"}, 12),
        ({"contender": "amber-1b"}, 24),
        ({"testset": "seed-mix"}, 36),
        ({"testset": "other"}, 0),
        ({"text": "haiku"}, 3),
        ({"text": "POINT NUMBER 7"}, 3),
        ({"text": "100%"}, 0),
        ({"flipped": "yes"}, 9),
        ({"unvoted": "yes"}, 36),
        ({"source": "vote"}, 0),
        ({"unknown": "word"}, 36),
    ],
)
def test_a_filter_chooses(full: Store, words: dict[str, str], battles: int) -> None:
    assert browse.window(full, Filter.of(words), 0, 1)[0] == battles


@pytest.mark.parametrize("words", [{"sort": "1; DROP TABLE battle"}, {"gap": "wide"}])
def test_unknown_orders_and_gaps_are_refused(words: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="choose from"):
        Filter.of(words)


def test_days_bound_a_list_inclusively(full: Store) -> None:
    made = full.query(
        "SELECT strftime(make_timestamp((min(made_at) * 1e6)::BIGINT), '%Y-%m-%d') FROM battle"
    ).item()
    day = {"since": made, "until": made}
    assert browse.window(full, Filter.of(day), 0, 1)[0] == browse.window(full, Filter.of({}), 0, 1)[0]
    assert browse.window(full, Filter.of({"until": "2001-01-01"}), 0, 1)[0] == 0
    assert browse.window(full, Filter.of({"since": "2101-01-01"}), 0, 1)[0] == 0
    with pytest.raises(BadInput, match="is no day"):
        Filter.of({"since": "yesterday"})


def test_a_facet_counts_under_the_rest_of_the_filter_not_itself(full: Store) -> None:
    found = {f.name: dict(f.values) for f in facets.facets(full, Filter.of({"category": "science"}))}
    assert found["category"]["writing"] == 6
    assert sum(found["winner"].values()) == 9


@pytest.mark.parametrize("sort", list(browse.SORTS))
def test_windows_add_up_to_the_whole_order(full: Store, sort: str) -> None:
    chosen = Filter.of({"sort": sort})
    ids = [i for start in range(0, 36, 7) for i in browse.window(full, chosen, start, 7)[1]["id"]]
    assert len(set(ids)) == 36
    for place, battle in enumerate(ids):
        at = browse.neighbours(full, chosen, battle)
        assert at[:2] == (place, 36)
        assert at[2] == (ids[place - 1] if place else "")
        assert at[3] == (ids[place + 1] if place < 35 else "")


@pytest.mark.parametrize("sort", list(browse.SORTS))
def test_the_top_of_a_list_is_the_same_before_and_after_its_order_is_known(full: Store, sort: str) -> None:
    chosen = Filter.of({"sort": sort})
    before = browse.window(full, chosen, 5, 20)
    browse.order_of(full, chosen)
    after = browse.window(full, chosen, 5, 20)
    assert before[0] == after[0] == 36
    assert before[1]["id"].to_list() == after[1]["id"].to_list()


def test_a_new_battle_is_seen_at_once(full: Store) -> None:
    chosen = Filter.of({"unvoted": "yes"})
    first = browse.window(full, chosen, 0, 1)[1]["id"].item()
    full.save([Vote("ada", first, Winner.TIE)])
    assert browse.window(full, chosen, 0, 1)[0] == 35


def test_people_who_disagree_with_the_judge_are_a_facet(full: Store) -> None:
    chosen = browse.window(full, Filter.of({"winner": "A"}), 0, 1)[1]["id"].item()
    full.save([Vote("ada", chosen, Winner.B)])
    assert browse.window(full, Filter.of({"disputed": "yes"}), 0, 5)[1]["id"].to_list() == [chosen]


def test_one_battle_comes_with_everything(full: Store) -> None:
    battle = browse.window(full, Filter(), 0, 1)[1]["id"].item()
    found = browse.detail(full, battle)
    assert (len(found.games), len(found.siblings), found.answered) == (2, 3, list(NAMES))
    assert found.contender_a is not None
    swapped = browse.between(full, found.instruction.id, found.battle.contender_b, found.battle.contender_a)
    assert swapped == battle


def test_a_battle_that_is_not_there_is_named() -> None:
    with Store.open(None) as store, pytest.raises(BadInput, match="no battle 'x'"):
        browse.detail(store, "x")


def test_a_stopped_search_says_so_and_the_next_one_runs(full: Store) -> None:
    stop = Stop()
    stop.press()
    token = searches.stopping.set(stop)
    try:
        with pytest.raises(ArenaError, match="stopped"):
            browse.window(full, Filter(text="haiku"), 0, 1)
    finally:
        searches.stopping.reset(token)
    assert browse.window(full, Filter(text="haiku"), 0, 1)[0] == 3


def test_a_running_query_ends_when_its_stop_is_pressed(store: Store) -> None:
    stop = Stop()
    threading.Timer(0.2, stop.press).start()
    with pytest.raises(ArenaError, match="was stopped"):
        store.query("SELECT sum(hash(a.range + b.range)) FROM range(10000000) a, range(100000) b", stop=stop)


def test_a_search_reads_the_texts_once_for_all_menus(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    query = full.query
    monkeypatch.setattr(full, "query", lambda sql, *a, **k: (asked.append(sql), query(sql, *a, **k))[1])
    chosen = Filter(text="haiku")
    browse.window(full, chosen, 0, 10)
    assert facets.facets(full, chosen)
    assert sum("ILIKE" in sql for sql in asked) == 1


def test_a_search_that_finds_too_much_is_capped(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not searches.capped(full, Filter(text="point number"))
    monkeypatch.setattr(searches, "MOST_FOUND", 5)
    assert searches.capped(full, Filter(text="point"))
