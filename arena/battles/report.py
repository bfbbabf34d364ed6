"""Is the judge any good? Seats, flips, length, kinship, scores, and agreement with others and with people."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from arena.battles.agreement import Agreement, Share, agree
from arena.battles.control import Accuracy, control_accuracy
from arena.battles.instructions import check_testset
from arena.records import BadInput, Contender, Judge, Winner
from arena.store import Store

GAPS = ((0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 5.0), (5.0, 10.0))
"""Bins of the battle's margin, in points: low <= margin < high."""
NULL = "null"
"""A contender of this name answers a constant text and must come last."""
OF_SLICE = (
    "($testset = '' OR instruction IN (SELECT instruction FROM pick WHERE testset = $testset)) "
    "AND judge = $judge AND prompt_hash = $version"
)


@dataclass(frozen=True)
class Gap:
    """Battles whose margin lies in one bin."""

    low: float
    high: float
    flipped: Share


@dataclass(frozen=True)
class Kinship:
    """Whether the judge prefers its own model or family."""

    who: str
    """Contender, or the family's name."""
    share: Share
    """Points it gets from this judge."""
    elsewhere: Share
    """Points it gets on the same pairs from other judges and people; no battles: not known."""


@dataclass(frozen=True)
class JudgeReport:
    judge: Judge
    battles: int
    games: int
    unreadable: int
    first_seat: Share
    """Games won by the first seat, ties half; .5 is fair. No games for pointwise judges."""
    flips: Share
    gaps: tuple[Gap, ...]
    longer_wins: Share
    """Decided battles won by the longer answer."""
    ties: Share
    kinship: tuple[Kinship, ...]
    histogram: tuple[int, ...]
    """Scores given, rounded, 1 to 10."""
    agreements: tuple[Agreement, ...]
    control: Accuracy
    null: Share
    """Points of the null contender; no battles: it did not take part."""
    null_is_last: bool | None


def judge_report(store: Store, judge: str, testset: str = "") -> JudgeReport:
    """All figures of one judge's present version, on one test set or on all.

    Raises:
        BadInput: no such judge, or no such test set.
    """
    found = store.get(Judge, judge)
    if found is None:
        known = ", ".join(j.name for j in store.load(Judge, order="name"))
        raise BadInput(f"There is no judge {judge!r}; the arena has {known or 'none'}.")
    if testset:
        check_testset(store, testset)
    slice_: dict[str, object] = {"judge": judge, "version": found.prompt_hash, "testset": testset}
    games = store.query(
        "SELECT count(*) AS games, count(*) FILTER (outcome <> 'ok') AS unreadable, "
        "count(*) FILTER (outcome = 'ok' AND second <> '') AS pairs, "
        "coalesce(sum(CASE WHEN score_first > score_second THEN 1.0 WHEN score_first = score_second THEN 0.5 "
        "ELSE 0.0 END) FILTER (outcome = 'ok' AND second <> ''), 0) AS first_points "
        f"FROM judgement WHERE {OF_SLICE}",
        slice_,
    ).row(0, named=True)
    battles = _battles(store, slice_)
    decided = battles.filter(pl.col("winner").is_in(["A", "B"]) & (pl.col("length_a") != pl.col("length_b")))
    longer = decided.filter((pl.col("length_a") > pl.col("length_b")) == (pl.col("winner") == "A")).height
    flips = int(battles["flipped"].sum())
    null, is_last = _null(battles)
    return JudgeReport(
        judge=found,
        battles=battles.height,
        games=int(games["games"]),
        unreadable=int(games["unreadable"]),
        first_seat=Share(float(games["first_points"]), int(games["pairs"])),
        flips=Share(flips, battles.height),
        gaps=tuple(_gap(battles, low, high) for low, high in GAPS),
        longer_wins=Share(longer, decided.height),
        ties=Share(battles.filter(~pl.col("winner").is_in(["A", "B"])).height, battles.height),
        kinship=tuple(_kinship(store, found, battles)),
        histogram=_histogram(store, slice_),
        agreements=tuple(_agreements(store, slice_)),
        control=control_accuracy(store, judge),
        null=null,
        null_is_last=is_last,
    )


def _battles(store: Store, slice_: dict[str, object]) -> pl.DataFrame:
    """One row a battle: contenders, winner, margin, flipped, lengths of both answers in characters."""
    length = "list_sum(list_transform({}.answers, lambda t: length(t)))"
    return store.query(
        "SELECT b.id, b.contender_a, b.contender_b, b.winner, b.margin, b.flipped, b.response_a, b.response_b, "
        f"coalesce({length.format('x')}, 0)::BIGINT AS length_a, "
        f"coalesce({length.format('y')}, 0)::BIGINT AS length_b "
        f"FROM (SELECT * FROM battle WHERE source = 'judged' AND {OF_SLICE}) b "
        "LEFT JOIN response x ON x.id = b.response_a LEFT JOIN response y ON y.id = b.response_b",
        slice_,
    )


def _gap(battles: pl.DataFrame, low: float, high: float) -> Gap:
    margin = pl.col("margin").abs()
    inside = battles.filter((margin >= low) & (margin < high))
    return Gap(low, high, Share(int(inside["flipped"].sum()), inside.height))


def _histogram(store: Store, slice_: dict[str, object]) -> tuple[int, ...]:
    frame = store.query(
        "SELECT round(score)::INTEGER AS score, count(*) AS n FROM (SELECT score_first AS score, * FROM judgement "
        "UNION ALL SELECT score_second, * FROM judgement) "
        f"WHERE outcome = 'ok' AND score IS NOT NULL AND {OF_SLICE} GROUP BY 1",
        slice_,
    )
    counts = dict(frame.iter_rows())
    return tuple(int(counts.get(score, 0)) for score in range(1, 11))


