"""What a battle run's own process does: answers by contender, games, battles; never a call twice."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from arena.backends import open_chat
from arena.battles.fight import settings_of
from arena.battles.judges.game import POINTWISE, Game, open_bench
from arena.battles.pairing import ADAPTIVE, batches, size
from arena.battles.respond import RETRIED, USABLE, Wanted, missing, respond
from arena.battles.settle import settle
from arena.battles.tally import POINTS, Meeting, Tally
from arena.records import Battle, Contender, Instruction, Json, Judge, Judgement, Outcome, Response
from arena.worker import Run, Stopped


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
                yield _Duel(instruction, a, b, {game.key(self.judge): game for game in games})

    def _answer(self, name: str, instruction: str, sample: int) -> Response | None:
        contender = self.models[name]
        key = Response.key(name, instruction, self.settings.sampling_of(contender).id, sample)
        found = self.responses.get(key)
        return found if found and found.outcome in USABLE else None

    def conclude(self, duel: _Duel) -> None:
        """Settle a duel whose games are all there, and keep the battle unless it is known already."""
        played = [self.games[key] for key in duel.games]
        battle = settle(played, duel.a, duel.b, self.judge, duel.instruction, self.settings.rule)
        if battle is None:
            return
        self.tally.add(battle.contender_a, battle.contender_b, POINTS[battle.winner])
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


def carry_out(run: Run) -> None:
    """All answers, then all games; whatever exists already is left alone."""
    fight = _Fight(run)
    run.log(f"{len(fight.instructions)} instructions, {len(fight.contenders)} contenders, {fight.judge.name}")
    fight.answer_all()
    fight.judge_all()
    run.log(f"Done: {fight.figures.json()}")
