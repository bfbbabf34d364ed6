"""A grid over a plan's settings, as data in the plan's own file, and the plan that each of its cells makes.

    grid:
      selection.k: [0, 1, 3]                        every step's
      SFT-I1.settings.learning_rate: [1e-5, 5e-5]   one step's
      teachers: [[a], [a, b]]                       the plan's
A checkpoint's name ends in its cell's hash, so a grid can grow later.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from arena.flywheel.rounds import FlywheelPlan, plan_of, read_yaml
from arena.records import BadInput, Json, content_id

Cell = Mapping[str, Json]
"""Setting -> value, one of each of the grid's."""
MOST_CELLS = 64
EXAMPLES: dict[str, str] = {
    "selection.k": "[0, 1, 3]",
    "selection.strategy": "[pair-judge, random, length]",
    "selection.size": "[50, 100, 200]",
    "selection.pairs": "[with-student, student-lost]",
    "teachers": "[[one], [one, two]]",
    "judge": "[one, another]",
    "battles.samples": "[1, 3]",
    "battles.conservative": "[false, true]",
    "settings.learning_rate": "[1e-5, 5e-5]",
    "settings.num_train_epochs": "[1, 2, 3]",
    "preset": "[cpu, paper]",
}
"""What the paper compares, and what else is often asked; any other setting of a plan or a step goes as well."""


def read_grid(text: str, where: str = "The plan") -> list[tuple[Cell, FlywheelPlan]]:
    """The cells of a plan's grid, each with the plan it makes.

    Raises:
        BadInput: no grid, too many cells, or a setting that the plan does not have.
    """
    data, grid = _apart(text, where)
    if not grid:
        raise BadInput(
            f"{where} has no grid: name settings and the values to try, e.g. selection.k: [0, 1, 3]."
        )
    for name, values in grid.items():
        if not isinstance(values, list) or not values:
            raise BadInput(f"{where}: {name} in the grid must be a list of values to try.")
    cells: list[Cell] = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    if len(cells) > MOST_CELLS:
        raise BadInput(f"{where}: the grid has {len(cells)} cells, more than {MOST_CELLS}; try fewer values.")
    base = plan_of(data, where)
    if all(step.stage == "reward" for step in base.steps):
        raise BadInput(f"{where} makes no contender that could be compared; give it a step such as sft.")
    if not base.held_out:
        raise BadInput(f"{where} needs a held_out test set, on which the cells are compared.")
    found = []
    for cell in cells:
        changed = copy.deepcopy(data)
        for name, value in cell.items():
            _change(changed, name, value, where)
        _rename(changed, content_id(dict(cell))[:6])
        changed.pop("second_judge", None)
        plan = plan_of(changed, f"{where}, cell {in_words(cell)}")
        # One reporter for all, also where the judge of the lessons is what varies.
        found.append((cell, replace(plan, second_judge=base.second_judge or base.judge)))
    return found


def base_plan(text: str, where: str = "The plan") -> FlywheelPlan:
    """The plan without its grid.

    Raises:
        BadInput: it is no plan.
    """
    return plan_of(_apart(text, where)[0], where)


def has_grid(text: str) -> bool:
    return bool(_apart(text, "The plan")[1])


def with_grid(text: str, name: str, grid: str) -> str:
    """A plan's text under another name, with the grid's lines in it.

    Raises:
        BadInput: one of the two is not NAME: VALUE lines.
    """
    data, _ = _apart(text, "The plan")
    data |= {"name": name, "grid": read_yaml(grid, "The grid")}
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _apart(text: str, where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    data = read_yaml(text, where)
    grid = data.pop("grid", None) or {}
    if not isinstance(grid, dict):
        raise BadInput(f"{where}: the grid must hold SETTING: [values to try], one a line.")
    return data, grid


def in_words(cell: Cell) -> str:
    return ", ".join(f"{name} {value}" for name, value in cell.items())


def _change(data: dict[str, Any], name: str, value: Json, where: str) -> None:
    steps = {str(step["makes"]): step for step in data["steps"]}
    owner = max((s for s in steps if name.startswith(f"{s}.")), key=len, default="")
    first, *rest = (name.removeprefix(f"{owner}.") if owner else name).split(".")
    if not owner and first in {"teachers", "judge", "base", "battles"}:
        places = [data]
    else:
        places = [steps[owner]] if owner else list(steps.values())
    if first in {"makes", "name", "held_out"} or not places:
        raise BadInput(f"{where}: the grid cannot vary {name!r}.")
    if name == "teachers" and isinstance(value, str):  # [one, two] means one alone, then the other alone
        value = [value]
    *outer, last = [first, *rest]
    for place in places:
        inner = place
        for word in outer:
            inner = inner.setdefault(word, {})
            if not isinstance(inner, dict):
                raise BadInput(f"{where}: the grid cannot vary {name!r}; {word} holds no settings.")
        inner[last] = value


def _rename(data: dict[str, Any], mark: str) -> None:
    """A cell's contenders get names of their own."""
    made = {step["makes"]: f"{step['makes']}-{mark}" for step in data["steps"]}
    for step in data["steps"]:
        for name in ("makes", "starts_from", "battles_as", "reward"):
            if name in step:
                step[name] = made.get(step[name], step[name])
    data["name"] = f"{data['name']}-{mark}"
