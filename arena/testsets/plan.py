"""What a test set is to be made of: the plan, whether it can be carried out, and how long it will take."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from arena import jobs
from arena.records import BadInput, Json, Settings, TestSet  # noqa: F401 - from_json finds Json by name
from arena.store import Store
from arena.testsets import difficulty
from arena.testsets.clean import USUAL, settings_of
from arena.testsets.cluster import MAPS
from arena.testsets.embed import DEFAULT
from arena.testsets.read import SHIPPED
from arena.testsets.recipes import RECIPES
from arena.testsets.rows import Caps

KIND = "testset"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


@dataclass(frozen=True)
class Plan:
    """Everything a build depends on."""

    name: str
    input: str
    """File, dataset folder, or the name of shipped instructions, e.g. "demo"."""
    recipe: str = "mix"
    size: int = 100
    clusters: int = 500
    seed: int = 0
    embedder: str = DEFAULT
    rater: str = difficulty.BASELINE
    """A contender's name, or "baseline"."""
    per_cluster: int = 20
    """Candidates that Hard rates from each cluster."""
    steps: Settings = field(default_factory=lambda: dict.fromkeys(USUAL))
    """Cleaning step -> its changed settings, or None."""
    benchmarks: tuple[str, ...] = ()
    """Test sets (by name) and question files whose prompts count as contamination."""
    splits: int = 0
    """Training splits D1..DN made of what the set leaves over."""
    purpose: str = "test"
    """"test", or "train" for a source of its own such as D0."""
    spare_training: bool = True
    """Leave out what a training split holds already; a training set always leaves out what is tested."""
    wanted: tuple[str, ...] = ()
    """Ids for the hand-picked recipe."""
    layout: Settings = field(default_factory=dict)
    """A corrected `Layout`; empty: as recognised."""
    map: str = "pca"
    rows: int = Caps.rows
    """Most rows to read."""
    bytes: int = Caps.bytes
    line: int = Caps.line
    """Most bytes of the whole input, and of one row."""


def locate(words: str) -> Path:
    """The path of an input: a file or folder, or shipped instructions by name.

    Raises:
        BadInput: there is none.
    """
    path = Path(words).expanduser()
    if path.exists():
        return path.resolve()
    own = SHIPPED / f"{words}.jsonl"
    if re.fullmatch(r"[\w-]+", words) and own.is_file():
        return own
    shipped = ", ".join(sorted(p.stem for p in SHIPPED.glob("*.jsonl")))
    raise BadInput(f"There is no file or folder {words!r}; shipped instructions are: {shipped}.")


def check(store: Store, plan: Plan) -> None:
    """Whether a plan can be started.

    Raises:
        BadInput: it cannot; the text says why and what to do.
    """
    if not _NAME.fullmatch(plan.name):
        raise BadInput(
            f"{plan.name!r} is no name for a test set: up to 64 letters, digits, spaces, '.', '_', '-'."
        )
    names = [plan.name, *(split_name(plan.name, n) for n in range(1, plan.splits + 1))]
    for name in names:
        if store.get(TestSet, name):
            raise BadInput(
                f"The test set {name!r} exists already and never changes; give the new version a new name."
            )
    for job in jobs.jobs(store.home):
        if job.kind == KIND and job.settings.get("name") == plan.name and jobs.status(job).active:
            raise BadInput(f"A build of {plan.name!r} is running already.")
    menus = (("recipe", plan.recipe, RECIPES), ("map", plan.map, MAPS))
    for what, value, menu in menus:
        if value not in menu:
            raise BadInput(f"There is no {what} {value!r}; choose among {', '.join(menu)}.")
    if plan.purpose not in {"test", "train"}:
        raise BadInput(f"The purpose is test or train, not {plan.purpose!r}.")
    if (
        min(plan.size, plan.clusters, plan.per_cluster, plan.rows, plan.bytes, plan.line) < 1
        or not 0 <= plan.splits <= 99
    ):
        raise BadInput("Size, clusters, candidates and caps are whole numbers from 1; splits 0 to 99.")
    for step, given in plan.steps.items():
        settings_of(step, given)


def split_name(name: str, number: int) -> str:
    """D1, D2, ... of a test set."""
    return f"{name}-D{number}"


def rows_of(path: Path) -> int:
    """How many rows a file or folder holds, roughly, from its size and its first 4 MB."""
    size = lines = seen = 0
    for file in [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]:
        size += file.stat().st_size
        if seen < 2**22:
            with open(file, "rb") as opened:
                head = opened.read(2**22)
            seen += len(head)
            lines += max(head.count(b"\n"), len(head) // 5000)
    return max(1, round(lines * size / max(1, seen)))


def estimate(rows: int, plan: Plan) -> float:
    """Seconds a build of so many rows will take, roughly, from figures measured on one core.

    `benchmarks/testsets.py` measures them again.
    """
    recipe = RECIPES[plan.recipe]
    seconds = 3.0 + rows * (
        SECONDS_A_ROW["read and clean"] + SECONDS_A_ROW["language"] * ("language" in plan.steps)
    )
    if recipe.clusters:
        seconds += rows * SECONDS_A_ROW.get(f"embed {plan.embedder}", SECONDS_A_ROW[f"embed {DEFAULT}"])
        seconds += rows * plan.clusters * SECONDS_A_ROW["cluster"]
    if recipe.rates and plan.rater != difficulty.BASELINE:
        seconds += min(rows, plan.clusters * plan.per_cluster) * SECONDS_A_ROW["rate"]
    return seconds


def words_for(seconds: float) -> str:
    """8 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


SECONDS_A_ROW: dict[str, float] = {
    "read and clean": 0.0004,
    "language": 0.0012,
    f"embed {DEFAULT}": 0.02,
    "embed tfidf-svd": 0.0002,
    "cluster": 2e-6,
    "rate": 1.5,
}
"""Rough seconds of a row, a row and cluster, or a call to the embedded judge; benchmarks/testsets.py measures them."""
