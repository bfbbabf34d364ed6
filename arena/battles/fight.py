"""A battle run as it is wished and launched: its settings, who takes part, and what it need not do again."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from arena import jobs
from arena.backends.sampling import check_sampling
from arena.battles.instructions import instructions_in
from arena.battles.jury_room import models_of
from arena.battles.pairing import batches
from arena.battles.respond import RETRIED
from arena.battles.settle import Rule
from arena.battles.tally import Field, Tally
from arena.jobs import Job
from arena.records import (
    BadInput,
    Battle,
    Contender,
    Instruction,
    Json,
    Judge,
    Judgement,
    Response,
    Sampling,
    Settings,
    from_json,
    to_json,
)
from arena.store import Store
from arena.worker import Run


@dataclass(frozen=True)
class FightSettings:
    """All that makes one battle run; written into its plan."""

    testset: str
    contenders: tuple[str, ...]
    judge: str
    pairing: str = "round-robin"
    target: str = ""
    k: int = 1
    width: float = 0.0
    """Wished mean width of the 95% intervals in Elo for adaptive pairings; 0: none."""
    stability: float = 0.98
    batch: int = 0
    samples: int = 1
    """Answers each contender gives to each instruction."""
    sampling: Sampling | None = None
    """For all contenders; None: each one's own."""
    conservative: bool = False
    tie_margin: float = 0.0
    budget: int = 0
    """Most calls to models, answers and judge together, until the run pauses; 0: no limit. Each resume
    grants as many again."""
    limit: int = 0
    """Only the first so many instructions of the test set; 0: all."""
    category: str = ""
    """Only instructions of this category; empty: all."""
    seed: int = 0

    def check(self) -> None:
        """Raise BadInput for a figure that means nothing; the text says what it should be."""
        rules = {
            "seed": (self.seed, self.seed >= 0, "0 or more"),
            "budget": (self.budget, self.budget >= 0, "0 (no limit) or more calls"),
            "limit": (self.limit, self.limit >= 0, "0 (all) or more instructions"),
            "batch": (self.batch, self.batch >= 0, "0 (chosen for you) or more meetings"),
            "k": (self.k, self.k >= 1, "at least 1 pair"),
            "samples": (self.samples, self.samples >= 1, "at least 1 answer"),
            "width": (self.width, 0 <= self.width < math.inf, "0 (off) or more Elo"),
            "stability": (self.stability, 0 <= self.stability <= 1, "from 0 (off) to 1"),
            "tie margin": (self.tie_margin, 0 <= self.tie_margin < math.inf, "0 or more points"),
        }
        for name, (value, holds, wanted) in rules.items():
            if not holds:
                raise BadInput(f"The {name} is {value:g}; it should be {wanted}.")
        if self.sampling:
            check_sampling(self.sampling)

    @property
    def rule(self) -> Rule:
        return Rule(self.conservative, self.tie_margin)

    def sampling_of(self, contender: Contender) -> Sampling:
        return self.sampling or contender.sampling

    def field(self, instructions: Sequence[Instruction]) -> Field:
        return Field(
            tuple(i.id for i in instructions),
            self.contenders,
            self.target,
            self.seed,
            self.k,
            self.width,
            self.stability,
            self.batch,
        )


@dataclass(frozen=True)
class Entrants:
    """What the settings name, looked up."""

    instructions: list[Instruction]
    contenders: list[Contender]
    judge: Judge
    models: dict[str, Contender]
    """Contenders the judge needs, by name."""


def entrants(store: Store, settings: FightSettings) -> Entrants:
    """The records behind the settings' names.

    Raises:
        BadInput: a name that is not in the arena, or settings that don't fit together.
    """
    instructions, contenders = _field(store, settings)
    judge = store.get(Judge, settings.judge)
    if judge is None:
        known = ", ".join(j.name for j in store.load(Judge, order="name"))
        raise BadInput(f"There is no judge {settings.judge!r}; the arena has {known or 'none'}.")
    if judge.kind == "code" and (bare := sum(not i.check for i in instructions)):
        raise BadInput(
            f"{bare} of {len(instructions)} instructions of {settings.testset} have no check that code could "
            "verify; choose a judge that reads, or a test set of verifiable instructions."
        )
    models = models_of(judge, {c.name: c for c in store.load(Contender)})
    return Entrants(instructions, contenders, judge, models)


