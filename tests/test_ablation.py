"""A grid over the settings of a round: cells, names, the plans they make, how they are shown; it runs in
tests/browser/test_flywheel_ablations.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.ablation import Row, as_csv, as_text, picture
from arena.flywheel.grid import read_grid, with_grid
from arena.flywheel.plans import Plans
from arena.flywheel.rounds import parse_plan, plan_text
from arena.records import BadInput

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


def test_a_number_with_an_exponent_is_a_number_everywhere_in_a_plan() -> None:
    ((cell, plan),) = read_grid(PLAN + "grid: {settings.learning_rate: [1e-5]}")
    assert cell == {"settings.learning_rate": 1e-5}
    assert plan.steps[0].settings == {"learning_rate": 1e-5}
    assert parse_plan(plan_text(plan)) == plan


def test_a_grid_and_a_plan_are_kept_under_their_own_names(home: Path) -> None:
    plans = Plans(home)
    plans.save(PLAN)
    assert plans.save(with_grid(PLAN, "sweep-k", "selection.k: [0, 3]")).name == "sweep-k"
    assert (plans.names(), plans.names(grids=True)) == (["sweep"], ["sweep-k"])
    assert [cell for cell, _ in plans.cells("sweep-k")] == [{"selection.k": 0}, {"selection.k": 3}]
    assert plans.cells("sweep") == [({}, plans.plan("sweep"))]
    with pytest.raises(BadInput, match="There is a plan named sweep already"):
        plans.save(with_grid(PLAN, "sweep", "selection.k: [0, 3]"))
    (home / "plans" / "torn.yaml").write_text("name: [", "utf-8")
    assert set(plans.names()) == {"sweep", "torn"}
    with pytest.raises(BadInput, match="cannot be read as YAML"):
        plans.plan("torn")


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ("", "has no grid"),
        ("grid: [3]", "must hold SETTING"),
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
