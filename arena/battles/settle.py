"""Games become a battle: the mean of both seat orders decides; whatever is unreadable stays unsettled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from arena.records import Battle, Instruction, Judge, Judgement, Outcome, Response, Winner


@dataclass(frozen=True)
class Rule:
    """How two games make one battle. The paper leaves this open; the means fit its counts best."""

    conservative: bool = False
    """Both seat orders must name the same winner, else it is a tie (MT-Bench's rule)."""
    tie_margin: float = 0.0
    """Margins up to this are ties; in points of the 1-10 scale."""


@dataclass(frozen=True)
class Scores:
    """One game seen from the battle's contenders."""

    a: float
    b: float

    @property
    def winner(self) -> Winner:
        return Winner.TIE if self.a == self.b else Winner.A if self.a > self.b else Winner.B


def settle(
    games: Sequence[Judgement],
    a: Response,
    b: Response,
    judge: Judge,
    instruction: Instruction,
    rule: Rule | None = None,
) -> Battle | None:
    """The battle of two answers, or None while a game is missing or unreadable.

    Args:
        games: both seat orders of a pairwise judge, or the grades of both answers by a pointwise one
            (their `second` is empty).
        a: answer of the contender whose name comes first.
    """
    assert a.contender < b.contender, (a.contender, b.contender)
    seen = scores_of(games, a.id, b.id)
    if seen is None:
        return None
    rule = rule or Rule()
    score_a = sum(game.a for game in seen) / len(seen)
    score_b = sum(game.b for game in seen) / len(seen)
    margin = score_a - score_b
    names = {game.winner for game in seen}
    if abs(margin) <= rule.tie_margin or (rule.conservative and len(names) > 1):
        winner = Winner.TIE
    else:
        winner = Winner.A if margin > 0 else Winner.B
    return Battle(
        id=Battle.key(judge.name, judge.prompt_hash, a.id, b.id),
        instruction=instruction.id,
        contender_a=a.contender,
        contender_b=b.contender,
        winner=winner,
        judge=judge.name,
        prompt_hash=judge.prompt_hash,
        response_a=a.id,
        response_b=b.id,
        score_a=score_a,
        score_b=score_b,
        margin=margin,
        flipped={Winner.A, Winner.B} <= names,
        category=instruction.category,
        language=instruction.language,
    )


def scores_of(games: Sequence[Judgement], a: str, b: str) -> list[Scores] | None:
    """The scores in the battle's order, one a game; None unless all that is needed is there."""
    usable = [g for g in games if g.outcome is Outcome.OK and g.score_first is not None]
    graded = {g.first: g.score_first for g in usable if not g.second}
    if a in graded and b in graded:
        return [Scores(float(graded[a] or 0), float(graded[b] or 0))]
    found: dict[str, Scores] = {}
    for game in usable:
        if game.score_second is None or game.score_first is None:
            continue
        if (game.first, game.second) == (a, b):
            found["ab"] = Scores(game.score_first, game.score_second)
        elif (game.first, game.second) == (b, a):
            found["ba"] = Scores(game.score_second, game.score_first)
    return list(found.values()) if len(found) == 2 else None
