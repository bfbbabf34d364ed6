"""Which battles become lessons: literal bouts in, literal lessons out."""

from __future__ import annotations

import dataclasses

import pytest

from arena.flywheel.bouts import Bout
from arena.flywheel.selection import Selection, candidates, select
from arena.flywheel.strategies import NEEDS_SCORES, STRATEGIES, tags
from arena.flywheel.training_sets import KS, preview
from arena.records import BadInput


def bout(n: int, a: str, b: str, margin: float, instruction: str = "", **facts: object) -> Bout:
    winner = "A" if margin > 0 else "B" if margin < 0 else "tie"
    made = Bout(
        f"b{n}",
        instruction or f"i{n}",
        (f"question {n}",),
        "c",
        a,
        b,
        (f"{a} {n}",),
        (f"{b} {n}",),
        winner,
        margin,
    )
    return dataclasses.replace(made, **facts)  # type: ignore[arg-type]


BOUTS = [
    bout(1, "me", "t1", -3.0),
    bout(2, "me", "t1", -0.5),
    bout(3, "me", "t1", 2.0),
    bout(4, "me", "t1", 0.0),
    bout(5, "t1", "t2", 4.0, "i1"),
    bout(6, "me", "t2", -4.0, "i1"),
    bout(7, "me", "t2", -5.0, flipped=True),
]
ALL = Selection(k=0.0, drop_flipped=False, per_instruction=9)


def names(stage: str, selection: Selection) -> list[str]:
    return [c.battle for c in select(BOUTS, "me", stage, selection).kept]


@pytest.mark.parametrize(
    ("stage", "selection", "expected"),
    [
        ("sft", Selection(k=0.0), ["b6", "b2"]),
        ("sft", ALL, ["b7", "b6", "b1", "b2"]),
        ("sft", Selection(k=3.0, per_instruction=9), ["b6", "b1"]),
        ("sft", Selection(k=3.0, per_instruction=9, at_least=False), ["b6"]),
        ("sft", Selection(k=0.0, leave_out=("b6",)), ["b1", "b2"]),
        ("sft", dataclasses.replace(ALL, per_teacher=1), ["b7", "b1"]),
        ("sft", dataclasses.replace(ALL, size=2), ["b7", "b6"]),
        ("dpo", dataclasses.replace(ALL, pairs="student-lost"), ["b7", "b6", "b1", "b2"]),
        ("dpo", ALL, ["b7", "b6", "b1", "b3", "b2"]),
        ("dpo", dataclasses.replace(ALL, pairs="all"), ["b7", "b5", "b6", "b1", "b3", "b2"]),
        ("reward", ALL, ["b7", "b5", "b6", "b1", "b3", "b2"]),
        ("dpo", dataclasses.replace(ALL, k=2.0), ["b7", "b6", "b1", "b3"]),
    ],
)
def test_lessons_by_stage_and_gap(stage: str, selection: Selection, expected: list[str]) -> None:
    assert names(stage, selection) == expected


def test_the_label_is_the_winners_and_for_sft_never_the_students() -> None:
    for c in select(BOUTS, "me", "sft", ALL).kept:
        assert c.teacher != "me"
        assert c.chosen == (f"{c.teacher} {c.battle[1:]}",)
        assert c.loser == "me"
    won = next(c for c in select(BOUTS, "me", "dpo", ALL).kept if c.battle == "b3")
    assert (won.teacher, won.chosen, won.rejected) == ("me", ("me 3",), ("t1 3",))


def test_prompt_stages_take_each_instruction_once_with_k_those_that_were_lost() -> None:
    every = select(BOUTS, "me", "ppo", Selection(k=0.0))
    assert sorted(c.instruction for c in every.kept) == ["i1", "i2", "i3", "i4"]
    lost = select(BOUTS, "me", "ppo", Selection(k=2.0))
    assert {c.battle for c in lost.kept} == {
        c.battle for c in select(BOUTS, "me", "sft", Selection(k=2.0)).kept
    }
    assert lost.dropped["gap below K"] > every.dropped.get("gap below K", 0)


def test_what_was_dropped_is_counted_by_reason() -> None:
    dropped = select(BOUTS, "me", "sft", Selection(k=1.0)).dropped
    assert dropped == {
        "the seats flipped the verdict": 1,
        "gap below K": 1,
        "more than allowed per instruction": 1,
    }


