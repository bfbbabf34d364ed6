"""Four proofs of the ratings: a textbook example, a golden file, properties, independent libraries."""

from __future__ import annotations

import math

import choix
import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.ratings import bradley_terry, davidson, intervals
from arena.ratings.cells import count
from arena.ratings.methods import POINTS, Boards
from arena.ratings.trouble import is_whole
from tests.ratings.boards import cells_of, frame_of, simulated

# Agresti, Categorical Data Analysis, American League baseball 1987: wins of the row over the column.
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
WINS = (
    (0, 7, 9, 7, 7, 9, 11),
    (6, 0, 7, 5, 11, 9, 9),
    (4, 6, 0, 7, 7, 8, 12),
    (6, 8, 6, 0, 6, 7, 10),
    (6, 2, 6, 7, 0, 7, 12),
    (4, 4, 5, 6, 6, 0, 6),
    (2, 4, 1, 3, 1, 7, 0),
)
BOOK = (1.581, 1.436, 1.294, 1.248, 1.108, 0.684, 0.0)


def test_the_textbook_baseball_league_comes_out_as_printed() -> None:
    rows = [(TEAMS[i], TEAMS[j], "A") for i in range(7) for j in range(7) for _ in range(WINS[i][j])]
    cells = cells_of(*rows)
    strengths = dict(zip(cells.names, bradley_terry.fit(cells), strict=True))
    found = [strengths[team] - strengths["Baltimore"] for team in TEAMS]
    assert found == pytest.approx(BOOK, abs=6e-4)


def test_two_contenders_have_the_closed_form() -> None:
    cells = cells_of(*[("a", "b", "A")] * 7, *[("a", "b", "B")] * 2, ("a", "b", "tie"))
    strengths = bradley_terry.fit(cells)
    assert strengths[0] - strengths[1] == pytest.approx(math.log(7.5 / 2.5), abs=1e-12)


def test_strengths_agree_with_choix_and_evalica() -> None:
    frame = simulated(np.linspace(-1, 1, 12), 5000, seed=3)
    cells = count(frame)
    ours = bradley_terry.fit(cells)
    wins = np.zeros((12, 12))
    wins[cells.first, cells.second] = bradley_terry.halved(cells.weight)
    wins[cells.second, cells.first] = cells.weight.sum(axis=1) - bradley_terry.halved(cells.weight)
    theirs = choix.ilsr_pairwise_dense(wins, tol=1e-12, max_iter=10_000)
    assert np.abs(ours - (theirs - theirs.mean())).max() < 1e-6
    winners = {"A": evalica.Winner.X, "B": evalica.Winner.Y, "tie": evalica.Winner.Draw}
    result = evalica.bradley_terry(
        frame["contender_a"].to_list(),
        frame["contender_b"].to_list(),
        [winners[w] for w in frame["winner"]],
        tolerance=1e-13,
        limit=100_000,
    )
    scores = np.log(result.scores.loc[list(cells.names)].to_numpy())
    assert np.abs(ours - (scores - scores.mean())).max() < 1e-6


