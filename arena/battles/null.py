"""A contender that answers everything with the same empty words: under a judge that reads, it comes last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from arena.battles.agreement import Share
from arena.battles.fight import FightSettings
from arena.battles.instructions import instructions_in
from arena.battles.report import NULL
from arena.records import BadInput, Contender, Judge, Response
from arena.store import Store

TEXT = "Thank you for this question. I have thought about it with care, and I hope that my answer helps you."


@dataclass(frozen=True)
class Row:
    """One contender among those that met the null contender."""

    name: str
    points: Share
    """Ties count half."""


@dataclass(frozen=True)
class NullReport:
    judge: str
    testset: str
    rows: tuple[Row, ...]
    """Most points first."""

    @property
    def is_last(self) -> bool:
        """Alone at the end: a tie with another contender is no pass."""
        *others, last = self.rows
        return last.name == NULL and all(one.points.value > last.points.value for one in others)


def settings(
    store: Store, judge: str, testset: str, contenders: Sequence[str] = (), limit: int = 0
) -> FightSettings:
    """A round robin of the null contender, added where it is missing, and the others.

    Args:
        contenders: none: all that have answered the test set with their own sampling.

    Raises:
        BadInput: a contender of that name is something else, no such test set or contender, or nobody has answered.
    """
    instructions_in(store, testset)
    names = [name for name in contenders or _who_answered(store, testset) if name != NULL]
    if not names:
        raise BadInput(f"Nobody has answered {testset!r}; name contenders that shall.")
    if lacking := [name for name in names if store.get(Contender, name) is None]:
        raise BadInput(f"There is no contender {lacking[0]!r}; `python -m arena contender list` names them.")
    found = store.get(Contender, NULL)
    if found is None:
        found = Contender(
            NULL, "scripted", options={"text": TEXT}, description="Always the same empty words."
        )
        store.save([found])
    if not found.options.get("text"):
        raise BadInput(f"The contender {NULL!r} is no null contender: it has no constant text.")
    return FightSettings(testset, (*names, NULL), judge, limit=limit)


def _who_answered(store: Store, testset: str) -> list[str]:
    where = "instruction IN (SELECT instruction FROM pick WHERE testset = ?)"
    known = {(one.name, one.sampling.id) for one in store.load(Contender, "NOT hidden")}
    answered = {(one.contender, one.sampling) for one in store.load(Response, where, [testset])}
    return sorted(name for name, _ in known & answered)


def null_report(store: Store, judge: Judge, fought: FightSettings) -> NullReport:
    """What these contenders got from each other by the judge's present version."""
    frame = store.query(
        "SELECT name, sum(got)::DOUBLE AS points, count(*) AS n FROM ("
        "SELECT unnest([contender_a, contender_b]) AS name, unnest(CASE winner WHEN 'A' THEN [1.0, 0.0] "
        "WHEN 'B' THEN [0.0, 1.0] ELSE [0.5, 0.5] END) AS got FROM battle WHERE source = 'judged' "
        "AND judge = $judge AND prompt_hash = $version AND list_contains($names, contender_a) "
        "AND list_contains($names, contender_b) "
        "AND instruction IN (SELECT instruction FROM pick WHERE testset = $testset)"
        ") GROUP BY name ORDER BY points / n DESC, name",
        {
            "judge": judge.name,
            "version": judge.prompt_hash,
            "names": list(fought.contenders),
            "testset": fought.testset,
        },
    )
    rows = tuple(Row(name, Share(points, n)) for name, points, n in frame.iter_rows())
    if NULL not in {row.name for row in rows}:
        raise BadInput(f"No battle of {NULL!r} could be settled; its run's log tells why.")
    return NullReport(judge.name, fought.testset, rows)


def in_words(found: NullReport) -> str:
    verdict = "last, as it must be" if found.is_last else "NOT last: don't trust this judge"
    lines = [f"{found.judge} on {found.testset}: the contender of constant empty words is {verdict}"]
    for row in found.rows:
        low, high = row.points.interval
        lines.append(
            f"  {row.name}: {row.points.value:.0%} ({low:.0%} to {high:.0%}, n = {row.points.total})"
        )
    return "\n".join(lines)
