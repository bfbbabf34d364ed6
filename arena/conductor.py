"""Carries out a flywheel plan as one run: battles on the splits -> lessons -> stage -> new contender -> next.

All it knows of its past is in the store, so doing a plan again does only what is missing. The terminal
follows it in the foreground; in the app a thread does, which can be stopped and started at any step.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from arena import ablation, jobs, loop
from arena.battles.fight import FightSettings
from arena.battles.jury_room import ensure_judge
from arena.collector import collect
from arena.flywheel import bouts, likelihood, training_sets
from arena.flywheel.grades import grades
from arena.flywheel.grid import in_words
from arena.flywheel.plans import Plans, Word
from arena.flywheel.rounds import FlywheelPlan, RoundPlan, Step, check_reporter, plan_data, read_plan
from arena.flywheel.selection import reads_others
from arena.flywheel.strategies import NEEDS_SCORES
from arena.ratings import slices
from arena.ratings.commands import as_text
from arena.ratings.leaderboard import Leaderboard
from arena.records import ArenaError, BadInput, Contender, Json, Pick, TestSet, TrainingSet
from arena.store import Store
from arena.terminal import Subparsers, command, group, say, show, wait

Tell = Callable[[str], None]
BATTLES = ("samples", "conservative", "tie_margin", "limit", "category", "seed")
"""Settings of battles that a plan may change."""


@dataclass(frozen=True)
class Outcome:
    made: tuple[str, ...]
    board: Leaderboard | None
    """Of the held-out test set by the judge who reports; None without such a set."""

    @property
    def best(self) -> str:
        """The contender made here that the arena rates highest: never the one of lowest loss."""
        rows = self.board.rows if self.board else ()
        return next((row.model for row in rows if row.model in self.made), "")


def carry_out(store: Store, plan: FlywheelPlan, follow: loop.Follow = wait, tell: Tell = say) -> Outcome:
    """Every step of a plan in its order, then the report; what is done is not done again.

    Raises:
        BadInput: the plan names what is not there.
    """
    _check_names(store, plan)
    judge = ensure_judge(store, plan.judge).name
    for step in plan.steps:
        tell(f"{step.makes}: {step.stage} of {step.starts_from} on battles of {step.battles_as}")
        _take(store, plan, step, judge, follow, tell)
    made = tuple(step.makes for step in plan.steps if step.stage != "reward")  # a reward model can't talk
    if not plan.held_out:
        return Outcome(made, None)
    tell(f"Report on {plan.held_out}, which no step trained on")
    reporter = ensure_judge(store, plan.second_judge or plan.judge).name
    field = (plan.base, *plan.teachers, *made)
    loop.fight(store, FightSettings(plan.held_out, field, reporter), follow)
    chosen = slices.Slice(testset=plan.held_out, judge=reporter, contenders=field)
    return Outcome(made, slices.board(store, chosen))


def _check_names(store: Store, plan: FlywheelPlan) -> None:
    """Before the first battle rather than after hours."""
    for name in plan.battles:
        if name not in BATTLES:
            raise BadInput(
                f"The plan {plan.name}: battles have no setting {name!r}; there are {', '.join(BATTLES)}."
            )
    known = {contender.name for contender in store.load(Contender)}
    made = {step.makes for step in plan.steps}
    for name in (plan.base, *plan.teachers, *(step.battles_as for step in plan.steps)):
        if name not in known | made:
            raise BadInput(f"The plan {plan.name} names {name!r}, which is not among the contenders.")
    for step in plan.steps:
        there = store.get(Contender, step.makes)
        if there and (there.parent, there.stage) != (step.starts_from, step.stage):
            raise BadInput(
                f"The plan {plan.name}: {step.makes!r} is a contender already, and not {step.stage.upper()} of "
                f"{step.starts_from}; let the step make another name."
            )
        if not there and not step.splits:
            raise BadInput(f"The plan {plan.name}: {step.makes} has no splits to battle on; name one.")
    _check_splits(store, plan)
    for judge in filter(None, (plan.judge, plan.second_judge)):
        ensure_judge(store, judge)


def _check_splits(store: Store, plan: FlywheelPlan) -> None:
    """They are there, are not empty, and share no instruction with what reports the result."""
    splits = sorted({split for step in plan.steps for split in step.splits})
    for testset in (*splits, *([plan.held_out] if plan.held_out else [])):
        if store.get(TestSet, testset) is None:
            raise BadInput(f"The plan {plan.name} names {testset!r}, but there is no such test set or split.")
        if not store.count(Pick, "testset = ?", [testset]):
            raise BadInput(f"The plan {plan.name}: {testset!r} has no instructions.")
    for split in splits:
        if leaked := training_sets.shared(store, split, plan.held_out):
            raise BadInput(
                f"The plan {plan.name}: {len(leaked)} of the instructions of {split!r} are also in {plan.held_out!r}, "
                f"which reports the result, e.g. {leaked[0][:80]!r}; take them out of one of the two."
            )


def _take(store: Store, plan: FlywheelPlan, step: Step, judge: str, follow: loop.Follow, tell: Tell) -> None:
    name = lessons_of(plan, step)
    if store.get(TrainingSet, name) is None:
        for split in step.splits:
            field = (step.battles_as, *plan.teachers)
            how = cast("dict[str, Any]", dict(plan.battles))
            loop.fight(store, FightSettings(split, field, judge, "target", step.battles_as, **how), follow)
        others = reads_others(step.stage, step.selection)
        fought = [
            bout
            for split in step.splits
            for bout in bouts.read_bouts(store, split, judge, student=step.battles_as, others=others)
        ]
        source: dict[str, Json] = {"testsets": list(step.splits), "judge": judge}
        scores = None
        if step.selection.strategy in NEEDS_SCORES:
            scores = likelihood.scores(store, step.battles_as, fought, step.selection.strategy)
        made = training_sets.make_training_set(
            store, name, step.battles_as, step.stage, step.selection, fought, source, scores
        )
        tell(f"{step.makes}: {made.size} lessons")
    round_ = RoundPlan(
        step.makes, step.stage, step.starts_from, name, preset=step.preset, settings=step.settings,
        reward=step.reward, iteration=step.iteration, forbid_leaks=True,
    )  # fmt: skip
    loop.learn(store, round_, follow)


def lessons_of(plan: FlywheelPlan, step: Step) -> str:
    """Name of the training set that a step learns."""
    return f"{plan.name}-{step.makes}-lessons"


def standing(store: Store, plan: FlywheelPlan) -> dict[str, str]:
    """Step -> done, learning (its lessons are chosen), or waiting."""
    return {
        step.makes: "done"
        if store.get(Contender, step.makes)
        else "learning"
        if store.get(TrainingSet, lessons_of(plan, step))
        else "waiting"
        for step in plan.steps
    }


# --- in the app -------------------------------------------------------------------------------------


class _Halt(Exception):
    """The user wants the plan to stop."""


class Conductor(Plans):
    """The plans of an arena and the threads that carry them out."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.home)
        self._store = store
        self._threads: dict[str, threading.Thread] = {}
        self._halts: dict[str, threading.Event] = {}

    def word(self, name: str) -> Word:
        """Where its run stands; a run whose thread is gone was interrupted."""
        word = super().word(name)
        thread = self._threads.get(name)
        if word.busy and (thread is None or not thread.is_alive()):
            return Word("interrupted", word.doing)
        return word

    def start(self, name: str) -> None:
        """Carry the plan out, or go on with it.

        Raises:
            BadInput: it is running, or names what is not there.
        """
        plans = [plan for _, plan in self.cells(name)]
        if self.word(name).busy:
            raise BadInput(f"{name} is running already.")
        if not self.is_grid(name):
            check_reporter(plans[0])
        for plan in plans:
            _check_names(self._store, plan)
        self._halts[name] = threading.Event()
        self._threads[name] = threading.Thread(target=self._work, args=(name,), daemon=True)
        self.keep_word(name, Word("running"))
        self._threads[name].start()

    def stop(self, name: str) -> None:
        """Ask for a stop: the job at work leaves its checkpoint first."""
        if self.word(name).state == "running":
            self.keep_word(name, Word("stopping", self.word(name).doing))
            self._halts[name].set()

    def join(self, name: str, seconds: float) -> None:
        """Wait for the run's end."""
        self._threads[name].join(seconds)

    def _work(self, name: str) -> None:
        halt = self._halts[name]

        def tell(text: str) -> None:
            if halt.is_set():
                raise _Halt
            self.keep_word(name, Word("running", text))

        def follow(store: Store, job: jobs.Job) -> jobs.Status:
            return self._follow(job, halt)

        try:
            best = self._carry_out(name, follow, tell)
        except _Halt:
            self.keep_word(name, Word("stopped", self.word(name).doing))
        except ArenaError as error:
            self.keep_word(name, Word("failed", self.word(name).doing, str(error)))
        else:
            said = f"The arena's best: {best}." if best else "Every step is done."
            self.keep_word(name, Word("done", said))

    def _carry_out(self, name: str, follow: loop.Follow, tell: Tell) -> str:
        """The plan, or every cell of its grid; returns what the arena rates highest of what it made."""
        if not self.is_grid(name):
            return carry_out(self._store, self.plan(name), follow, tell).best
        rows = ablation.ablate(self._store, self.cells(name), carry_out, follow, tell)
        ablation.keep(self._store, name, rows)
        best = max((row for row in rows if row.rating is not None), key=lambda r: r.rating or 0, default=None)
        return f"{best.contender} ({in_words(best.cell)})" if best else ""

    def _follow(self, job: jobs.Job, halt: threading.Event) -> jobs.Status:
        """A job to its end; the app's collector and ours take turns at its records."""
        asked = False
        while (status := jobs.status(job)).active:
            if halt.is_set() and not asked:
                jobs.stop(job)
                asked = True
            time.sleep(0.3)
        collect(self._store)
        if halt.is_set():
            raise _Halt
        if status.state is not jobs.State.DONE:
            raise ArenaError(f"{job.title}: {status.state}. {status.error or 'Its log says why.'}")
        return status


