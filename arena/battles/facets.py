"""The menus of the battles page: each value with its count under the rest of the filter."""

from __future__ import annotations

from dataclasses import dataclass

from arena.battles.browse import COLUMNS, FLAGS, GAPS, Filter, ask, select
from arena.store import Store


@dataclass(frozen=True)
class Facet:
    """One menu of the filter: its values with counts under the rest of the filter."""

    name: str
    values: list[tuple[str, int]]


def facets(store: Store, chosen: Filter, most: int = 40) -> list[Facet]:
    """Every menu with its counts under the rest of the filter."""
    found = [_facet(store, chosen, "pair", "contender_a || ' vs ' || contender_b", most)]
    found.append(_testsets(store, chosen))
    found += [_facet(store, chosen, name, f"battle.{name}", most) for name in COLUMNS]
    gap = "CASE " + " ".join(
        f"WHEN abs(margin) >= {low} AND abs(margin) < {high} THEN '{word}'"
        for word, (low, high) in GAPS.items()
    )
    found.append(_facet(store, chosen, "gap", f"{gap} END", most))
    rounds = store.query("SELECT name, run FROM round WHERE run <> ''")
    if rounds.height:
        runs = dict(next(f for f in found if f.name == "run").values)
        found.append(Facet("round", [(n, runs[r]) for n, r in rounds.iter_rows() if r in runs]))
    flags = ", ".join(f"count(*) FILTER ({condition}) AS {name}" for name, condition in FLAGS.items())
    row = select(store, chosen, flags).row(0, named=True)
    found += [Facet(name, [("yes", int(row[name]))]) for name in FLAGS]
    return [facet for facet in found if any(n for _, n in facet.values)]


def _facet(store: Store, chosen: Filter, name: str, column: str, most: int) -> Facet:
    frame = select(
        store,
        chosen,
        f"{column} AS value, count(*) AS n",
        f"GROUP BY 1 HAVING value IS NOT NULL AND value <> '' ORDER BY n DESC, value LIMIT {most}",
        without=name,
    )
    return Facet(name, [(str(value), int(n)) for value, n in frame.iter_rows()])


def _testsets(store: Store, chosen: Filter) -> Facet:
    where, params = chosen.where("testset")
    frame = ask(
        store,
        chosen,
        "SELECT testset, sum(n)::BIGINT AS n FROM pick JOIN (SELECT instruction, count(*) AS n FROM battle "
        f"WHERE {where} GROUP BY 1) b USING (instruction) GROUP BY 1 ORDER BY n DESC LIMIT 40",
        params,
    )
    return Facet("testset", [(str(value), int(n)) for value, n in frame.iter_rows()])
