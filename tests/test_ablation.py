"""A grid over the settings of a round: cells, names, the plans they make, and one small run."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.ablation import Row, ablate, as_csv, as_text, picture, read_grid
from arena.conductor import carry_out
from arena.flywheel.rounds import plan_text
from arena.records import BadInput, Contender, Response
from arena.store import Store
from tests.test_conductor import two_steps

PLAN = """
name: sweep
base: student
teachers: [a]
judge: rule
held_out: mix
steps:
- {makes: one, starts_from: student, battles_as: student, stage: sft, splits: [D1], iteration: 1}
- {makes: two, starts_from: one, battles_as: one, stage: dpo, splits: [D2], iteration: 1}
"""


def test_a_grid_makes_a_plan_of_every_combination() -> None:
    cells = read_grid(PLAN + "grid: {selection.k: [0, 2], one.settings.learning_rate: [1.0e-4, 3.0e-4]}")
    assert [tuple(cell.values()) for cell, _ in cells] == [(0, 1e-4), (0, 3e-4), (2, 1e-4), (2, 3e-4)]
    for cell, plan in cells:
        one, two = plan.steps
        assert (one.selection.k, two.selection.k) == (cell["selection.k"], cell["selection.k"])
        assert one.settings == {"learning_rate": cell["one.settings.learning_rate"]}
        assert two.settings == {}
        assert (two.starts_from, two.battles_as) == (one.makes, one.makes)
        assert plan.second_judge == "rule"
    assert len({step.makes for _, plan in cells for step in plan.steps}) == 8
    wider = read_grid(PLAN + "grid: {selection.k: [0, 2, 5], one.settings.learning_rate: [1.0e-4, 3.0e-4]}")
    assert [plan for _, plan in wider[:4]] == [plan for _, plan in cells]


def test_teachers_judges_and_battles_vary_too_and_one_judge_reports() -> None:
    cells = read_grid(PLAN + "grid: {teachers: [[a], [a, b]], judge: [rule, other], battles.samples: [1, 3]}")
    assert len(cells) == 8
    assert {plan.teachers for _, plan in cells} == {("a",), ("a", "b")}
    assert {plan.judge for _, plan in cells} == {"rule", "other"}
    assert {plan.battles["samples"] for _, plan in cells} == {1, 3}
    assert {plan.second_judge for _, plan in cells} == {"rule"}


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ("", "has no grid"),
        ("grid: {selection.k: 3}", "must be a list"),
        ("grid: {selection.kay: [1]}", "no setting 'kay'"),
        ("grid: {stage: [sft, nft]}", "no stage 'nft'"),
        ("grid: {held_out: [x]}", "cannot vary 'held_out'"),
        (f"grid: {{selection.k: {list(range(65))}}}", "65 cells"),
    ],
)
def test_a_grid_that_cannot_be_is_refused_before_anything_runs(grid: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read_grid(PLAN + grid)


def test_the_cells_stand_in_one_table_and_one_picture() -> None:
    rows = [
        Row({"selection.k": 0, "judge": "a<b"}, "x-1", 12, 0.5, 990.0, 950.0, 1030.0),
        Row({"selection.k": 3, "judge": "a<b"}, "x-2", 4, 0.25, 1010.0, 980.0, 1040.0),
        Row({"selection.k": 5, "judge": "a<b"}, "x-3", 1, None, None, None, None),
    ]
    lines = as_text(rows).splitlines()
    assert lines[1].split() == [
        "1010",
        "980",
        "to",
        "1040",
        "4",
        "0.2500",
        "selection.k",
        "3,",
        "judge",
        "a<b",
    ]
    assert [line.split(",")[0] for line in as_csv(rows).splitlines()] == ["selection.k", "0", "3", "5"]
    drawn = picture(rows)
    assert drawn.count("<circle") == 2
    assert "a&lt;b" in drawn


@pytest.mark.models  # no embedded model, but eight jobs of real processes
def test_a_small_grid_runs_on_a_tiny_model_and_again_makes_no_call(home: Path, tmp_path: Path) -> None:
    with Store.open(home) as store:
        plan = plan_text(two_steps(store, tmp_path / "tiny"))
        only_sft = plan[: plan.index("- makes: tiny-i2")]
        cells = read_grid(only_sft + "grid: {tiny-i1.settings.learning_rate: [1.0e-5, 3.0e-2]}")
        rows = ablate(store, cells, carry_out)
        assert [row.lessons for row in rows] == [4, 4]
        assert all(row.rating is not None for row in rows)
        low, high = rows
        assert low.loss is not None
        assert high.loss is not None
        assert high.loss < low.loss
        assert store.get(Contender, high.contender) is not None
        calls = store.count(Response)
        assert ablate(store, cells, carry_out) == rows
        assert store.count(Response) == calls
