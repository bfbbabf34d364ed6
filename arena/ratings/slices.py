"""Which battles make a board, counted inside DuckDB, and a cache by content so pages answer at once."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import polars as pl

from arena.ratings.cells import Cells, count
from arena.ratings.leaderboard import DEFAULTS, Leaderboard, Settings, rate
from arena.records import BadInput
from arena.store import Store

T = TypeVar("T")
SOURCES = ("judged", "vote", "live", "imported")


@dataclass(frozen=True)
class Slice:
    """Battles to count; empty strings mean all."""

    testset: str = ""
    category: str = ""
    language: str = ""
    judge: str = ""
    source: str = ""
    """judged, live or imported; vote counts people's verdicts on battles instead of the judge's."""
    exclude_own_family: bool = False
    """Leave out battles in which the judge's own model, or its organisation's, takes part."""
    since: float | None = None
    """Seconds since 1970."""
    until: float | None = None
    contenders: tuple[str, ...] = ()
    """Only battles between these; empty for all."""
    without: str = ""
    """Leave this contender out."""
    without_judge: str = ""
    judged_too_by: str = ""
    """Only pairs of answers that this judge has also settled: for one judge against another."""

    @property
    def battles(self) -> str:
        """What a query reads: battle b, with its vote v when people's verdicts count."""
        return "vote v JOIN battle b ON b.id = v.battle" if self.source == "vote" else "battle b"

    @property
    def winner(self) -> str:
        """The column that says who won."""
        return "v.winner" if self.source == "vote" else "b.winner"

    def condition(self) -> tuple[str, list[object]]:
        """SQL over battle b (joined with its vote when people's verdicts count), with its parameters."""
        if self.source and self.source not in SOURCES:
            raise BadInput(f"There is no source {self.source!r}; choose one of {', '.join(SOURCES)}.")
        parts: list[tuple[str, list[object]]] = [
            ("b.instruction IN (SELECT instruction FROM pick WHERE testset = ?)", [self.testset]),
            ("b.category = ?", [self.category]),
            ("b.language = ?", [self.language]),
            (f"{'v.voter' if self.source == 'vote' else 'b.judge'} = ?", [self.judge]),
        ]
        chosen = [(sql, values) for sql, values in parts if values[0]]
        if self.source != "vote":
            # A vote on a judged battle may be kept as a battle too; people's verdicts are read from `vote`.
            chosen.append(("b.source = ?", [self.source]) if self.source else ("b.source <> 'vote'", []))
        for bound, sign in ((self.since, ">="), (self.until, "<")):
            if bound is not None:
                chosen.append((f"b.made_at {sign} ?", [bound]))
        if self.contenders:
            several = ", ".join("?" * len(self.contenders))
            chosen.append(
                (f"b.contender_a IN ({several}) AND b.contender_b IN ({several})", [*self.contenders] * 2)
            )
        if self.without:
            chosen.append(("b.contender_a <> ? AND b.contender_b <> ?", [self.without] * 2))
        if self.without_judge:
            chosen.append(("b.judge <> ?", [self.without_judge]))
        if self.judged_too_by:
            chosen.append((_JUDGED_TOO, [self.judged_too_by]))
        if self.exclude_own_family:
            chosen.append((_OTHERS_BATTLES, []))
        sql = " AND ".join(sql for sql, _ in chosen) or "true"
        return sql, [value for _, values in chosen for value in values]


ALL = Slice()

_JUDGED_TOO = """(b.response_a, b.response_b) IN (
    SELECT (response_a, response_b) FROM battle WHERE judge = ? AND response_a <> '' AND source = 'judged')"""

_OTHERS_BATTLES = """NOT EXISTS (
    SELECT 1 FROM judge j
    LEFT JOIN contender own ON own.name = j.contender
    LEFT JOIN contender side ON side.name IN (b.contender_a, b.contender_b)
    WHERE j.name = b.judge AND j.contender <> '' AND (
        j.contender IN (b.contender_a, b.contender_b)
        OR (own.organisation <> '' AND side.organisation = own.organisation)))"""

