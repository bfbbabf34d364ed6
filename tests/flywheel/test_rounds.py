"""Plans of rounds: the paper's schedule, YAML there and back, and what is refused before the first battle."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from arena.flywheel.rounds import FlywheelPlan, check_plan, paper_schedule, read_plan, write_plan
from arena.records import BadInput

PAPER = FlywheelPlan("paper", "base", ("t1", "t2"), "judge", "mix", "second", steps=paper_schedule())

HEAD = "name: x\nbase: b\nteachers: [t]\njudge: j\n"
STEP = """steps:
- {makes: a, starts_from: b, battles_as: b, stage: sft, splits: [D1], iteration: 1, selection: {k: 1}}
"""


def test_the_papers_schedule_is_its_table() -> None:
    rows = {s.makes: (s.starts_from, s.battles_as, "+".join(s.splits), s.selection.k) for s in PAPER.steps}
    assert rows["SFT-I1"] == ("base", "SFT-I0", "D1", 3.0)
    assert rows["DPO-I1"] == ("SFT-I1", "SFT-I1", "D2", 2.0)
    assert rows["PPO-I1"][:3] == ("DPO-I1", "DPO-I1", "D3")
    assert rows["SFT-I2"] == ("base", "PPO-I1", "D1+D4", 1.0)
    assert rows["SFT-I3"] == ("base", "PPO-I2", "D1+D4+D7", 1.0)
    assert rows["DPO-I3"][:3] == ("SFT-I3", "SFT-I3", "D2+D5+D8")
    assert rows["PPO-I3"][:3] == ("DPO-I3", "DPO-I3", "D3+D6+D9")
    assert next(s for s in PAPER.steps if s.makes == "PPO-I2").reward == "RM-I2"


def test_a_plan_comes_back_from_yaml_as_it_was(tmp_path: Path) -> None:
    write_plan(PAPER, tmp_path / "plan.yaml")
    assert read_plan(tmp_path / "plan.yaml") == PAPER


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [", "cannot be read as YAML"),
        ("just words", "must hold NAME: VALUE lines"),
        ("name: x\nbase: b\nteachers: [t]\njudge: j\ncolour: red\n", "no setting 'colour'"),
        ("name: x\nteachers: [t]\njudge: j\n", "lacks base"),
        (f"{HEAD}steps: [{{makes: a}}]\n", "step 1 lacks starts_from"),
        (f"{HEAD}steps: [a]\n", "step 1 must hold named settings"),
        (f"{HEAD}steps: {{makes: a}}\n", "steps must be a list"),
        (f"{HEAD}", "has no steps"),
        (f"{HEAD}{STEP}".replace("[t]", "[]"), "has no teachers"),
        (f"{HEAD}{STEP}".replace("[t]", "t"), "teachers must be a list of names; it is 't'"),
        (f"{HEAD}{STEP}".replace("x", "5"), "name must be a text .* it is 5"),
        (f"{HEAD}second_judge: j\n{STEP}", "picks the lessons too"),
        (f"{HEAD}battles: 3\n{STEP}", "battles must be NAME: VALUE lines; it is 3"),
        (f"{HEAD}{STEP}".replace("[D1]", "D1"), "step 1: splits must be a list of names; it is 'D1'"),
        (f"{HEAD}{STEP}".replace("iteration: 1", "iteration: one"), "iteration must be a whole number"),
        (
            f"{HEAD}{STEP}".replace("{k: 1}", "{k: high}"),
            "step 1, selection: k must be a number; it is 'high'",
        ),
        (f"{HEAD}{STEP}".replace("{k: 1}", "{k: -1}"), "k must be 0 or more"),
        (f"{HEAD}{STEP}".replace("{k: 1}", "[k]"), "selection must hold NAME: VALUE lines"),
        (f"{HEAD}{STEP}".replace("{k: 1}", "{at_least: 7}"), "at_least must be true or false"),
        (
            f"{HEAD}{STEP}".replace("starts_from: b", "starts_from: a"),
            "starts from 'a', which no earlier step",
        ),
        (f"{HEAD}{STEP}{STEP.removeprefix('steps:')}", "'a' is taken"),
    ],
)
def test_a_plan_that_cannot_be_read_says_where(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(BadInput, match=words):
        read_plan(tmp_path / "plan.yaml")


def test_a_missing_plan_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_plan(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"starts_from": "nobody"}, "starts from 'nobody'"),
        ({"stage": "magic"}, "no stage 'magic'"),
        ({"preset": "fast"}, "no preset 'fast'"),
        ({"makes": "base"}, "is taken"),
        ({"splits": ("mix",)}, "held out"),
        ({"reward": "RM-I9"}, "is paid by"),
    ],
)
def test_what_would_go_wrong_is_found_before_the_first_battle(changes: dict[str, object], words: str) -> None:
    broken = dataclasses.replace(PAPER.steps[1], **changes)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=words):
        check_plan(dataclasses.replace(PAPER, steps=(PAPER.steps[0], broken)))
