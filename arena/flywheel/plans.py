"""The plans an arena keeps and where the run of each stands: two small files a plan, in the home's `plans`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from arena.flywheel import grid
from arena.flywheel.rounds import FlywheelPlan, plan_text
from arena.records import BadInput

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")


@dataclass(frozen=True)
class Word:
    """Where a plan's run stands, as kept beside the plan."""

    state: str = "new"
    """new, running, stopping, stopped, interrupted (the app ended), failed, done"""
    doing: str = ""
    error: str = ""

    @property
    def busy(self) -> bool:
        return self.state in {"running", "stopping"}


class Plans:
    """Plans and grids by name."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def save(self, text: str) -> FlywheelPlan:
        """Keep a plan, or a plan with its grid, checked.

        Raises:
            BadInput: it is no plan, its name is no file's name or another's, or its run is going on.
        """
        plan, is_grid = grid.base_plan(text), grid.has_grid(text)
        if is_grid:
            grid.read_grid(text)
        if not NAME.fullmatch(plan.name):
            raise BadInput(
                f"The plan's name {plan.name!r} must be letters, digits, dots, dashes, underscores."
            )
        kept = text if is_grid else plan_text(plan)
        file = self._folder() / f"{plan.name}.yaml"
        if file.exists():
            if self.is_grid(plan.name) != is_grid:
                what = "plan" if is_grid else "grid"
                raise BadInput(f"There is a {what} named {plan.name} already; take another name.")
            if self.word(plan.name).busy and self.text(plan.name) != kept:
                raise BadInput(
                    f"{plan.name} is running; stop it before you change it, or give it another name."
                )
        file.write_text(kept, "utf-8")
        return plan

    def names(self, grids: bool = False) -> list[str]:
        """The plans kept, or the grids, the newest first."""
        files = sorted(self._folder().glob("*.yaml"), key=lambda f: -f.stat().st_mtime)
        return [file.stem for file in files if self.is_grid(file.stem) == grids]

    def is_grid(self, name: str) -> bool:
        try:
            return grid.has_grid(self.text(name))
        except BadInput:  # written by hand, and no YAML: shown as a plan, with what is wrong
            return False

    def plan(self, name: str) -> FlywheelPlan:
        """The plan, a grid's without its grid."""
        return grid.base_plan(self.text(name), f"The plan {name}")

    def cells(self, name: str) -> list[tuple[grid.Cell, FlywheelPlan]]:
        """Every cell of a grid with the plan it makes; a plan is its own only cell."""
        text = self.text(name)
        return grid.read_grid(text) if grid.has_grid(text) else [({}, self.plan(name))]

    def text(self, name: str) -> str:
        """The plan's YAML.

        Raises:
            BadInput: there is no such plan.
        """
        try:
            return (self._folder() / f"{name}.yaml").read_text("utf-8")
        except OSError as error:
            raise BadInput(f"There is no plan {name!r}: {error.strerror}.") from error

    def word(self, name: str) -> Word:
        """Where its run stood last."""
        try:
            return Word(**json.loads((self._folder() / f"{name}.json").read_text("utf-8")))
        except (OSError, ValueError):
            return Word()

    def keep_word(self, name: str, word: Word) -> None:
        file = self._folder() / f"{name}.json"
        part = file.with_suffix(".part")
        part.write_text(json.dumps(word.__dict__), "utf-8")
        part.rename(file)

    def _folder(self) -> Path:
        folder = self._home / "plans"
        folder.mkdir(parents=True, exist_ok=True)
        return folder
