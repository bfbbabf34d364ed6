"""The words of this room on the command line: leaderboard, consistency, report."""

from __future__ import annotations

import argparse
import math
import re
from dataclasses import asdict
from pathlib import Path

from arena.ratings import consistency, exhibits, read, slices, tables
from arena.ratings.cells import count
from arena.ratings.intervals import DRAWS, INTERVALS
from arena.ratings.leaderboard import DEFAULTS, INIT, Leaderboard, Settings, rate
from arena.ratings.methods import METHODS
from arena.records import BadInput, Json
from arena.store import Store
from arena.terminal import Subparsers, command, say, show


def add(commands: Subparsers) -> None:
    board = command(commands, "leaderboard", _leaderboard, "rank contenders by their battles")
    board.add_argument(
        "--battles", type=Path, help="a file of battles instead of the store's (.csv .jsonl .parquet)"
    )
    _slice_flags(board)
    _settings_flags(board)
    board.add_argument("--csv", action="store_true", help="print model,rating,low,high,rank,battles")
    held = command(commands, "consistency", _consistency, "hold one ranking against another")
    held.add_argument(
        "--ours", type=Path, required=True, help="CSV: model,rating,low,high,rank,battles, or LMSYS's shape"
    )
    held.add_argument("--reference", type=Path, required=True, help="CSV of the same shapes")
    held.add_argument("--aliases", type=Path, help="CSV with the columns ours,reference: who is who")
    held.add_argument("--close", type=float, help="only pairs at most so many points apart in the reference")
    held.add_argument("--top", type=int, help="only the reference's best K")
    held.add_argument("--draws", type=int, default=1000, help="bootstrap draws over models, 0 for none")
    held.add_argument("--seed", type=int, default=0)
    report = command(commands, "report", _report, "one HTML file (and PDF) of the board for stakeholders")
    report.add_argument(
        "--out", type=Path, default=Path("report.html"), help="file to write; .pdf makes the PDF too"
    )
    _slice_flags(report)
    _settings_flags(report)
    report.add_argument("--reference", default="", help="name of a reference ranking to compare with")
    report.add_argument(
        "--battle", action="append", default=[], metavar="ID", help="print this battle, repeatable"
    )
    report.add_argument(
        "--battles", type=int, default=exhibits.NUMBER, help="battles to print besides, by a rule"
    )
    report.add_argument("--battles-by", default="upsets", help=", ".join(exhibits.RULES))


def _slice_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--testset", default="", help="only battles on this test set")
    parser.add_argument("--judge", default="", help="only battles by this judge")
    parser.add_argument("--category", default="")
    parser.add_argument("--language", default="")
    parser.add_argument("--source", default="", help=", ".join(slices.SOURCES))
    parser.add_argument(
        "--exclude-own-family", action="store_true", help="without battles of the judge's own family"
    )

    parser.add_argument(
        "--since", default="", metavar="DAY", help="only battles from this day on, 2026-11-23"
    )
    parser.add_argument("--until", default="", metavar="DAY", help="only battles up to this day, inclusive")


def _settings_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--method", default="bradley-terry", help=", ".join(METHODS))
    parser.add_argument("--interval", default="instructions", help=", ".join(INTERVALS))
    parser.add_argument("--draws", type=int, default=DRAWS, help="bootstrap draws")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--anchor", default="", help="NAME=1100 holds a contender at a rating; else the mean is 1000"
    )
    parser.add_argument("--prior", type=float, help="tied battles with an average contender, given to each")
    parser.add_argument("--k", type=float, default=DEFAULTS.k, help="points a battle can move, for elo")
    parser.add_argument(
        "--style-control", action="store_true", help="hold length, headers, lists and bold equal"
    )


def _chosen(arguments: argparse.Namespace) -> slices.Slice:
    return slices.Slice(
        arguments.testset,
        arguments.category,
        arguments.language,
        arguments.judge,
        arguments.source,
        arguments.exclude_own_family,
        slices.day(arguments.since),
        slices.day(arguments.until, after=True),
    )


def _settings(arguments: argparse.Namespace) -> Settings:
    anchor, at = parse_anchor(arguments.anchor)
    return Settings(
        arguments.method,
        arguments.interval,
        arguments.draws,
        arguments.seed,
        anchor,
        at,
        arguments.prior,
        arguments.k,
        arguments.style_control,
    )


def _leaderboard(arguments: argparse.Namespace) -> None:
    settings = _settings(arguments)
    if arguments.battles:
        board = _board_of_file(arguments, settings)
    else:
        with Store.open(arguments.home) as store:
            board = slices.board(store, _chosen(arguments), settings)
    for line in (*(trouble.text for trouble in board.troubles), *board.notes):
        say(line)
    text = tables.write_csv(board) if arguments.csv else as_text(board)
    show(arguments, as_json(board), text.rstrip("\n"))