battles = st.lists(
    st.tuples(
        st.sampled_from("abcd"), st.sampled_from("abcd"), st.sampled_from(["A", "B", "tie", "both_bad"])
    ).filter(lambda row: row[0] != row[1]),
    min_size=1,
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(battles, st.randoms(use_true_random=False))
def test_swapped_seats_mirror_and_shuffling_changes_nothing(
    rows: list[tuple[str, str, str]], random: object
) -> None:
    plain = cells_of(*rows)
    swapped = [(b, a, {"A": "B", "B": "A"}.get(w, w)) for a, b, w in rows]
    random.shuffle(swapped)  # type: ignore[attr-defined]  # hypothesis' Random has no public type
    other = cells_of(*swapped)
    assert plain.names == other.names
    assert np.array_equal(plain.number, other.number)
    prior = 0.0 if is_whole(plain, plain.weight) else 1.0
    fitted = bradley_terry.fit(plain, prior)
    assert np.allclose(fitted, bradley_terry.fit(other, prior), atol=1e-9)
    mirrored = cells_of(*[(a, b, {"A": "B", "B": "A"}.get(w, w)) for a, b, w in rows])
    assert np.allclose(fitted, -bradley_terry.fit(mirrored, prior), atol=1e-8)


@settings(max_examples=100, deadline=None)
@given(battles)
def test_the_slope_is_zero_at_the_answer(rows: list[tuple[str, str, str]]) -> None:
    cells = cells_of(*rows)
    for prior in (0.0, 0.7):
        if not prior and not is_whole(cells, cells.weight):
            continue
        s = bradley_terry.fit(cells, prior)
        won, number = bradley_terry.halved(cells.weight), cells.weight.sum(axis=1)
        if not prior:
            residual = won - number / (1 + np.exp(s[cells.second] - s[cells.first]))
            assert np.abs(cells.total(residual, -residual)).max() < 1e-7
        strengths, nu = davidson.fit(cells, prior)
        assert np.isfinite(strengths).all()
        assert np.isfinite(nu)


def test_a_tie_moves_nobody_that_is_equal() -> None:
    cells = cells_of(
        ("a", "b", "A"), ("b", "c", "A"), ("c", "a", "A"), ("a", "b", "tie"), ("b", "c", "both_bad")
    )
    assert np.allclose(bradley_terry.fit(cells_of(("a", "b", "A"), ("b", "c", "A"), ("c", "a", "A"))), 0)
    assert np.abs(bradley_terry.fit(cells)).max() < 0.5


def test_davidson_finds_the_tie_rate_of_equals() -> None:
    cells = cells_of(*[("a", "b", "A")] * 30, *[("a", "b", "B")] * 30, *[("b", "a", "tie")] * 40)
    strengths, nu = davidson.fit(cells)
    assert strengths == pytest.approx([0, 0], abs=1e-9)
    assert nu / (2 + nu) == pytest.approx(0.4, abs=1e-4)


def test_davidson_is_the_optimum_of_its_likelihood() -> None:
    from scipy.optimize import minimize

    cells = count(simulated(np.linspace(-1, 1, 5), 800, seed=4))

    def loss(point: np.ndarray) -> float:
        s, nu = point[:5], np.exp(point[5])
        first, second = np.exp(s[cells.first]), np.exp(s[cells.second])
        tie = nu * np.sqrt(first * second)
        chances = np.stack([first, second, tie], axis=1) / (first + second + tie)[:, None]
        return float(-(cells.weight * np.log(chances)).sum() + s.sum() ** 2)

    best = minimize(loss, np.zeros(6), method="BFGS", options={"gtol": 1e-5}).x
    strengths, nu = davidson.fit(cells)
    assert strengths == pytest.approx(best[:5] - best[:5].mean(), abs=1e-4)
    assert math.log(nu) == pytest.approx(best[5], abs=1e-4)


def test_draws_fitted_together_equal_draws_fitted_alone() -> None:
    cells = count(simulated(np.linspace(-1, 1, 8), 300, seed=5))
    boards: Boards = next(iter(intervals.bootstrap(cells, "battles", 40, seed=1)))
    together = bradley_terry.fit_draws(cells, boards.outcomes)
    for draw, outcomes in enumerate(boards.outcomes):
        prior = 0.0 if is_whole(cells, outcomes) else bradley_terry.DRAW_PRIOR
        alone = bradley_terry.fit(cells, prior, outcomes)
        assert np.abs(together.strengths[draw] - alone).max() * POINTS < 1e-2


def test_weights_count_as_repeated_battles() -> None:
    once = frame_of([("a", "b", "A"), ("a", "b", "B"), ("b", "c", "tie")])
    weighted = count(once.with_columns(weight=np.array([3.0, 1.0, 2.0])))
    repeated = cells_of(*[("a", "b", "A")] * 3, ("a", "b", "B"), *[("b", "c", "tie")] * 2)
    assert np.allclose(bradley_terry.fit(weighted), bradley_terry.fit(repeated))
