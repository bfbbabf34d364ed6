"""What the home page tells: how much is here, who leads, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from arena.store import Store


@dataclass(frozen=True)
class Overview:
    """Counts along the data's way."""

    instructions: int
    testsets: int
    contenders: int
    responses: int
    judgements: int
    battles: int
    votes: int
    rounds: int
    checkpoints: int
    recorded: int
    """Battles that ship with the app."""
    judge: str
    """Judge of the latest battle; empty when there is none."""
    testset: str
    """The test set that most of that judge's battles are on."""


def overview(store: Store) -> Overview:
    counts = store.query(
        """
        SELECT (SELECT count(*) FROM instruction) AS instructions,
               (SELECT count(*) FROM test_set) AS testsets,
               (SELECT count(*) FROM contender WHERE NOT hidden) AS contenders,
               (SELECT count(*) FROM response) AS responses,
               (SELECT count(*) FROM judgement) AS judgements,
               (SELECT count(*) FROM battle) AS battles,
               (SELECT count(*) FROM vote) AS votes,
               (SELECT count(*) FROM round) AS rounds,
               (SELECT count(*) FROM contender WHERE stage <> '') AS checkpoints,
               (SELECT count(*) FROM battle WHERE recorded) AS recorded,
               coalesce((SELECT arg_max(judge, made_at) FROM battle WHERE source = 'judged'), '') AS judge
        """
    ).row(0, named=True)
    best = store.query(
        "SELECT p.testset FROM battle b JOIN pick p USING (instruction) JOIN test_set t ON t.name = p.testset "
        "WHERE b.judge = ? AND t.purpose = 'test' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
        [counts["judge"]],
    )
    return Overview(**counts, testset=best.item() if best.height else "")
