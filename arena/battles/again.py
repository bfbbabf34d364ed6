"""Judge one battle again with another judge: a job of one duel, whose games and battle join the others."""

from __future__ import annotations

import dataclasses

from arena import jobs
from arena.battles.judges.game import POINTWISE, Game, open_bench
from arena.battles.jury_room import models_of
from arena.battles.settle import settle
from arena.jobs import Job
from arena.records import BadInput, Battle, Contender, Instruction, Judge, Judgement, Outcome, Response
from arena.store import Store
from arena.worker import Run

TRIES = 3
"""How often an unreadable game is played again."""


def judges(store: Store) -> list[str]:
    """Judges that can judge here, by name: theirs is a model that still answers, or code."""
    silent = {c.name for c in store.load(Contender, "backend = 'recorded'")}
    return [j.name for j in store.load(Judge, order="name") if j.contender not in silent]


def launch(store: Store, battle_id: str, judge_name: str) -> Job:
    """Start the job.

    Raises:
        BadInput: no such battle or judge, an answer that is not here, or nothing that code could check.
    """
    battle, judge = store.get(Battle, battle_id), store.get(Judge, judge_name)
    if battle is None:
        raise BadInput(f"There is no battle {battle_id!r} in this arena.")
    if judge is None:
        raise BadInput(f"There is no judge {judge_name!r}; choose from {', '.join(judges(store)) or 'none'}.")
    instruction = store.get(Instruction, battle.instruction)
    answers = [store.get(Response, r) for r in (battle.response_a, battle.response_b)]
    held = [r for r in answers if r and any(t.strip() for t in r.answers)]
    if instruction is None or len(held) < 2:
        raise BadInput("Only two answers that are in this arena and not empty can be judged again.")
    if held[0].contender == held[1].contender:
        raise BadInput("Both answers are by one contender; a battle needs two.")
    if judge.kind == "code" and not instruction.check:
        raise BadInput("This instruction has no check that code could verify; choose a judge that reads.")
    models = models_of(judge, {c.name: c for c in store.load(Contender)})
    title = f"{judge.name} judges {battle.contender_a} against {battle.contender_b} again"
    inputs = [instruction, judge, *held, *models.values()]
    return jobs.start(store.home, "judge", "arena.battles.again:work", title, {"battle": battle_id}, inputs)


def work(run: Run) -> None:
    """Play what is not played yet, then settle."""
    judge, instruction = run.inputs(Judge)[0], run.inputs(Instruction)[0]
    a, b = sorted(run.inputs(Response), key=lambda r: r.contender)
    alone = judge.kind in POINTWISE
    games = [Game(instruction, a), Game(instruction, b)] if alone else [
        Game(instruction, a, b), Game(instruction, b, a),
    ]  # fmt: skip
    played = {j.id: j for j in run.emitted(Judgement) if j.outcome is Outcome.OK}
    with open_bench(judge, {c.name: c for c in run.inputs(Contender)}) as bench:
        for _ in range(TRIES):
            run.check()
            run.progress(len(played), len(games), "Judging")
            for judgement in bench.play([g for g in games if g.key(judge) not in played]):
                run.emit(dataclasses.replace(judgement, run=run.job.id))
                if judgement.outcome is Outcome.OK:
                    played[judgement.id] = judgement
            if len(played) == len(games):
                break
    battle = settle(list(played.values()), a, b, judge, instruction)
    if battle is None:
        raise BadInput(f"{judge.name} gave no readable verdict in {TRIES} tries; its words are in the run.")
    run.emit(dataclasses.replace(battle, run=run.job.id))
    run.progress(len(games), len(games), "Judging")
