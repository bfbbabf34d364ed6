"""Ablations: a plan carried out once for each cell of a grid over its settings, compared in one table and picture.

The grid stands in the plan's own file:
    grid:
      selection.k: [0, 1, 3]                        every step's
      SFT-I1.settings.learning_rate: [1e-5, 5e-5]   one step's
      teachers: [[a], [a, b]]                       the plan's
What cells share (battles, lessons, checkpoints of equal steps' names) is in the store and not made again;
a checkpoint's name ends in its cell's hash, so a grid can grow later.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import yaml

from arena import loop
from arena.battles.fight import FightSettings
from arena.battles.jury_room import ensure_judge
from arena.flywheel.rounds import FlywheelPlan, parse_plan
from arena.ratings import slices
from arena.records import BadInput, Json, Round, TrainingSet, content_id
from arena.store import Store
from arena.terminal import say, show, wait

Cell = Mapping[str, Json]
"""Setting -> value, one of each of the grid's."""
MOST_CELLS = 64


@dataclass(frozen=True)
class Row:
    """One cell and what came of it."""

    cell: Cell
    contender: str
    lessons: int
    """Of the last step."""
    loss: float | None
    """The last step's last."""
    rating: float | None
    low: float | None
    high: float | None


def read_grid(text: str, where: str = "The plan") -> list[tuple[Cell, FlywheelPlan]]:
    """The cells of a plan's grid, each with the plan it makes.

    Raises:
        BadInput: no grid, too many cells, or a setting that the plan does not have.
    """
    data = yaml.safe_load(text)
    if not isinstance(data, dict) or not isinstance(data.get("grid"), dict) or not data["grid"]:
        raise BadInput(
            f"{where} has no grid: name settings and the values to try, e.g. selection.k: [0, 1, 3]."
        )
    grid = data.pop("grid")
    for name, values in grid.items():
        if not isinstance(values, list) or not values:
            raise BadInput(f"{where}: {name} in the grid must be a list of values to try.")
    cells: list[Cell] = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    if len(cells) > MOST_CELLS:
        raise BadInput(f"{where}: the grid has {len(cells)} cells, more than {MOST_CELLS}; try fewer values.")
    base = parse_plan(yaml.safe_dump(data), where)
    if not base.held_out:
        raise BadInput(f"{where} needs a held_out test set, on which the cells are compared.")
    found = []
    for cell in cells:
        changed = yaml.safe_load(yaml.safe_dump(data))
        for name, value in cell.items():
            _change(changed, name, value, where)
        _rename(changed, content_id(dict(cell))[:6])
        # One reporter for all, also where the judge of the lessons is what varies.
        changed["second_judge"] = base.second_judge or base.judge
        found.append((cell, parse_plan(yaml.safe_dump(changed), f"{where}, cell {in_words(cell)}")))
    return found


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
    *outer, last = [first, *rest]
    for place in places:
        inner = place
        for word in outer:
            inner = inner.setdefault(word, {})
        inner[last] = value


def _rename(data: dict[str, Any], mark: str) -> None:
    """A cell's contenders get names of their own."""
    made = {step["makes"]: f"{step['makes']}-{mark}" for step in data["steps"]}
    for step in data["steps"]:
        for name in ("makes", "starts_from", "battles_as", "reward"):
            if name in step:
                step[name] = made.get(step[name], step[name])
    data["name"] = f"{data['name']}-{mark}"


def ablate(
    store: Store,
    cells: Iterable[tuple[Cell, FlywheelPlan]],
    carry_out: Callable[[Store, FlywheelPlan], object],
    follow: loop.Follow = wait,
) -> list[Row]:
    """Every cell's plan, one after another, then each cell's last contender against the same opponents."""
    cells = list(cells)
    first = cells[0][1]
    reporter = ensure_judge(store, first.second_judge).name
    opponents = tuple(dict.fromkeys(n for _, plan in cells for n in (plan.base, *plan.teachers)))
    finals = []
    for number, (cell, plan) in enumerate(cells, 1):
        say(f"Cell {number} of {len(cells)}: {in_words(cell)}")
        carry_out(store, plan)
        finals.append([step for step in plan.steps if step.stage != "reward"][-1].makes)
        field = (finals[-1], *opponents)
        settings = FightSettings(first.held_out, field, reporter, "target", finals[-1])
        loop.fight(store, settings, follow)
    chosen = slices.Slice(testset=first.held_out, judge=reporter, contenders=(*finals, *opponents))
    board = {row.model: row for row in slices.board(store, chosen).rows}
    rows = []
    for (cell, _), name in zip(cells, finals, strict=True):
        finished = store.get(Round, name)
        lessons = store.get(TrainingSet, finished.training_set) if finished else None
        loss = finished.metrics.get("last_loss") if finished else None
        rated = board.get(name)
        rows.append(
            Row(
                cell,
                name,
                lessons.size if lessons else 0,
                float(str(loss)) if loss is not None else None,
                rated.rating if rated else None,
                rated.low if rated else None,
                rated.high if rated else None,
            )
        )
    return rows


