"""Several judges decide together: the mean of their scores, or the majority of their winners.

Settings: members: [judge records as JSON], rule: "mean" or "majority".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import cast

from arena.battles.judges.chat_bench import Verdict
from arena.battles.judges.game import POINTWISE, Bench, Game
from arena.battles.judges.game import open_bench as open_member
from arena.records import BadInput, Contender, Judge, Judgement, Outcome, Settings, from_json, to_json

RULES = ("mean", "majority")
TOGETHER = 200
"""Games each member judges before the next one does."""


class JuryBench:
    """Lets every member play each game, then merges."""

    def __init__(self, judge: Judge, models: Mapping[str, Contender]) -> None:
        self._judge, self._members = judge, members(judge)
        self._rule = str(judge.settings.get("rule", "mean"))
        if self._rule not in RULES:
            raise BadInput(f"Jury {judge.name!r}: the rule is {self._rule!r}; choose {' or '.join(RULES)}.")
        self._stack = ExitStack()
        self._benches: list[Bench] = [
            self._stack.enter_context(open_member(m, models)) for m in self._members
        ]

    def play(self, games: Iterable[Game]) -> Iterator[Judgement]:
        source = iter(games)
        while some := list(islice(source, TOGETHER)):
            said: dict[str, dict[str, Judgement]] = {game.key(self._judge): {} for game in some}
            for member, bench in zip(self._members, self._benches, strict=True):
                pointwise = member.kind in POINTWISE
                for game in some:
                    asked = [Game(game.instruction, r) for r in (game.first, game.second) if r]
                    for judgement in bench.play(asked if pointwise else [game]):
                        place = f"{member.name}/{judgement.first}" if pointwise else member.name
                        said[game.key(self._judge)][place] = judgement
            for game in some:
                yield self._merged(game, said[game.key(self._judge)])

    def _merged(self, game: Game, said: Mapping[str, Judgement]) -> Judgement:
        second = game.second.id if game.second else ""
        pairs = [pair for m in self._members if (pair := _pair(m, said, game.first.id, second))]
        verdict = merge(pairs, self._rule) if pairs else None
        return Judgement(
            id=game.key(self._judge),
            judge=self._judge.name,
            prompt_hash=self._judge.prompt_hash,
            instruction=game.instruction.id,
            first=game.first.id,
            second=second,
            score_first=verdict.score_first if verdict else None,
            score_second=verdict.score_second if verdict else None,
            explanation=verdict.explanation if verdict else "no member could be read",
            outcome=Outcome.OK if verdict else Outcome.UNREADABLE,
            tokens_in=sum(j.tokens_in for j in said.values()),
            tokens_out=sum(j.tokens_out for j in said.values()),
            seconds=sum(j.seconds for j in said.values()),
        )

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> JuryBench:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def jury_settings(judges: Sequence[Judge], rule: str) -> Settings:
    """What makes a judge of the kind jury; each member with the version it has now."""
    return {"members": [to_json(judge) for judge in judges], "rule": rule}


def members(judge: Judge) -> list[Judge]:
    """The judges of a jury.

    Raises:
        BadInput: fewer than two, or a jury within a jury.
    """
    found = judge.settings.get("members")
    rows = [cast("Settings", row) for row in found] if isinstance(found, list) else []
    made = [from_json(Judge, row) for row in rows]
    if len(made) < 2 or any(member.kind == "jury" for member in made):
        raise BadInput(f"Jury {judge.name!r} needs at least two members that are no juries.")
    return made


def merge(pairs: Sequence[tuple[str, float, float]], rule: str) -> Verdict:
    """(member, score of first, score of second) -> the jury's scores; majority counts votes on 1 to 10."""
    text = "; ".join(f"{name} {first:g}:{second:g}" for name, first, second in pairs)
    if rule == "mean":
        first, second = sum(p[1] for p in pairs), sum(p[2] for p in pairs)
        return Verdict(first / len(pairs), second / len(pairs), text)
    points = sum(1.0 if p[1] > p[2] else 0.5 if p[1] == p[2] else 0.0 for p in pairs) / len(pairs)
    return Verdict(1 + 9 * points, 10 - 9 * points, text)


def _pair(
    member: Judge, said: Mapping[str, Judgement], first: str, second: str
) -> tuple[str, float, float] | None:
    if member.kind in POINTWISE:
        grades = [said.get(f"{member.name}/{r}") for r in (first, second)]
        scores = [g.score_first if g and g.outcome is Outcome.OK else None for g in grades]
    else:
        game = said.get(member.name)
        scores = [game.score_first, game.score_second] if game else [None, None]
    if scores[0] is None or scores[1] is None:
        return None
    return member.name, scores[0], scores[1]


def open_bench(judge: Judge, models: Mapping[str, Contender]) -> JuryBench:
    return JuryBench(judge, models)