_GROUPED = """SELECT b.contender_a, b.contender_b, {winner} AS winner, {scores}
    count(*)::DOUBLE AS number, sum(b.weight) AS weight, sum(b.weight * b.weight) AS square
FROM {battles} WHERE {where} GROUP BY b.contender_a, b.contender_b, {winner} ORDER BY ALL"""

_SUMS = """coalesce(sum(b.score_a), 0.0) AS score_a, coalesce(sum(b.score_b), 0.0) AS score_b,
    coalesce(sum(b.score_a * b.score_a), 0.0) AS square_a,
    coalesce(sum(b.score_b * b.score_b), 0.0) AS square_b, count(b.score_a)::DOUBLE AS scored,"""

_SINGLE = """SELECT b.contender_a, b.contender_b, {winner} AS winner, {scores} b.instruction, b.weight
FROM {battles} WHERE {where}"""
# A (pair, outcome, instruction) holds about one battle, so grouping by instruction costs more than it saves:
# 1M battles 0.30 CPU s grouped, 0.11 as they are.

_SCORES = """coalesce(b.score_a, 0.0) AS score_a, coalesce(b.score_b, 0.0) AS score_b,
    coalesce(b.score_a * b.score_a, 0.0) AS square_a, coalesce(b.score_b * b.score_b, 0.0) AS square_b,
    (b.score_a IS NOT NULL)::DOUBLE AS scored,"""


def counted(store: Store, chosen: Slice, by_instruction: bool, scores: bool = False) -> pl.DataFrame:
    """Rows for `cells.count`: one a (pair, outcome), or one a battle where instructions matter."""
    where, params = chosen.condition()
    sql = (_SINGLE if by_instruction else _GROUPED).format(
        winner=chosen.winner,
        scores=(_SCORES if by_instruction else _SUMS) if scores else "",
        battles=chosen.battles,
        where=where,
    )
    return store.query(sql, params)


def day(text: str, after: bool = False) -> float | None:
    """Seconds since 1970 at the start of a day in UTC, or with `after` at its end; None for no text.

    Raises:
        BadInput: it is no day.
    """
    if not text.strip():
        return None
    try:
        start = dt.datetime.fromisoformat(text.strip()[:10]).replace(tzinfo=dt.UTC)
    except ValueError:
        raise BadInput(f"{text!r} is no day; write it as 2026-11-23.") from None
    return (start + dt.timedelta(days=after)).timestamp()


def as_day(seconds: float | None, after: bool = False) -> str:
    """The day that `day` reads as these seconds."""
    if seconds is None:
        return ""
    start = dt.datetime.fromtimestamp(seconds, dt.UTC) - dt.timedelta(days=after)
    return start.date().isoformat()


def cells(store: Store, chosen: Slice = ALL, by_instruction: bool = False, scores: bool = False) -> Cells:
    """The slice's counted battles, remembered until something is saved.

    Raises:
        BadInput: the slice holds no battle.
    """
    memory = _memory(store)
    key = ("cells", store.version, chosen, by_instruction, scores)
    if key not in memory.found:
        memory.keep(key, count(counted(store, chosen, by_instruction, scores), by_instruction))
    found: Cells = memory.found[key]
    return found


def board(store: Store, chosen: Slice = ALL, settings: Settings = DEFAULTS) -> Leaderboard:
    """The slice's leaderboard, remembered as long as its counted battles stay the same; with style
    control, until something is saved."""
    if settings.style_control:
        from arena.ratings import styled

        return remembered(store, ("styled", chosen, settings), lambda: styled.board(store, chosen, settings))
    by_instruction = settings.interval in ("instructions", "cluster-sandwich")
    battles = cells(store, chosen, by_instruction, settings.method == "mean-score")
    memory = _memory(store)
    key = ("board", content(battles), settings)
    if key not in memory.found:
        memory.keep(key, rate(battles, settings))
    found: Leaderboard = memory.found[key]
    return found


