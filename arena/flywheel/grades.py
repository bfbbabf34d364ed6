"""MT-Bench's figure of a contender: the mean grade, 1 to 10, that a single-answer judge gave its answers."""

from __future__ import annotations

from dataclasses import dataclass

from arena.records import Outcome
from arena.store import Store


@dataclass(frozen=True)
class Grade:
    contender: str
    judge: str
    mean: float
    """Over instructions, of each instruction's mean over samples."""
    low: float | None
    """95% of the normal law over instructions; None with fewer than two."""
    high: float | None
    instructions: int


def grades(store: Store, testset: str = "", judge: str = "") -> list[Grade]:
    """One a contender and single-answer judge, the best first; empty names mean all."""
    frame = store.query(
        """
        WITH graded AS (
            SELECT r.contender, g.judge, g.instruction, avg(g.score_first) AS grade
            FROM judgement g
            JOIN judge j ON j.name = g.judge AND j.kind = 'single'
            JOIN response r ON r.id = g.first
            WHERE g.outcome = ? AND g.second = '' AND g.score_first IS NOT NULL
              AND (? = '' OR g.judge = ?)
              AND (? = '' OR g.instruction IN (SELECT instruction FROM pick WHERE testset = ?))
            GROUP BY ALL
        )
        SELECT contender, judge, avg(grade) AS mean, stddev_samp(grade) / sqrt(count(*)) AS error,
               count(*) AS instructions
        FROM graded GROUP BY ALL ORDER BY mean DESC, contender, judge
        """,
        [str(Outcome.OK), judge, judge, testset, testset],
    )
    return [_grade(**row) for row in frame.to_dicts()]


def _grade(contender: str, judge: str, mean: float, error: float | None, instructions: int) -> Grade:
    half = None if error is None else 1.96 * error
    low, high = (None, None) if half is None else (mean - half, mean + half)
    return Grade(contender, judge, mean, low, high, instructions)
