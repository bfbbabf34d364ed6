"""What the launch page says of a run: its plan, its figures, the plan beside the truth, earlier runs."""

from __future__ import annotations

import time
from html import escape

from arena.battles import ledger
from arena.battles.live import Past, Standing
from arena.battles.plan import Plan, duration
from arena.jobs import Status
from pages.table import table

HEADERS = ["run", "started", "state", "test set", "contenders", "judge", "pairing", "calls", "battles"]


def plan_html(found: Plan) -> str:
    """The plan as a table: what each model still has to do."""
    rows = (
        (
            one.name,
            f"{one.calls:,} {one.role}",
            f"{one.planned - one.calls:,}",
            f"{one.tokens_in + one.tokens_out:,}",
            "" if one.seconds is None else duration(one.seconds).removeprefix("about "),
            "" if one.money is None else f"{one.money:.2f}",
        )
        for one in found.work
    )
    most = "at most " if found.at_most else ""
    saved = f", {found.saving.share:.0%} fewer than the round robin" if found.saving.share > 0 else ""
    people = (
        f"People would take about {found.people_days:.1f} days for as many votes, by the paper's count "
        "of 12 months for a million."
        if found.people_days >= 0.1
        else ""
    )
    return (
        f"<h2>The plan</h2><p>{found.instructions:,} instructions, {most}{found.meetings:,} battles{saved}.</p>"
        + table(("model", "to do", "here", "tokens", "time", "money"), rows, left=1)
        + f"<p><b>{found.calls:,} calls, {duration(found.seconds)}.</b> {people}</p>"
    )


FIGURES = {
    "calls": "calls to models",
    "tokens_in": "tokens read",
    "tokens_out": "tokens written",
    "tokens_per_second": "tokens a second",
    "battles": "battles settled",
    "budget": "budget of calls",
    "seconds": "seconds",
}
"""A figure of a run -> how the page calls it; failures come under their own names."""


def figures_html(status: Status, standings: list[Standing]) -> str:
    """The run's figures: rate, tokens, failures by kind, points."""
    figures = {name: value for name, value in status.figures.items() if name != "budget" or value}
    if status.started and (end := status.ended or time.time()):
        figures["seconds"] = round(end - status.started)
    points = (
        (s.contender, f"{s.battles:,}", f"{s.score:.0%}", "" if s.elo is None else f"{s.elo:.0f}")
        for s in standings
    )
    error = f'<p class="note">{escape(status.error)}</p>' if status.error else ""
    return (
        f"<p>{escape(str(status.state))} {escape(status.phase)} {status.done:,} of {status.total:,}, "
        f"{status.rate:.2f} a second</p>{error}"
        + table((), ((FIGURES.get(name, name), _number(value)) for name, value in figures.items()), left=1)
        + table(("contender", "battles", "points", "Elo"), points, left=1)
    )


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)


def ledger_html(entries: list[ledger.Entry], status: Status) -> str:
    """The plan beside what came of it; empty without entries, as while a run goes on."""
    if not entries:
        return ""
    rows = (
        (e.true.name, e.true.role, *(f"{_pair(e, name)}" for name in ("calls", "tokens", "seconds")))
        for e in entries
    )
    seconds = (status.ended or 0.0) - (status.started or 0.0)
    battles = status.figures.get("battles")
    pace = ledger.scale(battles if isinstance(battles, int) else 0, seconds)
    told = (
        f"<p class=muted>At this pace a million battles take {pace.days:,.1f} days. The paper counts "
        f"{pace.paper_days:.0f} days on 16 GPUs and {pace.people_days:.0f} days of people.</p>"
        if pace
        else ""
    )
    heads = ("model", "", "calls: plan, true", "tokens: plan, true", "seconds: plan, true")
    return f"<h3>The plan and what came of it</h3>{table(heads, rows, left=2)}{told}"


def _pair(entry: ledger.Entry, name: str) -> str:
    values = [getattr(account, name) if account else None for account in (entry.planned, entry.true)]
    return ", ".join("?" if value is None else f"{value:,.0f}" for value in values)


def history_rows(past: list[Past]) -> list[list[str]]:
    """One row a run, newest first."""
    return [
        [
            p.job.id,
            time.strftime("%Y-%m-%d %H:%M", time.localtime(p.job.created)),
            str(p.status.state),
            p.settings.testset,
            ", ".join(p.settings.contenders),
            p.settings.judge,
            p.settings.pairing,
            str(p.status.figures.get("calls", "")),
            str(p.status.figures.get("battles", "")),
        ]
        for p in past
    ] or [[""] * len(HEADERS)]
