"""A bout: one settled battle with the texts that fought it, as selection needs it."""

from __future__ import annotations

from dataclasses import dataclass

from arena.records import BadInput, Outcome
from arena.store import Store


@dataclass(frozen=True)
class Bout:
    battle: str
    instruction: str
    turns: tuple[str, ...]
    category: str
    contender_a: str
    contender_b: str
    answers_a: tuple[str, ...]
    answers_b: tuple[str, ...]
    winner: str
    """A, B, tie or both_bad."""
    margin: float
    """score_a - score_b; for battles without scores (votes) +-1 by the winner, 0 for ties."""
    flipped: bool = False
    whole_a: bool = True
    """The answer ended by itself rather than at the token limit."""
    whole_b: bool = True
    difficulty: float | None = None
    picked: bool | None = None
    """A person put it in (True) or left it out (False) by hand."""


def read_bouts(
    store: Store,
    testset: str = "",
    judge: str = "",
    run: str = "",
    student: str = "",
    others: bool = True,
    most: int | None = None,
) -> list[Bout]:
    """The battles of a test set, judge, run or student with both answers' texts; empty names mean any.

    With a student, battles of others on the instructions that it fought on are read too, unless `others` is
    False: most selections learn nothing from them, and they are nearly all of a large arena.

    Raises:
        BadInput: no such battles, or more than `most`, which somebody waiting at a page would wait minutes for.
    """
    where, params = ["b.response_a <> ''", "b.response_b <> ''"], []
    if testset:
        where.append("b.instruction IN (SELECT instruction FROM pick WHERE testset = ?)")
        params.append(testset)
    if judge:
        where.append("b.judge = ?")
        params.append(judge)
    if run:
        where.append("b.run = ?")
        params.append(run)
    if student and not others:
        where.append("(b.contender_a = ? OR b.contender_b = ?)")
        params += [student, student]
    elif student:
        where.append(
            "b.instruction IN (SELECT instruction FROM battle WHERE contender_a = ? OR contender_b = ?)"
        )
        params += [student, student]
    if most is not None:
        found = store.query(f"SELECT count(*) FROM battle b WHERE {' AND '.join(where)}", params).item()
        if found > most:
            raise BadInput(
                f"{found:,} battles could teach here, too many to look at; choose a test set or judge with "
                f"at most {most:,}."
            )
    frame = store.query(
        f"""
        SELECT b.id AS battle, b.instruction, i.turns, i.category, b.contender_a, b.contender_b,
               ra.answers AS answers_a, rb.answers AS answers_b, b.winner,
               coalesce(b.margin, CASE b.winner WHEN 'A' THEN 1.0 WHEN 'B' THEN -1.0 ELSE 0.0 END) AS margin,
               b.flipped, ra.outcome = ? AS whole_a, rb.outcome = ? AS whole_b, d.difficulty, h.keep AS picked
        FROM battle b
        JOIN instruction i ON i.id = b.instruction
        JOIN response ra ON ra.id = b.response_a
        JOIN response rb ON rb.id = b.response_b
        LEFT JOIN (SELECT instruction, avg(score) AS difficulty FROM difficulty GROUP BY instruction) d
               ON d.instruction = b.instruction
        LEFT JOIN hand_pick h ON h.battle = b.id
        WHERE {" AND ".join(where)}
        ORDER BY b.id
        """,
        [str(Outcome.OK), str(Outcome.OK), *params],
    )
    if frame.is_empty():
        chosen = ", ".join(f"{k} {v!r}" for k, v in _chosen(testset, judge, run, student).items())
        raise BadInput(
            f"There are no battles with stored answers for {chosen or 'this arena'}; battle first."
        )
    return [_bout(row) for row in frame.iter_rows(named=True)]


def _chosen(testset: str, judge: str, run: str, student: str) -> dict[str, str]:
    names = {"test set": testset, "judge": judge, "run": run, "student": student}
    return {k: v for k, v in names.items() if v}


def _bout(row: dict[str, object]) -> Bout:
    lists = ("turns", "answers_a", "answers_b")
    return Bout(**{k: tuple(v) if k in lists else v for k, v in row.items()})  # type: ignore[arg-type]  # rows are typed by the query
