"""What the launch page says of a run: its plan, its figures, the plan beside the truth, earlier runs."""

from __future__ import annotations

import time
from html import escape

from arena.battles import ledger
from arena.battles.live import Past, Standing
from arena.battles.plan import Plan, duration
from arena.jobs import Status

HEADERS = ["run", "started", "state", "test set", "contenders", "judge", "pairing", "calls", "battles"]


def plan_html(found: Plan) -> str:
    """The plan as a table: what each model still has to do."""
    rows = "".join(
        f"<tr><td>{escape(one.name)}</td><td>{one.calls:,} {one.role}</td>"
        f"<td>{one.planned - one.calls:,}</td>"
        f"<td>{one.tokens_in + one.tokens_out:,}</td><td>{duration(one.seconds)}</td>"
        f"<td>{'' if one.money is None else f'{one.money:.2f}'}</td></tr>"
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
        "<h2>The plan</h2>"
        f"<p>{found.instructions:,} instructions, {most}{found.meetings:,} battles{saved}.</p>"
        "<table><thead><tr><th>model</th><th>still to do</th><th>here already</th><th>tokens</th>"
        f"<th>time</th><th>money</th></tr></thead><tbody>{rows}</tbody></table>"
        f"<p><b>{found.calls:,} calls, {duration(found.seconds)}.</b> {people}</p>"
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
    rows = "".join(
        f"<tr><td>{escape(FIGURES.get(name, name))}</td><td class=num>{_number(value)}</td></tr>"
        for name, value in figures.items()
    )
    points = "".join(
        f"<tr><td>{escape(s.contender)}</td><td class=num>{s.battles:,}</td><td class=num>{s.score:.0%}</td>"
        f"<td class=num>{'' if s.elo is None else f'{s.elo:.0f}'}</td></tr>"
        for s in standings
    )
    error = f'<p class="note">{escape(status.error)}</p>' if status.error else ""
    return (
        f"<p>{escape(str(status.state))} {escape(status.phase)} {status.done:,} of {status.total:,}, "
        f"{status.rate:.2f} a second</p>{error}<table><tbody>{rows}</tbody></table>"
        "<table><thead><tr><th>contender</th><th>battles</th><th>points</th><th>Elo</th></tr></thead>"
        f"<tbody>{points}</tbody></table>"
    )


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, (int, float)) else escape(str(value))


def ledger_html(entries: list[ledger.Entry], status: Status) -> str:
    """The plan beside what came of it, once the run has ended; empty before."""
    if status.active or not entries:
        return ""
    rows = "".join(
        f"<tr><td>{escape(e.true.name)}</td><td>{e.true.role}</td>{_pair(e, 'calls')}{_pair(e, 'tokens')}"
        f"{_pair(e, 'seconds')}</tr>"
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
    return (
        "<h3>The plan and what came of it</h3><table><thead><tr><th>model</th><th></th>"
        "<th colspan=2>calls: planned, made</th><th colspan=2>tokens: planned, used</th>"
        f"<th colspan=2>seconds: planned, taken</th></tr></thead><tbody>{rows}</tbody></table>{told}"
    )


def _pair(entry: ledger.Entry, name: str) -> str:
    cells = [getattr(account, name) if account else None for account in (entry.planned, entry.true)]
    return "".join(f"<td class=num>{'' if value is None else f'{value:,.0f}'}</td>" for value in cells)


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