def check_field(store: Store, settings: FightSettings) -> None:
    """Raise BadInput for all that `entrants` would but the judge, so that none is made for a run that can't be."""
    _field(store, settings)


def _field(store: Store, settings: FightSettings) -> tuple[list[Instruction], list[Contender]]:
    settings.check()
    instructions = instructions_of(store, settings)
    found = {c.name: c for c in store.load(Contender)}
    for name in settings.contenders:
        if name not in found:
            raise BadInput(
                f"There is no contender {name!r}; the arena has {', '.join(sorted(found)) or 'none'}."
            )
    batches(settings.pairing, settings.field(instructions), Tally(settings.contenders))
    return instructions, [found[name] for name in settings.contenders]


def instructions_of(store: Store, settings: FightSettings) -> list[Instruction]:
    """The chosen part of the test set, in its order.

    Raises:
        BadInput: no such test set, or nothing of it is left.
    """
    chosen = instructions_in(store, settings.testset)
    if settings.category:
        chosen = [i for i in chosen if i.category == settings.category]
    chosen = chosen[: settings.limit] if settings.limit else chosen
    if not chosen:
        raise BadInput(f"No instruction of {settings.testset} has the category {settings.category!r}.")
    return chosen


PLANNED = "planned"
"""Where a run's plan.json keeps what was expected of it, to be held against what came."""


def launch(store: Store, settings: FightSettings, planned: Sequence[Settings] = ()) -> Job:
    """Start the run as a job.

    Args:
        planned: what each model is expected to do, as `ledger` writes it.

    Raises:
        BadInput: as `entrants` says.
    """
    who = entrants(store, settings)
    names = ", ".join(settings.contenders[:3]) + (" ..." if len(settings.contenders) > 3 else "")
    title = f"Battles of {names} on {settings.testset}, judged by {settings.judge}"
    plain: dict[str, Json] = {**to_json(settings), PLANNED: [dict(one) for one in planned]}
    return jobs.start(
        store.home, "battle", "arena.battles.fight:work", title, plain, _inputs(store, settings, who)
    )


def settings_of(job: Job) -> FightSettings:
    """The settings of an earlier run, to run it again with changes."""
    return from_json(FightSettings, {k: v for k, v in job.settings.items() if k != PLANNED})


Known = Contender | Instruction | Judge | Response | Judgement | Battle


def _inputs(store: Store, settings: FightSettings, who: Entrants) -> Iterator[Known]:
    """What the run needs, and what it need not do again."""
    yield from {c.name: c for c in [*who.contenders, *who.models.values()]}.values()
    yield from who.instructions
    yield who.judge
    wanted = {i.id for i in who.instructions}
    for contender in who.contenders:
        where = "contender = ? AND sampling = ?"
        found = store.load(Response, where, [contender.name, settings.sampling_of(contender).id])
        yield from (r for r in found if r.instruction in wanted and r.outcome not in RETRIED)
    key = [who.judge.name, who.judge.prompt_hash]
    for judgement in store.load(Judgement, "judge = ? AND prompt_hash = ? AND outcome = 'ok'", key):
        if judgement.instruction in wanted:
            yield dataclasses.replace(judgement, raw="", explanation="")
    for battle in store.load(Battle, "judge = ? AND prompt_hash = ? AND source = 'judged'", key):
        if battle.instruction in wanted:
            yield battle


def work(run: Run) -> None:
    """The job. Its name stands in the plan of every run, so that a run can be resumed by any later version."""
    from arena.battles.fight_worker import carry_out  # it builds on this module

    carry_out(run)