def content(battles: Cells) -> str:
    """Hash of everything a rating can depend on."""
    digest = hashlib.sha256("\0".join(battles.names).encode())
    for array in (battles.first, battles.second, battles.number, battles.weight, battles.scores):
        digest.update(array.tobytes())
    if battles.instructions is not None:
        for part in (battles.instructions.weight, battles.instructions.scores):
            for array in (part.indptr, part.indices, part.data):
                digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def iterations(store: Store) -> pl.DataFrame:
    """contender, parent, stage, iteration of every contender that the flywheel trained."""
    return store.query(
        "SELECT name AS contender, parent, stage, iteration FROM contender "
        "WHERE iteration IS NOT NULL OR parent <> '' ORDER BY iteration, made_at"
    )


def choices(store: Store) -> dict[str, list[str]]:
    """What a slice can be made of: values of testset, category, language, judge, source and contenders."""
    columns = {
        "category": "SELECT DISTINCT category FROM battle WHERE category <> ''",
        "language": "SELECT DISTINCT language FROM battle WHERE language <> ''",
        "judge": "SELECT DISTINCT judge FROM battle WHERE judge <> '' AND source <> 'vote'",
        "source": "SELECT DISTINCT source FROM battle UNION SELECT 'vote' FROM vote",
        "testset": "SELECT name FROM test_set WHERE purpose = 'test'",
        "contenders": "SELECT contender_a FROM battle UNION SELECT contender_b FROM battle",
    }
    return {name: sorted(store.query(sql).to_series().to_list()) for name, sql in columns.items()}


def facts(store: Store) -> pl.DataFrame:
    """contender, licence, organisation, tokens (mean of an answer), seconds: what stands beside a rating."""
    return store.query(
        "SELECT c.name AS contender, c.licence, c.organisation, r.tokens, r.seconds "
        "FROM contender c LEFT JOIN "
        "(SELECT contender, avg(tokens_out) AS tokens, avg(seconds) AS seconds FROM response "
        "WHERE outcome IN ('ok', 'truncated') GROUP BY contender) r ON r.contender = c.name ORDER BY c.name"
    )


def by_category(store: Store, chosen: Slice, settings: Settings) -> dict[str, Leaderboard]:
    """A board for each category that has battles, without intervals."""
    bare = replace(settings, interval="none", style_control=False)
    where, params = replace(chosen, category="").condition()
    found = store.query(
        f"SELECT DISTINCT b.category FROM {chosen.battles} WHERE {where} AND b.category <> '' ORDER BY 1",
        params,
    ).to_series()
    boards = {}
    for category in found:
        inside = replace(chosen, category=category)
        if settings.anchor and settings.anchor not in cells(store, inside).names:
            continue
        boards[category] = board(store, inside, bare)
    return boards


def remembered(store: Store, key: Hashable, work: Callable[[], T]) -> T:
    """What `work` gives, kept until something is saved in the store."""
    memory = _memory(store)
    whole = (key, store.version)
    if whole not in memory.found:
        memory.keep(whole, work())
    found: T = memory.found[whole]
    return found


class _Memory:
    """What was computed for one store, the oldest forgotten first."""

    def __init__(self, most: int = 64) -> None:
        self.found: dict[Hashable, Any] = {}
        self._most = most

    def keep(self, key: Hashable, value: object) -> None:
        self.found[key] = value
        while len(self.found) > self._most:
            self.found.pop(next(iter(self.found)), None)


_MEMORIES: WeakKeyDictionary[Store, _Memory] = WeakKeyDictionary()


def _memory(store: Store) -> _Memory:
    return _MEMORIES.setdefault(store, _Memory())
