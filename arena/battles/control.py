"""Hand-written pairs with known winners: how often is a judge right? Asked once, kept as judgements.

Their answers are nobody's: no Response or Battle is kept, so no board ever sees them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from arena import jobs
from arena.battles.judges.game import POINTWISE, Game, open_bench
from arena.battles.jury_room import models_of
from arena.battles.settle import scores_of
from arena.jobs import Job
from arena.records import BadInput, Contender, Instruction, Judge, Judgement, Outcome, Response, content_id
from arena.store import Store
from arena.worker import Run

BETTER, WORSE = "control: better", "control: worse"


@dataclass(frozen=True)
class ControlPair:
    level: str
    """obvious or subtle"""
    kind: str
    """maths, facts, code, writing, format, instruction, safety, multi-turn"""
    instruction: Instruction
    better: Response
    worse: Response

    def games(self, pointwise: bool) -> tuple[Game, Game]:
        if pointwise:
            return Game(self.instruction, self.better), Game(self.instruction, self.worse)
        return (
            Game(self.instruction, self.better, self.worse),
            Game(self.instruction, self.worse, self.better),
        )


@dataclass(frozen=True)
class Accuracy:
    """How often a judge is right; a tie is not right."""

    judge: str
    right: int
    total: int
    """Pairs it has judged in full."""
    obvious_right: int
    obvious_total: int
    subtle_right: int
    subtle_total: int
    ties: int
    flips: int
    """Pairs whose two seat orders named different winners."""
    pairs: int
    """Pairs there are."""
    by_code: bool = False
    """Control pairs have no checks, so they say nothing of such a judge."""

    @property
    def obvious(self) -> float:
        return self.obvious_right / self.obvious_total if self.obvious_total else 0.0

    @property
    def subtle(self) -> float:
        return self.subtle_right / self.subtle_total if self.subtle_total else 0.0

    @property
    def sentence(self) -> str:
        if self.by_code:
            return "Code checks what each instruction asks for; of anything else this judge says nothing"
        if not self.total:
            return (
                "This judge has not been measured on the control pairs yet: "
                f"python -m arena judge control --judge {self.judge}"
            )
        part = f" ({self.obvious_right} of {self.obvious_total} obvious, {self.subtle_right} of "
        rest = "" if self.total == self.pairs else f", {self.pairs - self.total} not judged yet"
        return (
            f"This judge is right on {self.right} of {self.total} control pairs"
            f"{part}{self.subtle_total} subtle{rest})"
        )


@dataclass(frozen=True)
class Mark:
    """What the judge said of one pair."""

    pair: ControlPair
    score_better: float | None
    score_worse: float | None
    flipped: bool
    explanations: tuple[str, ...]

    @property
    def right(self) -> bool | None:
        """None while not judged in full."""
        if self.score_better is None or self.score_worse is None:
            return None
        return self.score_better > self.score_worse


@cache
def control_pairs() -> tuple[ControlPair, ...]:
    """The shipped pairs, the obvious ones first."""
    path = Path(str(files("arena"))).parent / "assets" / "control_pairs.jsonl"
    return tuple(_pair(json.loads(line)) for line in path.read_text("utf-8").splitlines())


def _pair(row: dict[str, list[str]]) -> ControlPair:
    instruction = Instruction.of(*row["turns"], source="control pairs", category=str(row["kind"]))
    better, worse = (
        Response(
            content_id(name, instruction.id, list(row[key])),
            name,
            instruction.id,
            "control",
            0,
            tuple(row[key]),
        )
        for name, key in ((BETTER, "better"), (WORSE, "worse"))
    )
    return ControlPair(str(row["level"]), str(row["kind"]), instruction, better, worse)


def marks(judge: Judge, judgements: Sequence[Judgement]) -> list[Mark]:
    """What this version of the judge said of every pair."""
    by_id = {j.id: j for j in judgements if j.outcome is Outcome.OK}
    found = []
    for pair in control_pairs():
        keys = [game.key(judge) for game in pair.games(judge.kind in POINTWISE)]
        games = [by_id[key] for key in keys if key in by_id]
        seen = scores_of(games, pair.better.id, pair.worse.id)
        if seen is None:
            found.append(Mark(pair, None, None, False, ()))
            continue
        better, worse = (sum(getattr(s, side) for s in seen) / len(seen) for side in "ab")
        flipped = {"A", "B"} <= {str(s.winner) for s in seen}
        found.append(Mark(pair, better, worse, flipped, tuple(g.explanation for g in games)))
    return found


def accuracy(judge: Judge, judgements: Sequence[Judgement]) -> Accuracy:
    """The judge's share of right pairs, from its judgements of them."""
    said = [m for m in marks(judge, judgements) if m.right is not None]
    levels = {level: [m for m in said if m.pair.level == level] for level in ("obvious", "subtle")}
    return Accuracy(
        judge=judge.name,
        right=sum(bool(m.right) for m in said),
        total=len(said),
        obvious_right=sum(bool(m.right) for m in levels["obvious"]),
        obvious_total=len(levels["obvious"]),
        subtle_right=sum(bool(m.right) for m in levels["subtle"]),
        subtle_total=len(levels["subtle"]),
        ties=sum(m.score_better == m.score_worse for m in said),
        flips=sum(m.flipped for m in said),
        pairs=len(control_pairs()),
        by_code=judge.kind == "code",
    )


