"""The judge report finds what a judge was built to do wrong."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from arena.battles import fight, injections, report
from arena.battles.agreement import Share, agree, kappa
from arena.battles.control import control_pairs
from arena.battles.fight import FightSettings
from arena.battles.judges.game import NEEDS_PROMPT
from arena.battles.judges.prompt import make_judge
from arena.records import BadInput, Battle, Judge, Source, Vote, Winner
from arena.store import Store
from tests.battles.conftest import contender, finish, small_arena

ALL = FightSettings("small", ("good", "fair", "poor"), "judge")


def test_a_seat_loving_judge_is_seen(home: Path) -> None:
    with Store.open(home) as store:
        small_arena(store)
        store.save([contender("reader", judge=True, seat_bias=9.0)])
        finish(store, fight.launch(store, ALL))
        found = report.judge_report(store, "judge")
        assert found.first_seat.value > 0.9
        assert found.flips.value > 0.5
        assert found.games == 24
        assert sum(found.histogram) == 48


def test_a_fair_judge_is_seen_to_be_fair_and_the_words_say_it(home: Path) -> None:
    with Store.open(home) as store:
        small_arena(store)
        store.save([contender("null", 1)])
        finish(store, fight.launch(store, FightSettings("small", ("good", "fair", "null"), "judge")))
        found = report.judge_report(store, "judge", "small")
        assert found.first_seat.value == 0.5
        assert found.flips.hits == 0
        assert found.null_is_last is True
        assert "is last, as it must" in report.in_words(found)


def test_agreement_with_votes_and_imported_labels_is_counted(home: Path) -> None:
    with Store.open(home) as store:
        small_arena(store)
        finish(store, fight.launch(store, ALL))
        battles = store.load(Battle)
        store.save([Vote("ann", b.id, b.winner) for b in battles[:6]])
        swapped = {Winner.A: Winner.B, Winner.B: Winner.A}
        first = battles[0]
        store.save(
            [
                Battle(
                    "i", first.instruction, first.contender_b, first.contender_a, swapped[first.winner],
                    judge="crowd", source=Source.IMPORTED,
                )
            ]
        )  # fmt: skip
        found = {a.other: a for a in report.judge_report(store, "judge").agreements}
        assert found["votes of people"].decided == Share(6, 6)
        assert found["imported crowd"].decided == Share(1, 1)


def test_an_unknown_judge_is_told(store: Store) -> None:
    with pytest.raises(BadInput, match="no judge 'nobody'"):
        report.judge_report(store, "nobody")


def test_a_report_without_battles_has_no_figures_and_does_not_fail(store: Store) -> None:
    small_arena(store)
    text = report.in_words(report.judge_report(store, "judge"))
    assert "no data" in text


def test_kappa_of_a_textbook_table() -> None:
    # 20 yes-yes, 15 no-no, 5 and 10 disagreements: kappa .4
    table = np.array([[20.0, 5, 0], [10, 15, 0], [0, 0, 0]])
    assert kappa(table) == pytest.approx(0.4)


def test_agreement_counts_ties_apart() -> None:
    pairs = [
        (Winner.A, Winner.A),
        (Winner.B, Winner.A),
        (Winner.TIE, Winner.BOTH_BAD),
        (Winner.A, Winner.TIE),
    ]
    found = agree("x", pairs)
    assert (found.decided, found.with_ties) == (Share(1, 2), Share(2, 4))
    assert found.kappa_low <= found.kappa <= found.kappa_high


def test_the_interval_of_a_share_of_nothing_is_all() -> None:
    assert math.isnan(Share(0, 0).value)
    assert Share(0, 0).interval == (0.0, 1.0)


def test_a_judge_that_reads_lengths_falls_for_attacks_and_they_are_asked_once(home: Path) -> None:
    with Store.open(home) as store:
        small_arena(store)
        job = injections.launch(store, "judge", 44)
        finish(store, job)
        found = injections.injection_report(store, "judge", 44)
        assert found.all.total > 0
        assert found.drift.total == 44
        again = injections.launch(store, "judge", 44)
        finish(store, again)
        assert not (again.folder / "judgement.jsonl").exists()


def test_every_shipped_prompt_holds_a_line_of_defence() -> None:
    for kind in NEEDS_PROMPT:
        judge: Judge = make_judge("j", kind, "m")
        bare = injections.without_defence(judge)
        assert bare.prompt_hash != judge.prompt_hash
        for text in (bare.prompt, *bare.settings.values()):
            assert not any(line in str(text) for line in injections.DEFENCES), kind


def test_the_control_pairs_are_many_varied_and_different() -> None:
    pairs = control_pairs()
    levels = [p.level for p in pairs]
    assert levels.count("obvious") >= 40
    assert levels.count("subtle") >= 40
    assert len({p.instruction.id for p in pairs}) == len(pairs)
    kinds = {"maths", "facts", "code", "writing", "format", "instruction", "safety", "multi-turn"}
    assert {p.kind for p in pairs} == kinds
