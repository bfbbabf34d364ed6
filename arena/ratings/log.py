"""Every contender that ever had a battle. Battles are never deleted and a removed contender is only hidden, so
nobody can try many versions of a model in private and show the best alone ("The Leaderboard Illusion", 2025)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from arena.ratings.snapshots import every
from arena.store import Store

_RATED = """WITH seat AS (
    SELECT contender_a AS name, judge, made_at FROM battle UNION ALL SELECT contender_b, judge, made_at FROM battle)
SELECT s.name, min(s.made_at) AS first, max(s.made_at) AS last, count(*) AS battles,
    count(DISTINCT s.judge) AS judges, coalesce(c.parent, '') AS parent, coalesce(c.hidden, false) AS hidden
FROM seat s LEFT JOIN contender c USING (name) GROUP BY ALL ORDER BY first, s.name"""


@dataclass(frozen=True)
class Rated:
    """One contender's line in the log; days are UTC."""

    name: str
    first: str
    last: str
    battles: int
    judges: int
    parent: str
    hidden: bool
    snapshots: int


def every_rated(store: Store) -> list[Rated]:
    """Everybody, the first to battle first."""
    frozen = [
        {row["model"] for row in snapshot.rows if isinstance(row, dict)}
        for snapshot in every(store)
        if isinstance(snapshot.rows, list)
    ]
    return [
        Rated(
            line["name"],
            _day(line["first"]),
            _day(line["last"]),
            line["battles"],
            line["judges"],
            line["parent"],
            line["hidden"],
            sum(line["name"] in names for names in frozen),
        )
        for line in store.query(_RATED).iter_rows(named=True)
    ]


def _day(seconds: float) -> str:
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%d %H:%M}"
