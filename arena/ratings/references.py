"""Reference rankings that ship with the app: LMSYS's tables of several days, and the paper's own table."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from arena.ratings.tables import read_table
from arena.records import Alias, BadInput, Reference
from arena.store import Store

FOLDER = Path(__file__).parents[2] / "assets" / "reference"

PAPER_COLUMNS: dict[str, str] = {
    "lmsys_en_elo": "LMSYS English, June 2024 (paper)",
    "wa_diverse": "WizardArena Diverse (paper)",
    "wa_hard": "WizardArena Hard (paper)",
    "wa_mix": "WizardArena Mix (paper)",
    "mt_bench": "MT-Bench (paper)",
    "gpt4_judge": "WizardArena, judged by GPT-4 (paper)",
    "llama3_judge": "WizardArena, judged by Llama-3-70B (paper)",
    "both_judge": "WizardArena, judged by both (paper)",
}
"""Column of the paper's tables -> the name of the ranking it holds."""

PAPER_NOTE = "Figures printed in the paper (arXiv 2407.10627v1), not made by this arena."


@cache
def shipped() -> dict[str, tuple[Reference, ...]]:
    """Name -> rows of every ranking in assets/reference."""
    found = {
        f"LMSYS {rows[0].date}": rows
        for rows in (_lmsys(path) for path in sorted(FOLDER.glob("*table_2*.csv")))
    }
    found |= {
        f"LMSYS {rows[0].date}": rows
        for rows in (_lmsys(path) for path in sorted(FOLDER.glob("leaderboard_*.csv")))
    }
    return {**paper(), **found}


def _lmsys(path: Path) -> tuple[Reference, ...]:
    rows = read_table(path)
    return read_table(path, f"LMSYS {rows[0].date}", rows[0].date)


def paper() -> dict[str, tuple[Reference, ...]]:
    """The paper's rankings, each model with its interval where the paper prints one."""
    tables: dict[str, tuple[Reference, ...]] = {}
    for file in ("wizardarena_elo.csv", "wizardarena_judges.csv"):
        with (FOLDER / file).open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        for column, name in PAPER_COLUMNS.items():
            if rows and column in rows[0] and name not in tables:
                tables[name] = tuple(_paper_row(row, column, name) for row in rows if row[column])
    return tables


def _paper_row(row: Mapping[str, str], column: str, name: str) -> Reference:
    rating = float(row[column])
    stem = column.removesuffix("_elo").removesuffix("_judge")
    up, down = (row.get(f"{column}_{end}") or row.get(f"{stem}_{end}") for end in ("up", "down"))
    if column == "lmsys_en_elo":
        up, down = row["lmsys_en_up"], row["lmsys_en_down"]
    low, high = (rating - float(down), rating + float(up)) if up and down else (None, None)
    return Reference(name, row["model"], rating, low, high, date="2024-07", note=PAPER_NOTE)


def paper_printed() -> dict[str, dict[str, float]]:
    """Metric -> column -> percentage, as the paper prints its consistency table."""
    with (FOLDER / "wizardarena_consistency.csv").open(encoding="utf-8", newline="") as lines:
        return {
            row.pop("metric"): {name: float(value) for name, value in row.items() if value}
            for row in csv.DictReader(lines)
        }


def named(tables: Mapping[str, tuple[Reference, ...]], name: str) -> tuple[Reference, ...]:
    """A table by name.

    Raises:
        BadInput: there is none; the text lists those that are.
    """
    if name not in tables:
        raise BadInput(f"There is no ranking {name!r}. There are: {', '.join(tables)}.")
    return tables[name]


def rankings(store: Store) -> dict[str, tuple[Reference, ...]]:
    """Name -> rows of every ranking: those people brought, then those that ship."""
    brought: dict[str, list[Reference]] = {}
    for row in store.load(Reference, order='"table", rating DESC'):
        brought.setdefault(row.table, []).append(row)
    return {name: tuple(rows) for name, rows in brought.items()} | shipped()


def keep_table(store: Store, table: tuple[Reference, ...]) -> None:
    """Keep a ranking that somebody brought; one of the same name is replaced whole.

    Raises:
        BadInput: a shipped ranking has that name.
    """
    name = table[0].table
    if name in shipped():
        raise BadInput(f"{name!r} is the name of a ranking that ships with the app. Rename the file.")
    store.delete(Reference, '"table" = ?', [name])
    store.save(table)


def aliases(store: Store, table: str) -> dict[str, str]:
    """Our name -> its name in a ranking, as people said; empty where they said that it has none."""
    frame = store.query('SELECT contender, model FROM alias WHERE "table" = ?', [table])
    return dict(frame.iter_rows())


def keep_alias(store: Store, contender: str, table: str, model: str) -> None:
    """A person's word that a contender is known by that name; empty: that it has no counterpart."""
    store.save([Alias(contender, table, model)])