def _points(battles: pl.DataFrame, names: set[str]) -> Share:
    """Points of these contenders against others."""
    a, b = pl.col("contender_a").is_in(list(names)), pl.col("contender_b").is_in(list(names))
    inside = battles.filter(a != b)
    if not inside.height:
        return Share(0, 0)
    won = inside.select(
        pl.when(pl.col("winner") == "A").then(1.0).when(pl.col("winner") == "B").then(0.0).otherwise(0.5)
    ).to_series()
    for_a = inside.select(a).to_series()
    return Share(float(sum(w if mine else 1 - w for w, mine in zip(won, for_a, strict=True))), inside.height)


def _kinship(store: Store, judge: Judge, battles: pl.DataFrame) -> list[Kinship]:
    own = store.get(Contender, judge.contender) if judge.contender else None
    if own is None:
        return []
    groups = {own.name: {own.name}}
    if own.organisation:
        family = store.load(Contender, "organisation = ?", [own.organisation])
        groups[f"family {own.organisation}"] = {c.name for c in family}
    elsewhere = store.query(
        "SELECT contender_a, contender_b, winner FROM battle WHERE judge <> ? AND response_a <> '' "
        "AND (response_a, response_b) IN (SELECT (response_a, response_b) FROM battle WHERE judge = ? "
        "AND prompt_hash = ?) UNION ALL SELECT b.contender_a, b.contender_b, v.winner FROM vote v "
        "JOIN battle b ON b.id = v.battle WHERE b.judge = ? AND b.prompt_hash = ?",
        [judge.name, judge.name, judge.prompt_hash, judge.name, judge.prompt_hash],
    )
    return [Kinship(name, _points(battles, who), _points(elsewhere, who)) for name, who in groups.items()]


def _agreements(store: Store, slice_: dict[str, object]) -> list[Agreement]:
    """Against every other judge of the same two answers, people's votes, and imported labels of the pair."""
    mine = f"(SELECT * FROM battle WHERE source = 'judged' AND {OF_SLICE})"
    frame = store.query(
        f"SELECT 'judge ' || o.judge AS other, m.winner AS mine, o.winner AS theirs FROM {mine} m JOIN battle o "
        "ON o.response_a = m.response_a AND o.response_b = m.response_b AND m.response_a <> '' "
        "AND o.source = 'judged' AND (o.judge <> m.judge OR o.prompt_hash <> m.prompt_hash) UNION ALL "
        f"SELECT 'votes of people', m.winner, v.winner FROM {mine} m JOIN vote v ON v.battle = m.id UNION ALL "
        f"SELECT 'imported ' || o.judge, m.winner, CASE WHEN o.contender_a = m.contender_a THEN o.winner "
        "WHEN o.winner = 'A' THEN 'B' WHEN o.winner = 'B' THEN 'A' ELSE o.winner END "
        f"FROM {mine} m JOIN battle o ON o.source = 'imported' AND o.instruction = m.instruction "
        "AND m.instruction <> '' AND least(o.contender_a, o.contender_b) = m.contender_a "
        "AND greatest(o.contender_a, o.contender_b) = m.contender_b",
        slice_,
    )
    found = []
    for other in sorted(set(frame["other"])):
        rows = frame.filter(pl.col("other") == other)
        pairs = [(Winner(m), Winner(t)) for m, t in zip(rows["mine"], rows["theirs"], strict=True)]
        found.append(agree(other, pairs))
    return found


def _null(battles: pl.DataFrame) -> tuple[Share, bool | None]:
    names = sorted({*battles["contender_a"], *battles["contender_b"]})
    if NULL not in names:
        return Share(0, 0), None
    shares = {name: _points(battles, {name}).value for name in names}
    return _points(battles, {NULL}), min(shares, key=lambda name: shares[name]) == NULL


def in_words(found: JudgeReport) -> str:
    """The report for a terminal."""

    def percent(share: Share) -> str:
        if not share.total:
            return "no data"
        low, high = share.interval
        return f"{share.value:.1%} ({low:.1%} to {high:.1%}, n = {share.total})"

    lines = [
        f"Judge {found.judge.name} ({found.judge.kind}, version {found.judge.prompt_hash})",
        f"  {found.control.sentence}",
        f"  {found.battles} battles, {found.games} judgements, {found.unreadable} unreadable or failed",
        f"  first seat wins {percent(found.first_seat)}; 50% is fair",
        f"  seat order flips the winner in {percent(found.flips)}",
        *(f"    margin {gap.low:g} to {gap.high:g}: {percent(gap.flipped)}" for gap in found.gaps),
        f"  the longer answer wins {percent(found.longer_wins)} of decided battles; ties {percent(found.ties)}",
        *(
            f"  {kin.who} gets {percent(kin.share)} of the points here, elsewhere {percent(kin.elsewhere)}"
            for kin in found.kinship
        ),
        "  scores 1 to 10: " + " ".join(str(count) for count in found.histogram),
        *(
            f"  with {a.other}: {percent(a.decided)} without ties, kappa {a.kappa:.2f} "
            f"({a.kappa_low:.2f} to {a.kappa_high:.2f})"
            for a in found.agreements
        ),
    ]
    if found.null_is_last is not None:
        words = "is last, as it must" if found.null_is_last else "is NOT last: don't trust this judge"
        lines.append(f"  the null contender gets {percent(found.null)} and {words}")
    return "\n".join(lines)
