"""One whole Arena Learning iteration, top to bottom: the mission in one file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean

from arena import jobs, sample
from arena.backends import embedded
from arena.battles.control import standing
from arena.battles.fight import FightSettings
from arena.battles.fight import launch as launch_battles
from arena.battles.jury_room import EMBEDDED_KIND, ensure_judge
from arena.battles.plan import in_words, plan
from arena.flywheel import bouts, train, training_sets
from arena.flywheel.rounds import RoundPlan
from arena.flywheel.selection import Selection, reads_others
from arena.ratings import consistency, references, slices
from arena.ratings.commands import as_text
from arena.records import Battle, Contender, Json, Sampling, TestSet, TrainingSet
from arena.store import Store
from arena.terminal import Subparsers, command, say, show, wait
from arena.testsets.build import launch as launch_build
from arena.testsets.embed import FALLBACK
from arena.testsets.plan import Plan, split_name

Follow = Callable[[Store, jobs.Job], jobs.Status]
"""Waits for a job's end, and raises ArenaError when that is not what was wished for."""

SHORT = Sampling(temperature=0.7, top_p=0.95, max_tokens=96)
"""Short answers keep a loop on two cores within minutes."""


@dataclass(frozen=True)
class Loop:
    """The choices of one iteration; the defaults fit the embedded models on two cores."""

    name: str = "loop"
    instructions: str = "demo"
    """File of instructions, or the name of shipped ones."""
    student: str = embedded.STUDENT
    teachers: tuple[str, ...] = ("qwen2.5-coder-0.5b", embedded.JUDGE)
    judge: str = embedded.JUDGE
    test: int = 5
    """Instructions of the held-out test set."""
    lessons: int = 8
    """Instructions on which the student's losses become lessons."""
    k: float = 0.25
    """Least score gap of a lesson."""
    iteration: int = 1
    sampling: Sampling | None = SHORT
    seed: int = 0

    @property
    def checkpoint(self) -> str:
        return f"{self.student}-{self.name}-sft-i{self.iteration}"


@dataclass(frozen=True)
class Outcome:
    """What one iteration made."""

    checkpoint: str
    lessons: int
    first_loss: float
    """Mean over the first half of the steps."""
    last_loss: float
    """Mean over the second half, which sees the same lessons again."""
    new_calls: int
    """Model calls that this time made; 0 when all was recorded already."""
    board: str
    control: str


