"""Code checks the answer: 10 when the instruction's check is met, 1 when not; nothing else is judged."""

from __future__ import annotations

from collections.abc import Mapping

from arena import checks
from arena.battles.judges.chat_bench import Verdict
from arena.battles.judges.game import Game
from arena.battles.judges.plain_bench import PlainBench
from arena.records import BadInput, Contender, Judge


def verdict(game: Game) -> Verdict:
    """Of a conversation the last answer counts.

    Raises:
        BadInput: the instruction has no check.
    """
    check = game.instruction.check
    if not check:
        raise BadInput(
            f"The instruction {game.instruction.turns[0][:60]!r} has no check that code could verify; "
            "choose a judge that reads, or a test set of verifiable instructions."
        )
    passed = checks.passes(check, game.first.answers[-1])
    return Verdict(10.0 if passed else 1.0, None, f"{check['kind']}: {'met' if passed else 'not met'}")


def open_bench(judge: Judge, _models: Mapping[str, Contender]) -> PlainBench:
    return PlainBench(judge, verdict)