def judgements_of(store: Store, judge: Judge) -> list[Judgement]:
    """This version's judgements of the control pairs, whatever their outcome."""
    keys = [g.key(judge) for pair in control_pairs() for g in pair.games(judge.kind in POINTWISE)]
    return store.load(Judgement, "id IN (SELECT unnest(?))", [keys])


def control_accuracy(store: Store, judge: str) -> Accuracy:
    """How the named judge stands on the control pairs by what is recorded.

    Raises:
        BadInput: no such judge.
    """
    found = store.get(Judge, judge)
    if found is None:
        raise BadInput(f"There is no judge {judge!r}.")
    return accuracy(found, judgements_of(store, found))


def standing(store: Store, judge: str) -> str:
    """One sentence for every board and page that shows this judge's verdicts; empty for an unknown judge."""
    if store.get(Judge, judge) is None:
        return ""
    return control_accuracy(store, judge).sentence


def launch(store: Store, judge: str) -> Job:
    """Let the judge judge what it has not judged yet of the control pairs, as a job.

    Raises:
        BadInput: no such judge, its model is not there, or it is one that code makes.
    """
    found = store.get(Judge, judge)
    if found is None:
        raise BadInput(f"There is no judge {judge!r}.")
    if found.kind == "code":
        raise BadInput(
            f"Judge {judge!r} checks by code what an instruction asks; control pairs have no checks."
        )
    models = models_of(found, {c.name: c for c in store.load(Contender)})
    held = [j for j in judgements_of(store, found) if j.outcome is Outcome.OK]
    title = f"Control pairs judged by {judge}"
    return jobs.start(
        store.home,
        "control",
        "arena.battles.control:work",
        title,
        {"judge": judge},
        [found, *models.values(), *held],
    )


def work(run: Run) -> None:
    """The job."""
    judge = run.inputs(Judge)[0]
    games = [g for pair in control_pairs() for g in pair.games(judge.kind in POINTWISE)]
    judge_missing(run, judge, games, 0, len(games))


def judge_missing(run: Run, judge: Judge, games: Sequence[Game], done: int, total: int) -> int:
    """Let a job's judge play what neither its inputs nor its journal hold, until the run is to stop.

    Returns `done`, the job's count before, with these games added.

    Raises:
        Stopped: the user wished it, after what was begun is kept.
    """
    models = {c.name: c for c in run.inputs(Contender)}
    held = {j.id for j in (*run.inputs(Judgement), *run.emitted(Judgement)) if j.outcome is Outcome.OK}
    todo = [game for game in games if game.key(judge) not in held]
    done += len(games) - len(todo)
    run.progress(done, total, "Judging")

    def until_stopped() -> Iterator[Game]:
        for game in todo:
            if run.stopping:
                return
            yield game

    with open_bench(judge, models) as bench:
        for judgement in bench.play(until_stopped()):
            run.emit(dataclasses.replace(judgement, run=run.job.id))
            done += judgement.outcome is Outcome.OK
            run.progress(done, total, "Judging")
    run.check()
    return done