def run(store: Store, loop: Loop) -> Outcome:
    """Test set -> battles -> lost battles -> SFT -> the checkpoint battles its parent -> leaderboard.

    Whatever the store holds already is not made again, so a second run makes no call.
    """
    known = {contender.name for contender in store.load(Contender)}
    store.save([c for c in embedded.contenders(store.home) if c.name not in known])
    judge = ensure_judge(store, loop.judge, EMBEDDED_KIND if loop.judge == embedded.JUDGE else "")
    before = _calls(store)

    say(f"1. A test set of {loop.test} instructions, and a split for lessons that shares none with it")
    if store.get(TestSet, loop.name) is None:
        ready = embedded.is_ready(store.home, embedded.EMBEDDING)
        build = Plan(
            loop.name, loop.instructions, "mix", loop.test, clusters=8, seed=loop.seed, splits=1,
            embedder=embedded.EMBEDDING if ready else FALLBACK,
        )  # fmt: skip
        wait(store, launch_build(store, build))

    say("2. The student and its teachers battle on the test set, every pair in both seat orders")
    field = (loop.student, *loop.teachers)
    fight(store, FightSettings(loop.name, field, judge.name, sampling=loop.sampling))

    say("3. The student battles its teachers on the lessons")
    split = split_name(loop.name, 1)
    lessons = FightSettings(
        split, field, judge.name, "target", loop.student, sampling=loop.sampling, limit=loop.lessons
    )
    fight(store, lessons)

    say(f"4. The battles it lost by {loop.k:g} points or more become lessons, and the student learns them")
    chosen = lost_battles(store, f"{loop.checkpoint}-lessons", loop.student, split, judge.name, loop.k)
    learn(store, RoundPlan(loop.checkpoint, "sft", loop.student, chosen.name, iteration=loop.iteration))
    losses = _losses(store, loop.checkpoint)

    say("5. The checkpoint battles its parent and the others on the test set")
    fight(store, FightSettings(loop.name, (*field, loop.checkpoint), judge.name, sampling=loop.sampling))

    board = slices.board(store, slices.Slice(testset=loop.name, judge=judge.name))
    return Outcome(
        loop.checkpoint,
        chosen.size,
        mean(losses[: (len(losses) + 1) // 2]),
        mean(losses[len(losses) // 2 :]),
        _calls(store) - before,
        as_text(board),
        standing(store, judge.name),
    )


def fight(store: Store, settings: FightSettings, follow: Follow = wait) -> None:
    """Answers, games and battles that are still missing, in a job."""
    found = plan(store, settings)
    if found.calls == 0 and _fought(store, settings):
        say(f"   All {found.meetings} battles are recorded already.")
        return
    say("   " + in_words(found).replace("\n", "\n   "))
    follow(store, launch_battles(store, settings))


def lost_battles(
    store: Store, name: str, student: str, split: str, judge: str, k: float, stage: str = "sft"
) -> TrainingSet:
    """The training set of this name, made of the student's battles on a split unless it is there."""
    if (known := store.get(TrainingSet, name)) is not None:
        return known
    # Small models often run into the short limit of a loop; without their labels few lessons are left.
    selection = Selection(k=k, drop_unfinished=False)
    fought = bouts.read_bouts(store, split, judge, student=student, others=reads_others(stage, selection))
    return training_sets.make_training_set(
        store, name, student, stage, selection, fought, {"testset": split, "judge": judge}
    )


def learn(store: Store, plan_: RoundPlan, follow: Follow = wait) -> None:
    """Train the round's checkpoint unless it is there."""
    name = plan_.checkpoint or plan_.name
    if store.get(Contender, name) is not None:
        say(f"   The checkpoint {name} is there already.")
        return
    stopped = [j for j in jobs.jobs(store.home) if j.kind == "train" and f" {name}:" in j.title]
    if stopped:
        jobs.resume(stopped[0])
        follow(store, stopped[0])
        return
    follow(store, train.launch(store, plan_))


def _calls(store: Store) -> int:
    return int(
        store.query("SELECT (SELECT count(*) FROM response) + (SELECT count(*) FROM judgement)").item()
    )


def _fought(store: Store, settings: FightSettings) -> bool:
    """Some battle of this judge on this test set is settled."""
    where = "judge = ? AND instruction IN (SELECT instruction FROM pick WHERE testset = ?)"
    return store.count(Battle, where, [settings.judge, settings.testset]) > 0


def _losses(store: Store, checkpoint: str) -> list[float]:
    """The losses of the checkpoint's training, in order of steps."""
    found = [j for j in jobs.jobs(store.home) if j.kind == "train" and f" {checkpoint}:" in j.title]
    rows = jobs.metrics(found[0]) if found else []
    return [float(str(row["loss"])) for row in rows if "loss" in row] or [float("nan")]


def add(commands: Subparsers) -> None:
    parser = command(commands, "loop", _loop, "one whole Arena Learning iteration on the embedded models")
    parser.add_argument("--name", default=Loop.name, help="name of the test set and of what is made")
    parser.add_argument("--instructions", default=Loop.instructions, help="a file, or shipped ones by name")
    parser.add_argument("--student", default=Loop.student)
    parser.add_argument("--teachers", default=",".join(Loop.teachers), help="names with commas")
    parser.add_argument("--judge", default=Loop.judge, help="a judge, or a contender that becomes one")
    parser.add_argument("--test", type=int, default=Loop.test, help="instructions of the test set")
    parser.add_argument("--lessons", type=int, default=Loop.lessons, help="instructions for lessons")
    parser.add_argument("--k", type=float, default=Loop.k, help="least score gap of a lesson")
    parser.add_argument("--seed", type=int, default=Loop.seed)
    command(commands, "prepare", _prepare, "embedded contenders and the recorded arena, as the app does")


def _loop(arguments: argparse.Namespace) -> None:
    settings = Loop(
        arguments.name,
        arguments.instructions,
        arguments.student,
        tuple(arguments.teachers.split(",")),
        arguments.judge,
        arguments.test,
        arguments.lessons,
        arguments.k,
        seed=arguments.seed,
    )
    with Store.open(arguments.home) as store:
        made = run(store, settings)
    document: dict[str, Json] = {
        "checkpoint": made.checkpoint, "lessons": made.lessons, "first_loss": made.first_loss,
        "last_loss": made.last_loss, "new_calls": made.new_calls, "control": made.control,
    }  # fmt: skip
    show(
        arguments,
        document,
        f"{made.board}\n{made.control}\n\n{made.checkpoint} learned {made.lessons} lessons; its loss "
        f"went from {made.first_loss:.3f} to {made.last_loss:.3f}. {made.new_calls} new model calls.\n"
        f"\n{_paper()}",
    )


def _paper() -> str:
    """The paper's own board against LMSYS, computed from its Elo columns: what consistency looks like."""
    ours = references.paper()
    names = list(ours)
    found = consistency.compare(ours[names[-1]], ours[names[0]])
    figures = ", ".join(
        f"{name} {metric.value:.3f}" for name, metric in found.metrics.items() if metric.value is not None
    )
    return f"For comparison, the paper's {names[-1]} against {names[0]}: {figures}"


def _prepare(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        sample.prepare(store)
    show(arguments, {"home": str(arguments.home)}, f"{arguments.home} is ready.")
