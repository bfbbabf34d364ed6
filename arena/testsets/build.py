"""Instructions become a test set: read, clean, embed, cluster, rate, choose; a job that anybody can repeat.

Everything but a judge's ratings follows from the file, the settings and the seed; ratings are journalled,
and vectors cached, so a resumed build equals an uninterrupted one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena import jobs
from arena.jobs import Job, Run
from arena.records import (
    ArenaError,
    BadInput,
    Contender,
    Difficulty,
    Instruction,
    Json,
    Pick,
    Record,
    Settings,
    TestSet,
    content_id,
    from_json,
    key_of,
)
from arena.store import Store
from arena.testsets import catalog, difficulty
from arena.testsets.clean import USUAL, Context, clean, settings_of
from arena.testsets.cluster import MAPS, Clustering, cluster, flat_map
from arena.testsets.embed import DEFAULT, embed
from arena.testsets.read import SHIPPED, Row, read, recognise
from arena.testsets.recipes import RECIPES, Choice, Pool
from arena.testsets.rows import Caps, Layout

TARGET = "arena.testsets.build:work"
KIND = "testset"
REJECTS = "rejects.jsonl"
MAPPED = 5000
"""Points of a set's map that are kept."""
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
    if min(plan.size, plan.clusters, plan.per_cluster, plan.rows) < 1 or not 0 <= plan.splits <= 99:
        raise BadInput("Size, clusters, candidates and rows are whole numbers from 1; splits 0 to 99.")
    for step, given in plan.steps.items():
        settings_of(step, given)


def split_name(name: str, number: int) -> str:
    """D1, D2, ... of a test set."""
    return f"{name}-D{number}"


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
    chosen = _Made(plan, run.job.id, path.name, rows, clustering, vectors, _scores(run, plan))
    findings: dict[str, Json] = {
        "facts": {**choice.facts, "spared": spared},
        "funnel": [_plain(stage) for stage in cleaned.funnel],
        "sha256": run.settings["sha256"],
        "rejected": _rejected(run),
    }
    records = [*chosen.records(plan.name, plan.purpose, plan.recipe, choice.rows, findings)]
    records += _splits(run, plan, chosen, choice)
    _emit(run, records, progress)


def _plain(stage: object) -> Json:
    value: Json = json.loads(json.dumps(asdict(stage)))  # type: ignore[call-overload]  # a dataclass instance
    return value


def _read(run: Run, plan: Plan, path: Path, progress: Callable[[int, int, str], None]) -> list[Row]:
    """All good rows; the others go to the rejects file with line and reason."""
    layout = from_json(Layout, plan.layout) if plan.layout else recognise(path)
    rows: list[Row] = []
    with open(run.folder / REJECTS, "w", encoding="utf-8") as rejects:
        for row in read(path, layout, Caps(rows=plan.rows)):
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


@dataclass(frozen=True)
class _Made:
    """What all sets of one build share."""

    plan: Plan
    run: str
    source: str
    rows: list[Row]
    clustering: Clustering | None
    vectors: _Vectors
    scores: Callable[[Sequence[Instruction]], dict[str, float]]

    def records(
        self, name: str, purpose: str, recipe: str, chosen: NDArray[np.int64], findings: Mapping[str, Json]
    ) -> list[Record]:
        """Instructions, picks, and last the test set: a set that is there is whole."""
        instructions = [self.rows[n].instruction for n in chosen.tolist()]
        scores = self.scores(instructions)
        labels = self.clustering.labels[chosen].tolist() if self.clustering else [None] * len(chosen)
        picks = [
            Pick(name, i.id, position, label, scores.get(i.id))
            for position, (i, label) in enumerate(zip(instructions, labels, strict=True))
        ]
        testset = TestSet(
            name=name,
            recipe=recipe,
            purpose=purpose,
            size=len(picks),
            seed=self.plan.seed,
            source=self.source,
            embedding=self.plan.embedder if self.clustering else "",
            difficulty=self.plan.rater if RECIPES[self.plan.recipe].rates else "",
            settings={**self._settings(), **findings, **self._picture(instructions, labels)},
            content_hash=content_hash([i.id for i in instructions]),
        )
        return [*instructions, *picks, testset]

    def _settings(self) -> dict[str, Json]:
        plan: dict[str, Json] = json.loads(json.dumps(asdict(self.plan)))
        for name in ("name", "input", "recipe", "size", "seed", "purpose", "wanted"):
            del plan[name]
        return {**plan, "run": self.run}

    def _picture(self, instructions: list[Instruction], labels: list[int | None]) -> dict[str, Json]:
        """The clusters that the set touches and a place on the map for each of its instructions."""
        if self.clustering is None or not instructions or len(instructions) > MAPPED:
            return {}
        points = flat_map(self.vectors(instructions), self.plan.map, self.plan.seed)
        used = {label for label in labels if label is not None}
        return {
            "clusters_found": [asdict(c) for c in self.clustering.clusters if c.number in used],
            "points": [[round(float(x), 4), round(float(y), 4)] for x, y in points],
        }


def content_hash(ids: Sequence[str]) -> str:
    """Hash of a set's instructions in their order; ids are hashes of the texts themselves."""
    return content_id(*ids)


def _splits(run: Run, plan: Plan, made: _Made, choice: Choice) -> list[Record]:
    """D1..DN: what is left over, shuffled, in equal parts that no test set and no other split shares."""
    if not plan.splits:
        return []
    taken = {made.rows[n].instruction.id for n in choice.rows.tolist()}
    taken |= {pick.instruction for pick in run.inputs(Pick)}
    order = np.random.default_rng([plan.seed, 9]).permutation(len(made.rows))
    rest = [n for n in order.tolist() if made.rows[n].instruction.id not in taken]
    if len(rest) < plan.splits:
        raise BadInput(
            f"Only {len(rest)} instructions are left for {plan.splits} training splits; ask for fewer."
        )
    records: list[Record] = []
    used: set[str] = set()
    for number, part in enumerate(np.array_split(np.array(rest, dtype=np.int64), plan.splits), 1):
        ids = {made.rows[n].instruction.id for n in part.tolist()}
        if ids & (taken | used):
            raise ArenaError(
                f"Split {number} shares instructions with a test set or another split: nothing was kept."
            )
        used |= ids
        facts: dict[str, Json] = {"split_of": plan.name, "part": number}
        records += made.records(split_name(plan.name, number), "train", "random", part, facts)
    return records


def _emit(run: Run, records: list[Record], progress: Callable[[int, int, str], None]) -> None:
    held = {kind: run.held(kind) for kind in (Instruction, Pick, TestSet)}
    for number, record in enumerate(records, 1):
        if key_of(record) not in held[type(record)]:
            run.emit(record)
        if number % 500 == 0:
            progress(number, len(records), "keep")
    progress(len(records), len(records), "keep")


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


SECONDS_A_ROW: dict[str, float] = {
    "read and clean": 0.0004,
    "language": 0.0012,
    f"embed {DEFAULT}": 0.02,
    "embed tfidf-svd": 0.0002,
    "cluster": 2e-6,
    "rate": 1.5,
}
"""Rough seconds of a row, a row and cluster, or a call to the embedded judge; benchmarks/testsets.py measures them."""
