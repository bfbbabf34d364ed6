"""The family tree of checkpoints: who was trained from whom, by which stage."""

from __future__ import annotations

from collections import defaultdict

import polars as pl

from arena.store import Store

SCHEMA = {
    "depth": pl.Int64,
    "name": pl.String,
    "parent": pl.String,
    "stage": pl.String,
    "iteration": pl.Int64,
    "round": pl.String,
    "training_set": pl.String,
    "examples": pl.Int64,
    "battles": pl.Int64,
    "location": pl.String,
}


def lineage(store: Store) -> pl.DataFrame:
    """One row a contender that was trained or trained from, each below its parent; `depth` 0 is a root."""
    frame = store.query(
        """
        WITH fought AS (
            SELECT name, count(*) AS battles FROM (
                SELECT contender_a AS name FROM battle UNION ALL SELECT contender_b FROM battle
            ) GROUP BY name
        )
        SELECT c.name, c.parent, c.stage, c.iteration, c.round, coalesce(r.training_set, '') AS training_set,
               t.size AS examples, coalesce(f.battles, 0) AS battles, c.location
        FROM contender c
        LEFT JOIN round r ON r.name = c.round
        LEFT JOIN training_set t ON t.name = r.training_set
        LEFT JOIN fought f ON f.name = c.name
        WHERE c.parent <> '' OR c.name IN (SELECT parent FROM contender WHERE parent <> '')
        ORDER BY c.made_at, c.name
        """
    )
    known = set(frame["name"])
    children: dict[str, list[dict[str, object]]] = defaultdict(list)
    for row in frame.to_dicts():
        children[row["parent"] if row["parent"] in known else ""].append(row)
    ordered: list[dict[str, object]] = []

    def visit(parent: str, depth: int) -> None:
        for row in children.get(parent, []):
            ordered.append({"depth": depth, **row})
            visit(str(row["name"]), depth + 1)

    visit("", 0)
    return pl.DataFrame(ordered, schema=SCHEMA)