def _board_of_file(arguments: argparse.Namespace, settings: Settings) -> Leaderboard:
    of_store = ("testset", "source", "exclude_own_family", "since", "until")
    if any(getattr(arguments, name) for name in of_store):
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in of_store)
        raise BadInput(f"{flags} choose battles of the store; a file has no such facts. Leave them out.")
    frame = read.read_battles(arguments.battles)
    for name in ("judge", "category", "language"):
        wanted = getattr(arguments, name)
        if wanted and name not in frame.columns:
            raise BadInput(f"{arguments.battles.name} has no column {name}, so --{name} cannot choose.")
        frame = frame.filter(frame[name] == wanted) if wanted else frame
    repeated = read.repeats(frame) if "instruction" in frame.columns else 0
    if repeated:
        say(f"{repeated} rows repeat an earlier one in every column; each counts as a battle of its own.")
    return rate(
        count(frame, by_instruction=settings.interval in ("instructions", "cluster-sandwich")), settings
    )


def parse_anchor(text: str) -> tuple[str, float]:
    """'NAME=1100' -> (NAME, 1100); a name alone is held at 1000."""
    found = re.fullmatch(r"(.+)=([^=]*)", text)
    if not found:
        return text, INIT
    try:
        at = float(found[2])
    except ValueError:
        at = float("nan")
    if not math.isfinite(at):
        raise BadInput(f"The anchor {text!r} names no rating; write it as NAME=1100.")
    return found[1], at


def as_json(board: Leaderboard) -> Json:
    """The board as the command line and the report print it."""
    rows: list[Json] = [asdict(row) for row in board.rows]
    return {
        "rows": rows,
        "method": board.settings.method,
        "interval": board.settings.interval,
        "unit": board.unit,
        "battles": board.battles,
        "troubles": [
            {"kind": t.kind, "text": t.text, "mend": [list(pair) for pair in t.mend]} for t in board.troubles
        ],
        "notes": list(board.notes),
    }


def as_text(board: Leaderboard) -> str:
    """The board as columns for a terminal."""
    digits = METHODS[board.settings.method].digits
    lines = [
        f"{'rank':>5}  {'rating':>9}  {'interval':>21}  {'ranks':>7}  {'battles':>8}  {'won':>6}  contender"
    ]
    for row in board.rows:
        ends = "" if row.low is None or row.high is None else f"{row.low:.{digits}f} to {row.high:.{digits}f}"
        span = "" if row.rank_low is None else f"{row.rank_low}-{row.rank_high}"
        lines.append(
            f"{row.rank:>5}  {row.rating:>9.{digits}f}  {ends:>21}  {span:>7}  {row.battles:>8,}  "
            f"{row.win_rate:>6.1%}  {row.model}"
        )
    says = METHODS[board.settings.method].says
    lines.append(f"{board.battles:,} battles. {says}; {INTERVALS[board.settings.interval]}.")
    return "\n".join(lines)


def _consistency(arguments: argparse.Namespace) -> None:
    found = consistency.compare(
        tables.read_table(arguments.ours),
        tables.read_table(arguments.reference),
        tables.read_aliases(arguments.aliases) if arguments.aliases else None,
        close=arguments.close,
        top=arguments.top,
        draws=arguments.draws,
        seed=arguments.seed,
    )
    matching = found.matching
    for suggestion in matching.suggestions:
        say(f"{suggestion.ours} may be {suggestion.theirs}; --aliases can say so.")
    document: Json = {
        "metrics": {name: asdict(metric) for name, metric in found.metrics.items()},
        "models": [[a.model, b.model] for a, b in zip(found.ours, found.theirs, strict=True)],
        "unmatched": [*matching.unmatched_ours, *matching.unmatched_theirs],
        "unmatched_ours": list(matching.unmatched_ours),
        "unmatched_reference": list(matching.unmatched_theirs),
        "suggestions": [asdict(suggestion) for suggestion in matching.suggestions],
    }
    lines = [f"{len(found.ours)} models in both tables."]
    for name, metric in found.metrics.items():
        value = "not defined here" if metric.value is None else f"{metric.value:.4f}"
        counts = f"  {metric.numerator}/{metric.denominator}" if metric.numerator is not None else ""
        span = f"  [{metric.low:.4f}, {metric.high:.4f}]" if metric.low is not None else ""
        lines.append(f"{name:>16}  {value}{counts}{span}")
    for side, names in (("ours", matching.unmatched_ours), ("the reference", matching.unmatched_theirs)):
        if names:
            lines.append(f"Only in {side}: {', '.join(names)}")
    show(arguments, document, "\n".join(lines))


def _report(arguments: argparse.Namespace) -> None:
    from arena.ratings.report import write

    choice = exhibits.Choice(arguments.battles_by, arguments.battles, tuple(arguments.battle))
    with Store.open(arguments.home) as store:
        written = write(
            store, arguments.out, _chosen(arguments), arguments.reference, _settings(arguments), choice
        )
    show(arguments, {"files": [str(path) for path in written]}, "\n".join(str(path) for path in written))
