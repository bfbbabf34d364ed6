"""Instructions become a test set: read, clean, embed, cluster, rate, choose; a job that anybody can repeat.

Everything but a judge's ratings follows from the file, the settings and the seed; ratings are journalled,
and vectors cached, so a resumed build equals an uninterrupted one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena import jobs
from arena.jobs import Job
from arena.records import (
    BadInput,
    Contender,
    Difficulty,
    Instruction,
    Json,
    Pick,
    Record,
    TestSet,
    from_json,
)
from arena.store import Store
from arena.testsets import catalog, difficulty
from arena.testsets.clean import Context, clean
from arena.testsets.cluster import Clustering, cluster
from arena.testsets.embed import embed
from arena.testsets.keep import Made, emit, splits
from arena.testsets.plan import KIND, Plan, check, locate
from arena.testsets.read import Row, read, recognise
from arena.testsets.recipes import RECIPES, Pool
from arena.testsets.rows import Caps, Layout
from arena.worker import Run

TARGET = "arena.testsets.build:work"
REJECTS = "rejects.jsonl"


def launch(store: Store, plan: Plan) -> Job:
    """Start the build as a job.

    Raises:
        BadInput: the plan cannot be carried out.
    """
    check(store, plan)
    path = locate(plan.input)
    if not plan.layout:
        recognise(path)  # fails here rather than in the job's log
    inputs: list[Record] = []
    if RECIPES[plan.recipe].rates and plan.rater != difficulty.BASELINE:
        rater = store.get(Contender, plan.rater)
        if rater is None:
            raise BadInput(
                f"There is no contender {plan.rater!r} to rate difficulty; add it, or use 'baseline'."
            )
        inputs += [rater, *store.load(Difficulty, "rater = ? AND score IS NOT NULL", [plan.rater])]
    files = []
    for benchmark in plan.benchmarks:
        if store.get(TestSet, benchmark):
            inputs += catalog.instructions(store, benchmark)
        else:
            files.append(str(locate(benchmark)))
    other = "train" if plan.purpose == "test" else "test"
    if plan.spare_training or plan.purpose == "train" or plan.splits:
        inputs += catalog.picks_of(store, {other} if not plan.splits else {"test", "train"})
    settings: dict[str, Json] = {
        **json.loads(json.dumps(asdict(plan))),
        "input": str(path),
        "benchmark_files": list(files),
        "sha256": digest(path),
    }
    return jobs.start(
        store.home, KIND, TARGET, f"Build test set {plan.name}", settings, inputs, lease=_is_heavy(plan)
    )


def _is_heavy(plan: Plan) -> bool:
    recipe = RECIPES[plan.recipe]
    return recipe.clusters or (recipe.rates and plan.rater != difficulty.BASELINE)


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and bytes of a folder's files."""
    total = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
        if file != path:
            total.update(str(file.relative_to(path)).encode())
        with open(file, "rb") as opened:
            while block := opened.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def work(run: Run) -> None:
    """The job: from the file of its plan to the records of a test set and its splits."""
    facts = {k: v for k, v in run.settings.items() if k not in {"benchmark_files", "sha256"}}
    plan = from_json(Plan, facts)
    path = Path(plan.input)
    if digest(path) != run.settings["sha256"]:
        raise BadInput(f"{path} has changed since the build began; start a new build.")

    def progress(done: int, total: int, phase: str) -> None:
        run.check()
        run.progress(done, total, phase)

    rows = _read(run, plan, path, progress)
    vectors = _Vectors(plan.embedder, run.home, progress)
    cleaned = clean(rows, plan.steps, Context(_benchmarks(run), vectors), progress)
    rows = _without(cleaned.rows, _elsewhere(run, plan))
    spared = len(cleaned.rows) - len(rows)
    if not rows:
        raise BadInput(
            f"No instruction is left of {len(cleaned.rows):,} clean ones: {spared:,} belong to other sets "
            "already and the rest was dropped; loosen the steps, or bring other instructions."
        )
    recipe = RECIPES[plan.recipe]
    clustering = _cluster(rows, plan, vectors, progress) if recipe.clusters else None
    pool = Pool(
        ids=[row.instruction.id for row in rows],
        size=plan.size,
        seed=plan.seed,
        clusters=clustering.labels if clustering else None,
        per_cluster=plan.per_cluster,
        rate=_rating(run, rows, plan, progress),
        wanted=plan.wanted,
    )
    progress(0, 1, "choose")
    choice = recipe.choose(pool)
    chosen = Made(plan, run.job.id, path.name, rows, clustering, vectors, _scores(run, plan))
    findings: dict[str, Json] = {
        "facts": {**choice.facts, "spared": spared},
        "funnel": [_plain(stage) for stage in cleaned.funnel],
        "sha256": run.settings["sha256"],
        "rejected": _rejected(run),
    }
    records = [*chosen.records(plan.name, plan.purpose, plan.recipe, choice.rows, findings)]
    records += splits(run, plan, chosen, choice)
    emit(run, records, progress)