def as_text(rows: list[Row]) -> str:
    """The table, the best rating first."""
    lines = [f"{'rating':>7}  {'95% interval':14} {'lessons':>7} {'last loss':>9}  cell"]
    for row in sorted(rows, key=lambda r: -(r.rating or 0)):
        span = f"{row.low:.0f} to {row.high:.0f}" if row.low is not None and row.high is not None else ""
        rating = f"{row.rating:.0f}" if row.rating is not None else "-"
        loss = f"{row.loss:.4f}" if row.loss is not None else "-"
        lines.append(f"{rating:>7}  {span:14} {row.lessons:7} {loss:>9}  {in_words(row.cell)}")
    return "\n".join(lines)


def as_csv(rows: list[Row]) -> str:
    out = io.StringIO()
    names = list(rows[0].cell)
    writer = csv.writer(out)
    writer.writerow([*names, "contender", "lessons", "last_loss", "rating", "low", "high"])
    for row in rows:
        figures = (row.contender, row.lessons, row.loss, row.rating, row.low, row.high)
        writer.writerow([*(row.cell[name] for name in names), *figures])
    return out.getvalue()


def picture(rows: list[Row]) -> str:
    """A dot and its interval a cell, as SVG."""
    rated = [row for row in rows if row.rating is not None]
    ends = [end for row in rated for end in (row.low, row.high, row.rating) if end is not None]
    least, most = (min(ends), max(ends)) if ends else (0.0, 1.0)
    scale = 360 / ((most - least) or 1.0)
    marks = []
    for n, row in enumerate(sorted(rated, key=lambda r: -(r.rating or 0))):
        y = 44 + 26 * n
        assert row.rating is not None
        x, low, high = (
            320 + ((row.rating if v is None else v) - least) * scale for v in (row.rating, row.low, row.high)
        )
        marks.append(
            f'<text x="305" y="{y + 4}" text-anchor="end">{escape(in_words(row.cell))}</text>'
            f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" stroke="#0072B2" stroke-width="2"/>'
            f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="#0072B2"/>'
            f'<text x="695" y="{y + 4}">{row.rating:.0f}, {row.lessons} lessons</text>'
        )
    head = f'<text x="320" y="20">Rating on the held-out test set, {least:.0f} to {most:.0f}, 95% intervals</text>'
    size = f'width="860" height="{56 + 26 * len(rated)}"'
    style = 'font-family="sans-serif" font-size="13" fill="#666"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{head}{"".join(marks)}</svg>\n'


def run_command(arguments: argparse.Namespace) -> None:
    from arena.conductor import carry_out  # it brings our word to the command line

    try:
        text = Path(arguments.plan).read_text("utf-8")
    except OSError as error:
        raise BadInput(f"The plan {arguments.plan} cannot be read: {error.strerror}.") from error
    cells = read_grid(text, f"The plan {arguments.plan}")
    with Store.open(arguments.home) as store:
        rows = ablate(store, cells, carry_out)
        folder = store.home / "ablations"
    folder.mkdir(exist_ok=True)
    place = folder / Path(arguments.plan).stem
    place.with_suffix(".csv").write_text(as_csv(rows), "utf-8")
    place.with_suffix(".svg").write_text(picture(rows), "utf-8")
    document: list[Json] = [
        {"cell": dict(r.cell), "contender": r.contender, "lessons": r.lessons, "last_loss": r.loss,
         "rating": r.rating, "low": r.low, "high": r.high} for r in rows
    ]  # fmt: skip
    show(arguments, document, f"{as_text(rows)}\n\n{place}.csv and {place}.svg hold it too.")
