"""What the contenders page asks of the store."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from arena.records import BadInput, Contender
from arena.store import Store


def contenders(store: Store) -> pl.DataFrame:
    """Every contender, the youngest first: its facts, battles fought, and tokens a second of one call."""
    return store.query(
        """
        WITH fought AS (
            SELECT name, count(*) AS battles
            FROM (SELECT contender_a AS name FROM battle UNION ALL SELECT contender_b FROM battle)
            GROUP BY name
        ), speed AS (
            SELECT contender AS name, sum(tokens_out) / nullif(sum(seconds), 0) AS rate
            FROM response WHERE seconds > 0 GROUP BY contender
        )
        SELECT c.name, backend, licence, organisation, description, parent, stage, iteration, hidden, recorded,
               coalesce(battles, 0) AS battles, rate
        FROM contender c LEFT JOIN fought USING (name) LEFT JOIN speed USING (name)
        ORDER BY parent = '', made_at DESC, name
        """
    )


def hide(store: Store, name: str) -> None:
    """Take a contender out of the menus; what it fought stays.

    Raises:
        BadInput: there is none of this name.
    """
    held = store.get(Contender, name)
    if held is None:
        raise BadInput(f"There is no contender {name!r}.")
    store.save([replace(held, hidden=True)])