def _plain(stage: object) -> Json:
    value: Json = json.loads(json.dumps(asdict(stage)))  # type: ignore[call-overload]  # a dataclass instance
    return value


def _read(run: Run, plan: Plan, path: Path, progress: Callable[[int, int, str], None]) -> list[Row]:
    """All good rows; the others go to the rejects file with line and reason."""
    layout = from_json(Layout, plan.layout) if plan.layout else recognise(path)
    rows: list[Row] = []
    with open(run.folder / REJECTS, "w", encoding="utf-8") as rejects:
        for row in read(path, layout, Caps(plan.rows, plan.bytes, plan.line)):
            if isinstance(row, Row):
                rows.append(row)
            else:
                rejects.write(json.dumps(asdict(row)) + "\n")
            if len(rows) % 1000 == 0:
                progress(len(rows), max(len(rows), 1), "read")
    progress(len(rows), len(rows), "read")
    if not rows:
        raise BadInput(f"No instruction could be read from {path}. {refusals(run.folder)}".strip())
    run.log(f"read {len(rows):,} instructions from {path.name}. {refusals(run.folder)}".strip())
    return rows


def refusals(folder: Path) -> str:
    """Which rows a build rejected and why: the count, the first ones, and the file with all; empty without."""
    path = folder / REJECTS
    if not path.is_file() or not (count := len(lines := path.read_text("utf-8").splitlines())):
        return ""
    first = [json.loads(line) for line in lines[:3]]
    named = "; ".join(f"line {reject['line']}: {reject['reason']}" for reject in first)
    return f"{count:,} rows are rejected ({named}{'; ...' if count > len(first) else ''}), all are in {path}."


def _rejected(run: Run) -> int:
    with open(run.folder / REJECTS, encoding="utf-8") as file:
        return sum(1 for _ in file)


def _benchmarks(run: Run) -> list[Instruction]:
    found = run.inputs(Instruction)
    files = run.settings["benchmark_files"]
    assert isinstance(files, list)
    for file in files:
        found += [row.instruction for row in read(Path(str(file))) if isinstance(row, Row)]
    return found


def _elsewhere(run: Run, plan: Plan) -> set[str]:
    """What this set may not hold: a test set nothing that trains, a training set nothing that tests."""
    if plan.purpose == "test" and not plan.spare_training:
        return set()
    other = "train" if plan.purpose == "test" else "test"
    return {pick.instruction for pick in run.inputs(Pick) if pick.testset.startswith(f"{other}:")}


def _without(rows: list[Row], ids: set[str]) -> list[Row]:
    return [row for row in rows if row.instruction.id not in ids]


class _Vectors:
    """Unit vectors on demand; the latest are kept, since contamination and clusters ask for the same."""

    def __init__(self, name: str, home: Path, progress: Callable[[int, int, str], None]) -> None:
        self._name, self._home, self._progress = name, home, progress
        self._known: dict[str, NDArray[np.float32]] = {}

    def __call__(self, instructions: Sequence[Instruction]) -> NDArray[np.float32]:
        if any(i.id not in self._known for i in instructions):
            found = embed(instructions, self._name, self._home, self._progress)
            self._known = {i.id: vector for i, vector in zip(instructions, found, strict=True)}
            return found
        return np.stack([self._known[i.id] for i in instructions])


def _cluster(
    rows: list[Row], plan: Plan, vectors: _Vectors, progress: Callable[[int, int, str], None]
) -> Clustering:
    found = vectors([row.instruction for row in rows])
    progress(0, 1, "cluster")
    clustering = cluster(found, [row.text for row in rows], plan.clusters, plan.seed)
    progress(1, 1, "cluster")
    return clustering


def _rater(run: Run, plan: Plan) -> Contender | None:
    return None if plan.rater == difficulty.BASELINE else run.inputs(Contender)[0]


def _rating(
    run: Run, rows: list[Row], plan: Plan, progress: Callable[[int, int, str], None]
) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
    def rate(candidates: NDArray[np.int64]) -> NDArray[np.float64]:
        instructions = [rows[n].instruction for n in candidates.tolist()]
        known = [*run.inputs(Difficulty), *run.emitted(Difficulty)]
        found = difficulty.rate(instructions, _rater(run, plan), known, run.job.id, run.emit, progress)
        return np.array([found.get(i.id, np.nan) for i in instructions])

    return rate


def _scores(run: Run, plan: Plan) -> Callable[[Sequence[Instruction]], dict[str, float]]:
    """Ratings that exist by now; the baseline rates whatever it is asked."""

    def scores(instructions: Sequence[Instruction]) -> dict[str, float]:
        if plan.rater == difficulty.BASELINE:
            return {i.id: difficulty.baseline(i) for i in instructions}
        known = [*run.inputs(Difficulty), *run.emitted(Difficulty)]
        return {d.instruction: d.score for d in known if d.score is not None and d.rater == plan.rater}

    return scores
