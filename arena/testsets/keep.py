"""What a build keeps: the records of a test set, and the training splits of what it leaves over."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from arena.records import ArenaError, BadInput, Instruction, Json, Pick, Record, TestSet, content_id, key_of
from arena.testsets.cluster import Clustering, flat_map
from arena.testsets.plan import Plan, split_name
from arena.testsets.read import Row
from arena.testsets.recipes import RECIPES, Choice
from arena.worker import Run

MAPPED = 5000
"""Points of a set's map that are kept."""


@dataclass(frozen=True)
class Made:
    """What all sets of one build share."""

    plan: Plan
    run: str
    source: str
    rows: list[Row]
    clustering: Clustering | None
    vectors: Callable[[Sequence[Instruction]], NDArray[np.float32]]
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


def splits(run: Run, plan: Plan, made: Made, choice: Choice) -> list[Record]:
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


def emit(run: Run, records: list[Record], progress: Callable[[int, int, str], None]) -> None:
    held = {kind: run.held(kind) for kind in (Instruction, Pick, TestSet)}
    for number, record in enumerate(records, 1):
        if key_of(record) not in held[type(record)]:
            run.emit(record)
        if number % 500 == 0:
            progress(number, len(records), "keep")
    progress(len(records), len(records), "keep")
