"""A training's curve for those who keep theirs elsewhere: CSV, TensorBoard or trackio, of any stage, any time."""

from __future__ import annotations

import csv
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from arena import jobs
from arena.jobs import Job
from arena.records import BadInput

Row = dict[str, float]


def rows_of(job: Job) -> list[Row]:
    """step and every figure of it, in order; of a step that was done twice the last counts."""
    found: dict[int, Row] = {}
    for metric in jobs.metrics(job):
        step = metric.get("step")
        if isinstance(step, int):
            figures = {k: float(v) for k, v in metric.items() if isinstance(v, (int, float)) and k != "at"}
            found[step] = {**found.get(step, {}), **figures}
    return [found[step] for step in sorted(found)]


def write_csv(job: Job, place: Path) -> None:
    rows = rows_of(job)
    names = ["step", *sorted({name for row in rows for name in row} - {"step"})]
    with open(place, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows({**row, "step": int(row["step"])} for row in rows)


def write_tensorboard(job: Job, place: Path) -> None:
    """Events in a folder of the run's name, for `tensorboard --logdir PLACE`."""
    writer = _needed("torch.utils.tensorboard", "tensorboard").SummaryWriter(str(place / job.id))
    for row in rows_of(job):
        for name, value in row.items():
            if name != "step":
                writer.add_scalar(name, value, int(row["step"]))
    writer.close()


def write_trackio(job: Job, place: Path) -> None:
    """A run in the local trackio project of the folder's name."""
    trackio = _needed("trackio", "trackio")
    trackio.init(project=place.name, name=job.id, config=dict(job.settings))
    for row in rows_of(job):
        trackio.log({name: value for name, value in row.items() if name != "step"}, step=int(row["step"]))
    trackio.finish()


FORMS: dict[str, Callable[[Job, Path], None]] = {
    "csv": write_csv,
    "tensorboard": write_tensorboard,
    "trackio": write_trackio,
}


def write(job: Job, place: Path, form: str) -> None:
    """The curve of a run in one of `FORMS`.

    Raises:
        BadInput: nothing to draw yet, a place that cannot be written, or a program that is not installed.
    """
    if not rows_of(job):
        raise BadInput(f"{job.title} has no figures yet.")
    try:
        FORMS[form](job, place)
    except OSError as error:
        raise BadInput(f"{place} cannot be written: {error.strerror}.") from error


def _needed(module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise BadInput(f"This needs {package}: run `pip install {package}`, or export as csv.") from error
