"""Who meets whom: every pairing keeps its promise and every menu entry the same contract."""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.battles.adaptive import balanced_pairs
from arena.battles.pairing import ADAPTIVE, DESCRIPTIONS, NEEDS_TARGET, PAIRINGS, batches, size
from arena.battles.tally import Field, Meeting, Tally, expected_spearman, quick_fit
from arena.records import BadInput

NAMES = ("a", "b", "c", "d")
FIELD = Field(tuple(f"i{n}" for n in range(12)), NAMES, target="c", seed=1, k=2)


def all_of(name: str, field: Field) -> list[Meeting]:
    tally = Tally(field.contenders)
    found = []
    for chunk in batches(name, field, tally):
        for one in chunk:
            tally.add(one.a, one.b, 0.5)
        found += chunk
    return found


@pytest.mark.parametrize("name", PAIRINGS)
def test_every_pairing_pairs_different_contenders_once_an_instruction(name: str) -> None:
    found = all_of(name, FIELD)
    assert found
    assert len({(m.instruction, m.a, m.b) for m in found}) == len(found)
    assert all(m.a < m.b for m in found)
    assert len(found) <= size(name, FIELD)
    if name not in ADAPTIVE:
        assert len(found) == size(name, FIELD)
    assert name in DESCRIPTIONS


@pytest.mark.parametrize("name", PAIRINGS)
def test_the_same_seed_gives_the_same_pairs(name: str) -> None:
    assert all_of(name, FIELD) == all_of(name, FIELD)


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("target", {("a", "c"), ("b", "c"), ("c", "d")}),
        ("one-opponent", {("a", "c")}),
        ("split", {("a", "c"), ("b", "c"), ("c", "d")}),
        ("target-plus-two", {("a", "c"), ("b", "c"), ("a", "b")}),
    ],
)
def test_the_papers_modes_pair_whom_they_should(name: str, pairs: set[tuple[str, str]]) -> None:
    assert {(m.a, m.b) for m in all_of(name, FIELD)} == pairs


def test_split_gives_each_instruction_one_opponent_and_each_opponent_a_third() -> None:
    found = all_of("split", FIELD)
    assert len({m.instruction for m in found}) == len(found) == 12
    assert set(Counter((m.a, m.b) for m in found).values()) == {4}


@given(st.integers(2, 9), st.integers(1, 6), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_balanced_pairs_are_the_round_robin_in_an_even_order(n: int, instructions: int, seed: int) -> None:
    field = Field(tuple(f"i{k}" for k in range(instructions)), tuple("abcdefghi"[:n]), seed=seed)
    found = list(balanced_pairs(field))
    assert len({(m.instruction, m.a, m.b) for m in found}) == n * (n - 1) // 2 * instructions
    for cut in range(0, len(found), 3):
        met = Counter(name for m in found[:cut] for name in (m.a, m.b))
        assert max(met.values(), default=0) - min((met[x] for x in field.contenders), default=0) <= 2


@pytest.mark.parametrize("name", NEEDS_TARGET)
def test_a_target_that_does_not_take_part_is_told(name: str) -> None:
    with pytest.raises(BadInput, match="needs a target"):
        batches(name, Field(("i",), NAMES, target="z"), Tally(NAMES))


def test_until_stable_stops_early_when_the_board_is_clear() -> None:
    names = tuple("abcdef")
    field = Field(tuple(f"i{n}" for n in range(500)), names, stability=0.9, seed=2)
    tally = Tally(names)
    random = np.random.default_rng(0)
    strength = dict(zip(names, np.linspace(0, 5, 6), strict=True))
    count = 0
    for chunk in batches("until-stable", field, tally):
        for one in chunk:
            chance = 1 / (1 + math.exp(strength[one.b] - strength[one.a]))
            tally.add(one.a, one.b, float(random.random() < chance))
        count += len(chunk)
    assert count < size("until-stable", field) / 10
    fit = quick_fit(tally)
    assert fit is not None
    assert expected_spearman(fit) >= 0.9


def test_the_quick_fit_of_a_textbook_pair() -> None:
    """Three wins in four games: log odds log 3, standard error sqrt(1 / (4 * .75 * .25))."""
    tally = Tally(("a", "b"))
    tally.add("a", "b", 1.0, times=3)
    tally.add("a", "b", 0.0)
    fit = quick_fit(tally)
    assert fit is not None
    assert fit.theta[0] - fit.theta[1] == pytest.approx(math.log(3))
    c = fit.covariance
    assert c[0, 0] + c[1, 1] - 2 * c[0, 1] == pytest.approx(1 / (4 * 0.75 * 0.25))


def test_there_is_no_fit_while_somebody_won_everything() -> None:
    tally = Tally(("a", "b", "c"))
    tally.add("a", "b", 1.0)
    tally.add("a", "c", 1.0)
    assert quick_fit(tally) is None


def test_a_newcomer_mostly_meets_who_tells_most_and_everybody_now_and_then() -> None:
    """A newcomer as strong as a: c loses to it anyhow and tells little."""
    field = Field(tuple(f"i{n}" for n in range(400)), NAMES, target="d", width=1.0, seed=3)
    tally = Tally(NAMES)
    for a, b, points in (("a", "b", 0.9), ("b", "c", 0.9), ("a", "c", 0.98)):
        tally.add(a, b, points, times=300)
    met: list[Meeting] = []
    for chunk in islice(batches("newcomer", field, tally), 15):
        for one in chunk:
            tally.add(one.a, one.b, {"a": 0.5, "b": 0.1, "c": 0.02}[one.a])
        met += chunk
    assert all(m.b == "d" for m in met)
    count = Counter(m.a for m in met)
    assert count["a"] > 0.5 * len(met)
    assert min(count.values()) > 0.05 * len(met)
