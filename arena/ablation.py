"""Ablations: a plan carried out once for each cell of a grid over its settings, compared in one table and picture.

What cells share (battles, lessons, checkpoints of equal steps' names) is in the store and not made again.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from arena import loop
from arena.battles.fight import FightSettings
from arena.battles.jury_room import ensure_judge
from arena.flywheel.grid import Cell, in_words, read_grid
from arena.flywheel.rounds import FlywheelPlan
from arena.ratings import slices
from arena.records import ArenaError, BadInput, Json, Round, TrainingSet
from arena.store import Store
from arena.terminal import say, show, wait

Carry = Callable[[Store, FlywheelPlan, loop.Follow, Callable[[str], None]], object]
"""How a plan is carried out: `conductor.carry_out`."""


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


def ablate(
    store: Store,
    cells: Iterable[tuple[Cell, FlywheelPlan]],
    carry_out: Carry,
    follow: loop.Follow = wait,
    tell: Callable[[str], None] = say,
) -> list[Row]:
    """Every cell's plan, one after another, then each cell's last contender against the same opponents."""
    cells = list(cells)
    first = cells[0][1]
    reporter = ensure_judge(store, first.second_judge).name
    for number, (cell, plan) in enumerate(cells, 1):
        where = f"Cell {number} of {len(cells)}, {in_words(cell)}"

        def tell_where(text: str, where: str = where) -> None:
            tell(f"{where}: {text}")

        carry_out(store, plan, follow, tell_where)
        tell_where("against the others' opponents")
        settings = FightSettings(
            first.held_out, (last(plan), *_opponents(cells)), reporter, "target", last(plan)
        )
        loop.fight(store, settings, follow)
    return compare(store, cells)


def last(plan: FlywheelPlan) -> str:
    """The contender a cell is compared by: its last that can talk."""
    return [step for step in plan.steps if step.stage != "reward"][-1].makes


def _opponents(cells: list[tuple[Cell, FlywheelPlan]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(n for _, plan in cells for n in (plan.base, *plan.teachers)))


def compare(store: Store, cells: list[tuple[Cell, FlywheelPlan]]) -> list[Row]:
    """What came of each cell so far."""
    first = cells[0][1]
    finals = [last(plan) for _, plan in cells]
    field = (*finals, *_opponents(cells))
    chosen = slices.Slice(testset=first.held_out, judge=first.second_judge, contenders=field)
    try:
        found = slices.board(store, chosen).rows
    except ArenaError:  # nothing has battled yet
        found = ()
    board = {row.model: row for row in found}
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


def keep(store: Store, name: str, rows: list[Row]) -> Path:
    """Write the table and the picture into the arena's folder; returns their path without its ending."""
    folder = store.home / "ablations"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.csv").write_text(as_csv(rows), "utf-8")
    (folder / f"{name}.svg").write_text(picture(rows), "utf-8")
    return folder / name


def run_command(arguments: argparse.Namespace) -> None:
    from arena.conductor import carry_out  # it brings our word to the command line

    try:
        text = Path(arguments.plan).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise BadInput(f"The plan {arguments.plan} cannot be read: {reason}.") from error
    cells = read_grid(text, f"The plan {arguments.plan}")
    with Store.open(arguments.home) as store:
        rows = ablate(store, cells, carry_out)
        place = keep(store, Path(arguments.plan).stem, rows)
    document: list[Json] = [
        {"cell": dict(r.cell), "contender": r.contender, "lessons": r.lessons, "last_loss": r.loss,
         "rating": r.rating, "low": r.low, "high": r.high} for r in rows
    ]  # fmt: skip
    show(arguments, document, f"{as_text(rows)}\n\n{place}.csv and {place}.svg hold it too.")
