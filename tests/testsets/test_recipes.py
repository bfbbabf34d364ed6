"""Recipes choose what the paper says, and the seed decides alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from arena.records import BadInput
from arena.testsets.recipes import RECIPES, Pool, diverse, hard, mix

LABELS = np.repeat(np.arange(10), 20).astype(np.int32)


def pool(size: int = 20, seed: int = 1, per_cluster: int = 20) -> Pool:
    return Pool(
        ids=[f"{n:03d}" for n in range(200)],
        size=size,
        seed=seed,
        clusters=LABELS,
        per_cluster=per_cluster,
        rate=lambda rows: rows.astype(float) % 20,
        wanted=[f"{n:03d}" for n in range(size)],
    )


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_gives_its_size_once_each_and_repeats_itself(name: str) -> None:
    choose = RECIPES[name].choose
    rows = choose(pool()).rows
    assert len(rows) == len(set(rows.tolist())) == 20
    assert rows.tolist() == choose(pool()).rows.tolist()
    if name != "handpicked":
        assert rows.tolist() != choose(pool(seed=2)).rows.tolist()


@pytest.mark.parametrize("name", RECIPES)
def test_too_large_a_wish_is_refused(name: str) -> None:
    too_large = dataclasses.replace(pool(), size=201, wanted=["999"])
    with pytest.raises(BadInput):
        RECIPES[name].choose(too_large)


def test_diverse_takes_the_same_from_each_cluster() -> None:
    assert np.bincount(LABELS[diverse(pool()).rows]).tolist() == [2] * 10


def test_diverse_fills_up_when_a_cluster_is_small() -> None:
    small = dataclasses.replace(pool(), clusters=np.where(np.arange(200) == 0, 0, 1).astype(np.int32))
    assert sorted(np.bincount(small.clusters[diverse(small).rows]).tolist()) == [1, 19]  # type: ignore[index]


def test_hard_takes_the_top_of_the_candidates() -> None:
    choice = hard(pool())
    assert (choice.rows % 20).tolist() == [19] * 10 + [18] * 10
    assert choice.facts == {"rated": 200}
    assert hard(pool(per_cluster=5)).facts == {"rated": 50}


def test_unrated_candidates_are_never_hard() -> None:
    unrated = dataclasses.replace(
        pool(), rate=lambda rows: np.where(rows % 20 > 9, np.nan, rows % 20).astype(float)
    )
    assert max((hard(unrated).rows % 20).tolist()) == 9


def test_mix_is_a_union_with_the_overlap_replaced_and_counted() -> None:
    choice = mix(pool(size=40))
    assert len(set(choice.rows.tolist())) == 40
    first, second = set(choice.rows[:20].tolist()), choice.rows[20:]
    assert first == set(diverse(pool(size=20)).rows.tolist())
    ranked = [n for n in hard(pool(size=200)).rows.tolist() if n not in first]
    assert second.tolist() == ranked[:20]
    passed = hard(pool(size=200)).rows.tolist().index(second[-1]) + 1
    assert choice.facts["overlap"] == passed - 20
