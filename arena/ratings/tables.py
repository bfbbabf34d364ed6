"""Ranking tables as files: ours, LMSYS's and FastChat's shapes, read into `Reference` rows and written."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from arena.ratings.leaderboard import Leaderboard
from arena.records import BadInput, Reference

COLUMNS: dict[str, tuple[str, ...]] = {
    "model": ("model", "name", "contender", "key", ""),
    "rating": ("rating", "arena_score", "arena score", "arena_elo", "elo", "score"),
    "low": ("low", "lower", "rating_q025", "q025"),
    "high": ("high", "upper", "rating_q975", "q975"),
    "reach": ("95_pct_ci", "95% ci"),
    "rank": ("rank", "final_ranking", "rank*", "rank* (ub)"),
    "votes": ("battles", "votes", "num_battles"),
    "organisation": ("organization", "organisation"),
    "licence": ("license", "licence"),
}
"""What we call a column -> what tables call it; the empty name is pandas' index."""

CSV_COLUMNS = ("model", "rating", "low", "high", "rank", "battles")
MOST_ROWS = 100_000


def read_table(path: Path, name: str = "", date: str = "") -> tuple[Reference, ...]:
    """The rows of a CSV table; low and high are absolute, LMSYS's "+3/-4" is added to the rating.

    Raises:
        BadInput: no model or rating column, a doubled name, a number that is none, ends that do not
            enclose the rating, or intervals for some rows only. Rows are counted without the header.
    """
    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
    return parse_table(text, path.name, name or path.stem, date or _date_of(path.stem))


def parse_table(text: str, file: str, name: str, date: str = "") -> tuple[Reference, ...]:
    """As `read_table`, of a text already read; `file` is what errors call it."""
    rows = csv.DictReader(io.StringIO(text, newline=""))
    found = {column.strip().lower(): column for column in rows.fieldnames or ()}
    columns = {
        ours: found[next(word for word in words if word in found)]
        for ours, words in COLUMNS.items()
        if any(word in found for word in words)
    }
    missing = [column for column in ("model", "rating") if column not in columns]
    if missing:
        raise BadInput(
            f"{file} has no column {' nor '.join(missing)}; a ranking needs "
            "model,rating,low,high,rank,battles "
            "or the LMSYS shape rank,model,arena_score,95_pct_ci,votes."
        )
    table = [_row(file, number, row, columns, name, date) for number, row in enumerate(rows, 1)]
    _check(file, table)
    return tuple(table)


def write_csv(board: Leaderboard) -> str:
    """The board as model,rating,low,high,rank,battles; what `read_table` reads."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in board.rows:
        ends = ["" if end is None else f"{end:.6f}" for end in (row.low, row.high)]
        writer.writerow([row.model, f"{row.rating:.6f}", *ends, row.rank, row.battles])
    return out.getvalue()


def as_table(board: Leaderboard, name: str = "ours") -> tuple[Reference, ...]:
    """A board as the rows that `consistency` compares."""
    return tuple(
        Reference(name, row.model, row.rating, row.low, row.high, row.rank, row.battles) for row in board.rows
    )


def _row(
    file: str, number: int, row: Mapping[str | None, str], columns: Mapping[str, str], name: str, date: str
) -> Reference:
    where = f"{file}, row {number}"
    if None in row or None in row.values():
        raise BadInput(f"{where} has another number of fields than the header.")
    values = {ours: row[column].strip() for ours, column in columns.items()}
    if not values["model"]:
        raise BadInput(f"{where} names no model.")
    where = f"{where} ({values['model']})"
    rating = _number(where, "rating", values["rating"])
    if rating is None:
        raise BadInput(f"{where} has no rating. Fill it in or remove the row.")
    low, high = _ends(where, rating, values)
    rank = _number(where, "rank", values.get("rank", ""))
    votes = _number(where, "number of battles", values.get("votes", ""))
    return Reference(
        name,
        values["model"],
        rating,
        low,
        high,
        None if rank is None else int(rank),
        None if votes is None else int(votes),
        values.get("organisation", ""),
        values.get("licence", ""),
        date,
    )


def _ends(where: str, rating: float, values: Mapping[str, str]) -> tuple[float | None, float | None]:
    low = _number(where, "low", values.get("low", ""))
    high = _number(where, "high", values.get("high", ""))
    if low is None and high is None and values.get("reach"):
        reach = re.fullmatch(r"\+(\d+(?:\.\d+)?)\s*/\s*-(\d+(?:\.\d+)?)", values["reach"])
        if not reach:
            raise BadInput(f"{where} has the interval {values['reach']!r}; write it as +3/-4.")
        low, high = rating - float(reach[2]), rating + float(reach[1])
    if (low is None) != (high is None):
        raise BadInput(f"{where} has only one end of its interval. Fill in both or none.")
    if low is not None and high is not None and not low - 1e-6 <= rating <= high + 1e-6:
        raise BadInput(f"{where}: the interval {low:g} to {high:g} does not hold the rating {rating:g}.")
    return low, high


def _number(where: str, what: str, text: str) -> float | None:
    if text in ("", "-"):
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadInput(f"{where} has the {what} {text!r}, which is no finite number.")
    return value


def _check(file: str, table: Sequence[Reference]) -> None:
    if not table:
        raise BadInput(f"{file} holds no row.")
    if len(table) > MOST_ROWS:
        raise BadInput(f"{file} has more than {MOST_ROWS:,} rows; that is no ranking of models.")
    seen: dict[str, int] = {}
    for number, row in enumerate(table, 1):
        if row.model in seen:
            raise BadInput(
                f"{file}, row {number} names {row.model} again (first in row {seen[row.model]}). Keep one."
            )
        seen[row.model] = number
    bare = [(number, row.model) for number, row in enumerate(table, 1) if row.low is None]
    if bare and len(bare) < len(table):
        number, model = bare[0]
        raise BadInput(
            f"{file}, row {number} ({model}) has no interval while others have one "
            f"({len(bare)} such rows). Fill it in or remove the row; "
            "a table without any interval is read too."
        )


def _date_of(stem: str) -> str:
    found = re.search(r"(20\d\d)(\d\d)(\d\d)", stem)
    return f"{found[1]}-{found[2]}-{found[3]}" if found else ""


def read_aliases(path: Path) -> dict[str, str]:
    """Our name -> the reference's, of a CSV with the columns ours,reference.

    Raises:
        BadInput: no such file or columns.
    """
    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        if not {"ours", "reference"} <= set(rows.fieldnames or ()):
            raise BadInput(f"{path.name} needs the columns ours,reference.")
        return {row["ours"].strip(): row["reference"].strip() for row in rows}


def ranked(table: Iterable[Reference]) -> list[Reference]:
    """Best first."""
    return sorted(table, key=lambda row: (-row.rating, row.model))