# --- on the command line ----------------------------------------------------------------------------


def add(commands: Subparsers) -> None:
    words = group(commands, "flywheel", "several rounds from one plan")
    runner = command(words, "run", _run, "carry out a flywheel plan; done steps are not done again")
    runner.add_argument("plan", type=Path, help="a YAML file")
    ablate = command(
        words, "ablate", ablation.run_command, "a plan once for each cell of its `grid`, compared"
    )
    ablate.add_argument("plan", type=Path, help="a YAML file with a `grid`: setting -> values to try")

    graded = command(words, "mt-bench", _mt_bench, "grade contenders' answers one by one, as MT-Bench does")
    graded.add_argument("testset")
    graded.add_argument("--judge", required=True, help="a judge or contender; it grades 1 to 10")
    graded.add_argument("--contenders", required=True, help="names with commas, at least two")


def _mt_bench(arguments: argparse.Namespace) -> None:
    names = tuple(arguments.contenders.split(","))
    with Store.open(arguments.home) as store:
        judge = ensure_judge(store, arguments.judge, "single").name
        loop.fight(store, FightSettings(arguments.testset, names, judge))
        found = [g for g in grades(store, arguments.testset, judge) if g.contender in names]
        rated = {row.model: row.rating for row in slices.board(store, slices.Slice()).rows}
        made = {c.name: c.iteration for c in store.load(Contender)}
    lines = [f"{'contender':30} {'iteration':>9} {'grade':>6}  {'95% interval':14} {'rating':>7}"]
    for g in found:
        iteration = "" if made[g.contender] is None else f"I{made[g.contender]}"
        span = f"{g.low:.2f} to {g.high:.2f}" if g.low is not None and g.high is not None else ""
        lines.append(
            f"{g.contender:30} {iteration:>9} {g.mean:6.2f}  {span:14} {rated.get(g.contender, 0):7.0f}"
        )
    document: list[Json] = [
        {"contender": g.contender, "iteration": made[g.contender], "grade": g.mean, "low": g.low, "high": g.high,
         "instructions": g.instructions, "rating": rated.get(g.contender)} for g in found
    ]  # fmt: skip
    show(arguments, document, "\n".join(lines))


def _run(arguments: argparse.Namespace) -> None:
    plan = read_plan(arguments.plan)
    with Store.open(arguments.home) as store:
        outcome = carry_out(store, plan)
    document: dict[str, Json] = {"made": list(outcome.made), "best": outcome.best, "plan": plan_data(plan)}
    lines = [f"Made: {', '.join(outcome.made)}"]
    if outcome.board is not None:
        lines += [as_text(outcome.board), f"The arena's best of them: {outcome.best}"]
    show(arguments, document, "\n".join(lines))