def test_empty_cut_long_and_double_answers_fall() -> None:
    bouts = [
        bout(1, "me", "t", -3, answers_b=("",)),
        bout(2, "me", "t", -3, whole_b=False),
        bout(3, "me", "t", -3, answers_b=("x" * 500,)),
        bout(4, "me", "t", -3, turns=("same",), answers_b=("same",)),
        bout(5, "me", "t", -2, turns=("same",), answers_b=("same",)),
    ]
    found = select(bouts, "me", "sft", Selection(k=0, most_characters=100))
    assert [c.battle for c in found.kept] == ["b4"]
    assert found.dropped == {
        "empty answer": 1,
        "label cut at the token limit": 1,
        "too long": 1,
        "same texts": 1,
    }


def test_length_balance_keeps_as_many_longer_as_shorter_labels() -> None:
    bouts = [
        bout(n, "me", "t", -5 + n * 0.1, answers_b=("long" * (5 if n < 4 else 0) or "x",)) for n in range(6)
    ]
    kept = select(bouts, "me", "sft", Selection(k=0, length_balanced=True)).kept
    longer = [c for c in kept if len(c.chosen[0]) > len(c.rejected[0])]
    assert (len(longer), len(kept)) == (2, 4)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_orders_repeatably_and_never_takes_the_students_answer(strategy: str) -> None:
    scores = {f"b{n}": float(n) for n in range(1, 8)}
    selection = dataclasses.replace(ALL, strategy=strategy, size=3)
    first = select(BOUTS, "me", "sft", selection, scores).kept
    assert first == select(list(reversed(BOUTS)), "me", "sft", selection, scores).kept
    assert len(first) == 3
    assert all(c.teacher != "me" for c in first)
    assert len({c.battle for c in first}) == 3


def test_a_strategy_without_its_figures_takes_nothing_and_says_so() -> None:
    for strategy in NEEDS_SCORES:
        found = select(BOUTS, "me", "sft", dataclasses.replace(ALL, strategy=strategy))
        assert found.kept == ()
        assert found.dropped["no figure for the strategy"] == 6


def test_tags_count_what_an_instruction_asks_for() -> None:
    demanding, plain = (
        dataclasses.replace(candidates([BOUTS[0]], "me", "sft", ALL)[0], turns=turns)
        for turns in (("Write a JSON table and explain why, without code.",), ("Hello",))
    )
    assert {"format", "reason", "condition", "code", "create"} <= tags(demanding)
    assert tags(plain) == frozenset()


def test_the_preview_counts_along_k() -> None:
    seen = preview(BOUTS, "me", "sft", ALL)
    curve = dict(seen.curve.iter_rows())
    assert tuple(curve) == KS
    assert (curve[0.0], curve[0.5], curve[1.0], curve[4.0], curve[5.0]) == (4, 4, 3, 2, 1)
    assert dict(seen.teachers.select("teacher", "examples").iter_rows()) == {"t1": 2, "t2": 2}


@pytest.mark.parametrize(
    "selection", [Selection(strategy="best"), Selection(k=-1.0), Selection(per_instruction=0)]
)
def test_settings_that_cannot_be_are_bad_input(selection: Selection) -> None:
    with pytest.raises(BadInput):
        select(BOUTS, "me", "sft", selection)


def test_an_unknown_choice_of_pairs_is_bad_input() -> None:
    with pytest.raises(BadInput, match="student-lost"):
        select(BOUTS, "me", "dpo", Selection(pairs="mine"))


def test_picks_by_hand_pass_the_gap_and_stand_first() -> None:
    by_hand = [dataclasses.replace(b, picked={"b2": True, "b6": False}.get(b.battle)) for b in BOUTS]
    chosen = select(by_hand, "me", "sft", Selection(k=3.0, per_instruction=9))
    assert [c.battle for c in chosen.kept] == ["b2", "b1"]
    assert chosen.dropped["dropped by hand"] == 1
    one = select(by_hand, "me", "sft", Selection(k=0.0, size=1, per_instruction=9))
    assert [c.battle for c in one.kept] == ["b2"]
