"""A battle run from launch to last battle: answers by contender, games, battles; never a call twice."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from arena import jobs
from arena.backends import open_chat
from arena.battles.judges.game import POINTWISE, Game, open_bench
from arena.battles.jury_room import models_of
from arena.battles.pairing import ADAPTIVE, batches, size
from arena.battles.respond import RETRIED, USABLE, Wanted, missing, respond
from arena.battles.settle import Rule, settle
from arena.battles.tally import Field, Meeting, Tally
from arena.jobs import Job
from arena.records import (
    BadInput,
    Battle,
    Contender,
    Instruction,
    Json,
    Judge,
    Judgement,
    Outcome,
    Pick,
    Response,
    Sampling,
    Settings,
    Winner,
    from_json,
    to_json,
)
from arena.store import Store
from arena.worker import Run, Stopped

POINTS: dict[Winner, float] = {Winner.A: 1.0, Winner.B: 0.0, Winner.TIE: 0.5, Winner.BOTH_BAD: 0.5}


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
    instructions = instructions_of(store, settings)
    found = {c.name: c for c in store.load(Contender)}
    for name in settings.contenders:
        if name not in found:
            raise BadInput(
                f"There is no contender {name!r}; the arena has {', '.join(sorted(found)) or 'none'}."
            )
    judge = store.get(Judge, settings.judge)
    if judge is None:
        known = ", ".join(j.name for j in store.load(Judge, order="name"))
        raise BadInput(f"There is no judge {settings.judge!r}; the arena has {known or 'none'}.")
    if judge.kind == "code" and (bare := sum(not i.check for i in instructions)):
        raise BadInput(
            f"{bare} of {len(instructions)} instructions of {settings.testset} have no check that code could "
            "verify; choose a judge that reads, or a test set of verifiable instructions."
        )
    batches(settings.pairing, settings.field(instructions), Tally(settings.contenders))
    return Entrants(
        instructions, [found[name] for name in settings.contenders], judge, models_of(judge, found)
    )


def instructions_of(store: Store, settings: FightSettings) -> list[Instruction]:
    """The chosen part of the test set, in its order.

    Raises:
        BadInput: no such test set, or nothing of it is left.
    """
    picks = {p.instruction: p.position for p in store.load(Pick, "testset = ?", [settings.testset])}
    if not picks:
        raise BadInput(f"There is no test set {settings.testset!r}, or it is empty.")
    where = "id IN (SELECT instruction FROM pick WHERE testset = ?)"
    chosen = sorted(store.load(Instruction, where, [settings.testset]), key=lambda i: picks[i.id])
    if settings.category:
        chosen = [i for i in chosen if i.category == settings.category]
    chosen = chosen[: settings.limit] if settings.limit else chosen
    if not chosen:
        raise BadInput(
            f"No instruction of {settings.testset} is left with the category {settings.category!r}."
        )
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


# --- the worker -------------------------------------------------------------------------------------


@dataclass
class _Figures:
    """What the run has done in this process, for its progress."""

    budget: int
    started: float = field(default_factory=time.monotonic)
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    battles: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def spent(self) -> bool:
        return bool(self.budget) and self.calls >= self.budget

    def count(self, done: Response | Judgement) -> None:
        self.tokens_in += done.tokens_in
        self.tokens_out += done.tokens_out
        if done.outcome is not Outcome.OK:
            self.failures[str(done.outcome)] += 1

    def json(self) -> dict[str, Json]:
        seconds = max(1e-9, time.monotonic() - self.started)
        return {
            "calls": self.calls,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "tokens_per_second": round((self.tokens_in + self.tokens_out) / seconds, 1),
            "battles": self.battles,
            "budget": self.budget,
            **{f"failed: {kind}": count for kind, count in self.failures.items()},
        }


class _Fight:
    """The worker's state: what is known, and what is still to be asked for."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.settings = settings_of(run.job)
        known = {c.name: c for c in run.inputs(Contender)}
        self.contenders = [known[name] for name in self.settings.contenders]
        self.models = known
        self.judge = run.inputs(Judge)[0]
        self.instructions = {i.id: i for i in run.inputs(Instruction)}
        self.responses = {
            r.id: r
            for r in (*run.inputs(Response), *run.emitted(Response))
            if r.outcome not in RETRIED and r.instruction in self.instructions
        }
        self.games = {
            j.id: dataclasses.replace(j, raw="", explanation="")
            for j in (*run.inputs(Judgement), *run.emitted(Judgement))
            if j.outcome is Outcome.OK
        }
        self.battles = {b.id: b.winner for b in (*run.inputs(Battle), *run.emitted(Battle))}
        self.figures = _Figures(self.settings.budget)
        self.tally = Tally(self.settings.contenders)
        if self.settings.pairing == "newcomer":  # what the rest has fought already tells how strong they are
            for known_battle in run.inputs(Battle):
                names = {known_battle.contender_a, known_battle.contender_b}
                if self.settings.target not in names and names <= set(self.settings.contenders):
                    points = POINTS[known_battle.winner]
                    self.tally.add(known_battle.contender_a, known_battle.contender_b, points)

    def halted(self) -> bool:
        """No further call may begin: the user said stop, or the budget is spent."""
        return self.run.stopping or self.figures.spent

    def check(self) -> None:
        self.run.check()
        if self.figures.spent:
            self.run.log(
                f"The budget of {self.settings.budget} calls is spent; resume to grant as many again."
            )
            raise Stopped

    def pairs(self) -> Iterator[list[Meeting]]:
        field_ = self.settings.field(list(self.instructions.values()))
        return batches(self.settings.pairing, field_, self.tally)

    def wanted_answers(self) -> dict[str, list[Wanted]]:
        """Contender -> the answers the pairing needs of it."""
        samples = range(self.settings.samples)
        if self.settings.pairing in ADAPTIVE:
            everyone = [Wanted(i, s) for i in self.instructions.values() for s in samples]
            return {c.name: everyone for c in self.contenders}
        needed: dict[str, dict[str, None]] = {c.name: {} for c in self.contenders}
        for chunk in self.pairs():
            for one in chunk:
                needed[one.a][one.instruction] = None
                needed[one.b][one.instruction] = None
        return {
            name: [Wanted(self.instructions[i], s) for i in ids for s in samples]
            for name, ids in needed.items()
        }

    def answer_all(self) -> None:
        for name, wanted in self.wanted_answers().items():
            contender = next(c for c in self.contenders if c.name == name)
            sampling = self.settings.sampling_of(contender)
            todo = missing(contender, sampling, wanted, self.responses)
            if not todo:
                continue
            self.check()
            phase = f"Answers of {name}"
            done = len(wanted) - len(todo)
            self.run.progress(done, len(wanted), phase, self.figures.json())
            with open_chat(contender) as chat:
                for response in respond(
                    chat, contender, sampling, self._begun(todo), lambda: self.run.stopping
                ):
                    self.run.emit(dataclasses.replace(response, run=self.run.job.id))
                    self.figures.count(response)
                    if response.outcome not in RETRIED:
                        self.responses[response.id] = response
                    done += 1
                    self.run.progress(done, len(wanted), phase, self.figures.json())
            self.check()

    def _begun(self, todo: list[Wanted]) -> Iterator[Wanted]:
        for one in todo:
            if self.halted():
                return
            self.figures.calls += len(one.instruction.turns)
            yield one

    def judge_all(self) -> None:
        done, planned = 0, self._planned_games()
        with open_bench(self.judge, self.models) as bench:
            for chunk in self.pairs():
                duels = [duel for one in chunk for duel in self._duels(one)]
                games = {key: game for duel in duels for key, game in duel.games.items()}
                todo = [game for key, game in games.items() if key not in self.games]
                done += len(games) - len(todo)
                total = max(planned, done + len(todo))
                self.run.progress(done, total, "Judging", self.figures.json())
                waiting = _Waiting(self, duels)
                for judgement in bench.play(self._called(todo)):
                    self.run.emit(dataclasses.replace(judgement, run=self.run.job.id))
                    self.figures.count(judgement)
                    if judgement.outcome is Outcome.OK:
                        self.games[judgement.id] = dataclasses.replace(judgement, raw="", explanation="")
                        waiting.settle(judgement.id)
                        done += 1
                    self.run.progress(done, total, "Judging", self.figures.json())
                self.check()

        self.run.progress(done, done, "Judging", self.figures.json())

    def _planned_games(self) -> int:
        """Games of the whole pairing, at most; an adaptive one may stop earlier."""
        if self.judge.kind in POINTWISE:
            return len(self.responses)
        field_ = self.settings.field(list(self.instructions.values()))
        return 2 * self.settings.samples * size(self.settings.pairing, field_)

    def _called(self, todo: list[Game]) -> Iterator[Game]:
        for game in todo:
            if self.halted():
                return
            self.figures.calls += self.judge.kind not in {"code", "reward"}
            yield game

    def _duels(self, one: Meeting) -> Iterator[_Duel]:
        """The meeting's games, one duel a sample, where both answers are usable."""
        instruction = self.instructions[one.instruction]
        for sample in range(self.settings.samples):
            a, b = self._answer(one.a, one.instruction, sample), self._answer(one.b, one.instruction, sample)
            if a and b:
                if self.judge.kind in POINTWISE:
                    games = (Game(instruction, a), Game(instruction, b))
                else:
                    games = (Game(instruction, a, b), Game(instruction, b, a))
                yield _Duel(instruction, a, b, {game.key(self.judge): game for game in games}, one.weight)

    def _answer(self, name: str, instruction: str, sample: int) -> Response | None:
        contender = self.models[name]
        key = Response.key(name, instruction, self.settings.sampling_of(contender).id, sample)
        found = self.responses.get(key)
        return found if found and found.outcome in USABLE else None

    def conclude(self, duel: _Duel) -> None:
        """Settle a duel whose games are all there, and keep the battle unless it is known already."""
        played = [self.games[key] for key in duel.games]
        battle = settle(played, duel.a, duel.b, self.judge, duel.instruction, self.settings.rule, duel.weight)
        if battle is None:
            return
        self.tally.add(battle.contender_a, battle.contender_b, POINTS[battle.winner], battle.weight)
        self.figures.battles += 1
        if self.battles.get(battle.id) != battle.winner:
            self.run.emit(dataclasses.replace(battle, run=self.run.job.id))
            self.battles[battle.id] = battle.winner


@dataclass(frozen=True)
class _Duel:
    instruction: Instruction
    a: Response
    b: Response
    games: dict[str, Game]
    """By their keys."""
    weight: float


class _Waiting:
    """The duels of a batch by the games they wait for; a grade may be what many duels wait for."""

    def __init__(self, fight: _Fight, duels: list[_Duel]) -> None:
        self._fight = fight
        self._duels: dict[str, list[_Duel]] = {}
        self._settled: set[int] = set()
        for duel in duels:
            for key in duel.games:
                self._duels.setdefault(key, []).append(duel)
            self._try(duel)

    def settle(self, key: str) -> None:
        for duel in self._duels.get(key, []):
            self._try(duel)

    def _try(self, duel: _Duel) -> None:
        if id(duel) not in self._settled and all(key in self._fight.games for key in duel.games):
            self._settled.add(id(duel))
            self._fight.conclude(duel)


def work(run: Run) -> None:
    """The job: all answers, then all games; whatever exists already is left alone."""
    fight = _Fight(run)
    run.log(f"{len(fight.instructions)} instructions, {len(fight.contenders)} contenders, {fight.judge.name}")
    fight.answer_all()
    fight.judge_all()
    run.log(f"Done: {fight.figures.json()}")
