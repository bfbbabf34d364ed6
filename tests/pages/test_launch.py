"""The launch page plans, starts and shows runs by plain functions."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest

from arena.battles import fight, ledger, live
from arena.battles.fight import FightSettings
from arena.battles.judges.prompt import make_judge
from arena.records import Contender, Sampling, TestSet
from arena.store import Store
from pages import launch, launch_charts, launch_markup
from tests.battles.conftest import finish, small_arena

SETTINGS = FightSettings(
    "small",
    ("good", "poor"),
    "judge",
    pairing="random",
    k=2,
    sampling=Sampling(temperature=0.5, max_tokens=99),
    category="plain",
    limit=3,
    budget=7,
)


def test_the_form_and_the_settings_say_the_same() -> None:
    wish = launch.settings_to_wish(SETTINGS)
    assert launch.wish_to_settings(tuple(wish)) == SETTINGS


def test_the_plan_says_what_is_missing(store: Store) -> None:
    small_arena(store)
    wish = tuple(launch.settings_to_wish(FightSettings("small", ("good", "poor"), "judge")))
    text, standing = launch._plan(store, wish)
    assert "16 calls" in text
    assert "not been measured" in standing


def test_an_impossible_wish_is_told_and_not_raised(store: Store) -> None:
    small_arena(store)
    text, _ = launch._plan(store, tuple(launch.settings_to_wish(FightSettings("small", ("good",), "judge"))))
    assert "at least two" in text


def test_a_run_is_watched_and_its_settings_come_back(home: Path) -> None:
    with Store.open(home) as store:
        small_arena(store)
        job = fight.launch(store, FightSettings("small", ("good", "fair", "poor"), "judge"))
        finish(store, job)
        text, figure, _ = launch._watch(store, job.id)
        assert "battles" in text
        assert len(figure.data[0].y) == 3
        assert live.board(store, fight.settings_of(job))[0].contender == "good"
        assert launch._form_of(store, job.id)[2] == ["good", "fair", "poor"]
        assert launch_markup.history_rows(live.history(store))[0][2] == "done"


def test_names_with_markup_stay_text() -> None:
    standing = live.Standing("<script>x</script>", None, None, 0, 0.0)
    from arena.jobs import State, Status

    assert "<script>" not in launch.figures_html(Status(State.DONE), [standing])


def test_an_unknown_run_is_told(store: Store) -> None:
    assert "no run" in launch._watch(store, "battle-x")[0]
    with pytest.raises(gr.Error):
        launch._form_of(store, None)


def test_an_empty_board_is_a_picture_too() -> None:
    assert launch_charts.board([]).layout.height > 0


def test_a_link_fills_the_form_and_a_checkpoint_meets_its_parent(store: Store) -> None:
    small_arena(store)
    store.save([Contender("good-sft", "scripted", parent="good", stage="sft")])
    _, judge, contenders, _, _ = launch._arrive(store, {"contender": "good-sft", "judge": "judge"})
    assert judge.value == "judge"
    assert contenders.value == ["good-sft", "good"]
    _, _, contenders, _, _ = launch._arrive(store, {"contender": "nobody"})
    assert len(contenders.value) == 2


def test_a_finished_run_shows_its_plan_beside_the_truth(home: Path) -> None:
    with Store.open(home) as store:
        small_arena(store)
        job = ledger.launch_planned(store, FightSettings("small", ("good", "poor"), "judge"))
        status = finish(store, job)
        told = {e.true.name: e for e in ledger.entries(store, job)}
        assert {name: e.true.calls for name, e in told.items()} == {"good": 4, "poor": 4, "judge": 8}
        assert all(e.planned and e.planned.calls == e.true.calls for e in told.values())
        text = launch_markup.ledger_html(list(told.values()), status)
        assert "a million battles take" in text
        assert fight.settings_of(job) == FightSettings("small", ("good", "poor"), "judge")


def test_what_can_be_launched_at_once_comes_first(store: Store) -> None:
    small_arena(store)
    store.save([TestSet("a-split", "random", purpose="train"), Contender("a-closed-model", "recorded")])
    store.save([make_judge("a-check", "code")])
    testset, judge, contenders, *_ = launch._arrive(store, {})
    assert testset.value == "small"
    assert judge.value == "judge"
    assert "a-closed-model" not in contenders.value
    assert launch._plan(store, tuple(launch.settings_to_wish(
        FightSettings(testset.value, tuple(contenders.value), judge.value)
    )))[0].startswith("<h2>The plan")  # fmt: skip
