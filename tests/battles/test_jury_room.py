"""Names become judges: registered ones as they are, contenders by the kind that suits them."""

from __future__ import annotations

import dataclasses

import pytest

from arena.backends import embedded
from arena.battles.control import standing
from arena.battles.judges.prompt import make_judge
from arena.battles.jury_room import ensure_judge, models_of
from arena.records import BadInput, Contender, Judge, to_json
from arena.store import Store
from tests.battles.conftest import contender, small_arena


def test_a_contender_becomes_the_papers_judge_once(store: Store) -> None:
    small_arena(store)
    made = ensure_judge(store, "reader")
    assert (made.name, made.kind) == ("reader", "scores")
    assert ensure_judge(store, "reader") == store.get(Judge, "reader")


def test_the_embedded_judge_weighs_unless_asked_otherwise(store: Store) -> None:
    store.save([dataclasses.replace(contender("tiny"), options={"role": "judge"})])
    assert (ensure_judge(store, "tiny").name, ensure_judge(store, "tiny").kind) == ("tiny", "weighed")
    other = ensure_judge(store, "tiny", "scores")
    assert (other.name, other.kind) == ("tiny-scores", "scores")


def test_a_kind_beside_an_existing_judge_gets_a_name_of_its_own(store: Store) -> None:
    small_arena(store)
    ensure_judge(store, "reader")
    assert ensure_judge(store, "reader", "verdict").name == "reader-verdict"
    assert ensure_judge(store, "reader", "code").name == "checks"


def test_the_embedded_judge_is_there_in_an_empty_arena(store: Store) -> None:
    made = ensure_judge(store, embedded.JUDGE)
    assert (made.name, made.kind) == (embedded.JUDGE, "weighed")
    assert models_of(made, {c.name: c for c in store.load(Contender)})


def test_an_unknown_name_is_told(store: Store) -> None:
    with pytest.raises(BadInput, match="no judge and no contender 'nobody'"):
        ensure_judge(store, "nobody")


def test_a_jury_needs_the_models_of_all_its_members(store: Store) -> None:
    members = [to_json(make_judge(n, "scores", n)) for n in ("x", "y")]
    jury = make_judge("both", "jury", settings={"members": members, "rule": "mean"})
    with pytest.raises(BadInput, match="'x'"):
        models_of(jury, {})
    assert set(models_of(jury, {n: contender(n) for n in "xyz"})) == {"x", "y"}


def test_a_judge_made_of_code_is_not_sent_to_the_control_pairs(store: Store) -> None:
    store.save([make_judge("checks", "code")])
    assert "Code checks" in standing(store, "checks")
    assert "judge control" not in standing(store, "checks")
