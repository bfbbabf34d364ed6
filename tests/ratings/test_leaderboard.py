"""One board from cells: the contract of every method, degenerate boards, intervals, ranks."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from arena.ratings import flips, intervals, trouble
from arena.ratings.cells import Cells, count
from arena.ratings.intervals import INTERVALS
from arena.ratings.leaderboard import Settings, rate
from arena.ratings.methods import METHODS
from arena.ratings.ranks import rank_ub
from arena.records import BadInput
from tests.ratings.boards import cells_of, simulated

TRUTH = np.linspace(1, -1, 6)


def scored(battles: int = 900, seed: int = 1) -> Cells:
    frame = simulated(TRUTH, battles, seed, instructions=60)
    random = np.random.default_rng(seed)
    a = 5 + random.normal(0, 0.05, battles) + (frame["winner"] == "A").to_numpy()
    b = 5 + random.normal(0, 0.05, battles) + (frame["winner"] == "B").to_numpy()
    extra = {"score_a": a, "score_b": b, "square_a": a**2, "square_b": b**2, "scored": np.ones(battles)}
    return count(frame.with_columns(**{k: pl.Series(v) for k, v in extra.items()}), by_instruction=True)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("interval", INTERVALS)
def test_every_method_gives_every_interval_it_knows(method: str, interval: str) -> None:
    wish = Settings(method, interval, draws=30)
    if "sandwich" in interval and not METHODS[method].sandwich:
        with pytest.raises(BadInput, match="sandwich"):
            rate(scored(), wish)
        return
    board = rate(scored(), wish)
    assert [row.rank for row in board.rows] == [1, 2, 3, 4, 5, 6]
    assert board.names == tuple(sorted(board.names))
    assert sum(row.battles for row in board.rows) == 2 * 900
    for row in board.rows:
        if interval == "none":
            assert row.low is None
        else:
            assert row.low is not None
            assert row.high is not None
            assert row.low <= row.rating <= row.high
            assert row.rank_low is not None
            assert row.rank_high is not None
            assert row.rank_low <= row.rank <= row.rank_high
    if board.unit == "Elo":
        assert np.mean([row.rating for row in board.rows]) == pytest.approx(1000, abs=2)
    again = rate(scored(), wish)
    assert board.rows == again.rows


@pytest.mark.parametrize("interval", [name for name in INTERVALS if name != "none"])
def test_the_anchor_stays_where_it_is_held(interval: str) -> None:
    board = rate(scored(), Settings(interval=interval, anchor="model-003", anchor_at=1100, draws=30))
    row = board.rows[board.place("model-003")]
    assert (row.rating, row.low, row.high) == pytest.approx((1100, 1100, 1100))


def test_an_unknown_anchor_is_refused_with_a_suggestion() -> None:
    with pytest.raises(BadInput, match="Did you mean model-003"):
        rate(scored(), Settings(anchor="model-3"))


def test_two_pools_that_never_met_are_explained_and_still_shown() -> None:
    cells = cells_of(("a", "b", "A"), ("b", "a", "A"), ("c", "d", "A"), ("d", "c", "A"))
    board = rate(cells, Settings(interval="battles"))
    assert board.troubles[0].kind == "pools"
    assert board.troubles[0].mend == (("a", "c"),)
    assert all(900 < row.rating < 1100 for row in board.rows)
    with pytest.raises(BadInput, match="never met"):
        rate(cells, Settings(interval="none", prior=0))


def test_an_unbeaten_contender_is_explained_and_never_ten_thousand() -> None:
    rows = [("champion", other, "A") for other in "abc" for _ in range(50)]
    rows += [("a", "b", "A"), ("b", "c", "A"), ("c", "a", "A")]
    board = rate(cells_of(*rows), Settings(interval="battles"))
    assert board.rows[0].model == "champion"
    assert board.rows[0].rating < 2500
    assert "never lost or tied" in board.troubles[0].text
    assert board.troubles[0].mend[0][0] == "champion"
    assert any("prior" in note or "tied battle" in note for note in board.notes)


def test_a_contender_that_only_loses_is_explained() -> None:
    rows = [("a", "b", "A"), ("b", "c", "A"), ("c", "a", "A"), ("a", "loser", "A"), ("b", "loser", "A")]
    found = trouble.find(cells_of(*rows))
    assert [(t.kind, t.contenders) for t in found] == [("winless", ("loser",))]


@pytest.mark.parametrize("interval", INTERVALS)
def test_a_single_battle_makes_a_board(interval: str) -> None:
    board = rate(
        count(pl.DataFrame({"contender_a": ["a"], "contender_b": ["b"], "winner": ["A"]}), True),
        Settings(interval=interval),
    )
    assert board.names == ("a", "b")
    assert {t.kind for t in board.troubles} == {"unbeaten", "winless"}
    assert all(np.isfinite(row.rating) for row in board.rows)
    assert any("too narrow" in note for note in board.notes) == (interval in ("battles", "instructions"))


def test_ties_alone_make_everybody_equal() -> None:
    board = rate(cells_of(("a", "b", "tie"), ("b", "c", "both_bad")), Settings(interval="none"))
    assert [row.rank for row in board.rows] == [1, 1, 1]


def test_a_battle_with_oneself_and_an_empty_board_are_refused() -> None:
    with pytest.raises(BadInput, match="itself"):
        cells_of(("a", "a", "A"))
    with pytest.raises(BadInput, match="no battles"):
        count(pl.DataFrame(schema={"contender_a": pl.String, "contender_b": pl.String, "winner": pl.String}))


def test_lmarenas_rank_counts_intervals_that_lie_above() -> None:
    rating, low, high = np.array([30.0, 20, 10]), np.array([25.0, 14, 5]), np.array([35.0, 26, 14])
    assert rank_ub(rating, low, high).tolist() == [1, 1, 3]


def test_a_duel_says_who_is_better_and_who_wins() -> None:
    board = rate(scored(), Settings(interval="instructions"))
    duel = board.duel("model-000", "model-005")
    assert duel.better == 1
    assert duel.low < duel.gap < duel.high
    assert duel.wins is not None
    assert 0.7 < duel.wins < 0.95
    mirrored = board.duel("model-005", "model-000")
    assert mirrored.gap == pytest.approx(-duel.gap)


def test_few_flips_change_a_close_first_place() -> None:
    rows = [("a", "b", "A")] * 6 + [("a", "b", "B")] * 4 + [("b", "c", "A")] * 9 + [("c", "b", "A")]
    rows += [("a", "c", "A")] * 9 + [("c", "a", "A")]
    found = flips.fewest(cells_of(*rows))
    assert found is not None
    assert (found.leader, found.successor, found.number) == ("a", "b", 2)


def test_the_simultaneous_interval_is_wider() -> None:
    for row in rate(scored(), Settings(interval="sandwich")).rows:
        assert row.low_all is not None
        assert row.low is not None
        assert row.low_all < row.low


@pytest.mark.parametrize("battles", [5_000, 30_000])
def test_the_sandwich_agrees_with_the_bootstrap(battles: int) -> None:
    """Above `intervals.MANY` battles counts are drawn cell by cell."""
    cells = scored(battles)
    wide = [
        [row.high - row.low for row in rate(cells, Settings(interval=kind, draws=400)).rows]
        for kind in ("sandwich", "battles")
    ]  # type: ignore[operator]
    assert np.mean(wide[0]) == pytest.approx(np.mean(wide[1]), rel=0.1)
    wide = [
        [row.high - row.low for row in rate(cells, Settings(interval=kind, draws=400)).rows]
        for kind in ("cluster-sandwich", "instructions")
    ]  # type: ignore[operator]
    assert np.mean(wide[0]) == pytest.approx(np.mean(wide[1]), rel=0.1)


def test_leaving_one_contender_out_keeps_the_rest() -> None:
    cells = scored()
    rest = cells.without("model-002")
    assert rest.names == ("model-000", "model-001", "model-003", "model-004", "model-005")
    assert rest.battles == cells.battles - int(cells.met()[2])


def test_instructions_swayed_together_widen_only_the_honest_interval() -> None:
    """A short version of benchmarks/coverage.py: 60 boards, the truth inside 85-100% against far less."""
    inside = {"instructions": [], "battles": []}  # type: dict[str, list[float]]
    target = np.array([0.5, 0.0, -0.5])
    for seed in range(60):
        frame = simulated(target, 1500, seed, ties=0.0, instructions=50, sway=0.8)
        cells = count(frame, by_instruction=True)
        for kind, found in inside.items():
            drawn, _ = intervals.rate_all(METHODS["bradley-terry"], cells, kind, 100, _options(seed))
            low, high = intervals.ends(drawn[:, 0:1] - drawn[:, 2:3])
            found.append(float(low[0] <= LIMIT <= high[0]))
    assert np.mean(inside["instructions"]) >= 0.85
    assert np.mean(inside["battles"]) < np.mean(inside["instructions"]) - 0.15


def _options(seed: int):  # type: ignore[no-untyped-def]
    from arena.ratings.methods import Options

    return Options(seed=seed)


def _limit() -> float:
    """Gap of first and last that endless battles with swayed instructions come to."""
    frame = simulated(np.array([0.5, 0.0, -0.5]), 400_000, 99, ties=0.0, instructions=100_000, sway=0.8)
    from arena.ratings.bradley_terry import fit

    strengths = fit(count(frame))
    return float(strengths[0] - strengths[2])


LIMIT = _limit()
