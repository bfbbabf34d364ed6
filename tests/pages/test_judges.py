"""The judges page says what is known of a judge and makes new ones."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest

from arena import jobs
from arena.battles import fight
from arena.battles.agreement import Share
from arena.battles.fight import FightSettings
from arena.battles.judges.prompt import shipped_prompt
from arena.records import Judge
from arena.store import Store
from pages import judges
from tests.battles.conftest import finish, small_arena


def test_a_judge_with_battles_is_shown_with_its_figures(home: Path) -> None:
    with Store.open(home) as store:
        small_arena(store)
        finish(store, fight.launch(store, FightSettings("small", ("good", "poor"), "judge")))
        standing, report, *_ = judges._show(store, "judge", "all")
        assert "control pairs" in standing
        assert "50% is fair" in report


def test_constant_words_battle_and_the_report_says_who_came_last(home: Path) -> None:
    with Store.open(home) as store:
        small_arena(store)
        finish(store, fight.launch(store, FightSettings("small", ("good", "poor"), "judge")))
        with pytest.raises(gr.Error, match="Choose a judge, and the test set"):
            judges._let_null_battle(store, "judge", "all")
        judges._let_null_battle(store, "judge", "small")
        finish(store, jobs.jobs(store.home)[0])
        assert "Points of the null contender" in judges._show(store, "judge", "small")[1]


def test_an_arena_without_judges_says_what_to_do(store: Store) -> None:
    assert "No judge yet" in judges._show(store, None, "all")[0]


def test_a_saved_prompt_is_a_new_version(store: Store) -> None:
    small_arena(store)
    before = store.get(Judge, "judge")
    judges._save(store, "judge", "scores", "reader", shipped_prompt("scores") + "\nBe kind.")
    after = store.get(Judge, "judge")
    assert before is not None
    assert after is not None
    assert before.prompt_hash != after.prompt_hash


def test_a_prompt_without_its_placeholders_is_refused(store: Store) -> None:
    small_arena(store)
    with pytest.raises(gr.Error):
        judges._save(store, "x", "scores", "reader", "=== user ===\nWho wins?")


def test_a_share_of_nothing_has_no_figure() -> None:
    assert judges.share_text(Share(0, 0)) == "no data"


def test_judges_of_the_arena_sit_in_a_jury(store: Store) -> None:
    small_arena(store)
    judges._save(store, "checks", "code", None, "")
    judges._save(store, "all", "jury", None, "", ["judge", "checks"], "majority")
    made = store.get(Judge, "all")
    assert made is not None
    name, kind, sitting, rule, *_ = judges._edit(store, "all")
    assert (name, kind, sitting, rule) == ("all", "jury", ["checks", "judge"], "majority")
    with pytest.raises(gr.Error, match="at least two members"):
        judges._save(store, "one", "jury", None, "", ["judge"], "mean")
    assert store.get(Judge, "one") is None
