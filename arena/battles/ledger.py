"""What a run was expected to cost, beside what it did cost: a plan is only as good as this page says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from arena.battles.fight import PLANNED, FightSettings, launch
from arena.battles.plan import PEOPLE_A_DAY, Plan, plan
from arena.jobs import Job
from arena.records import Json, Settings, from_json, to_json
from arena.store import Store

MILLION = 1_000_000
PAPER_DAYS = 9.0
"""The paper's million battles on 16 GPUs of 80 GB: 3 days of answers, 6 of judging (section 6)."""


@dataclass(frozen=True)
class Account:
    """Calls, tokens and seconds of one model, as planned or as they were."""

    name: str
    role: str
    """answers or judgements"""
    calls: int
    tokens: int
    seconds: float | None
    """By the wall clock; None where nothing tells it."""


@dataclass(frozen=True)
class Entry:
    planned: Account | None
    """None for runs that were launched without a plan."""
    true: Account


def launch_planned(store: Store, settings: FightSettings, found: Plan | None = None) -> Job:
    """Launch a run that remembers its plan.

    Raises:
        BadInput: as `fight.entrants` says.
    """
    return launch(store, settings, _accounts(found or plan(store, settings)))


def _accounts(found: Plan) -> list[Settings]:
    made = (
        Account(w.name, w.role, w.calls, w.tokens_in + w.tokens_out, w.seconds) for w in found.work if w.calls
    )
    return [cast("Settings", to_json(account)) for account in made]


def entries(store: Store, job: Job) -> list[Entry]:
    """Every model of a run, in the order in which it worked."""
    kept = job.settings.get(PLANNED)
    rows = cast("Sequence[dict[str, Json]]", kept) if isinstance(kept, list) else []
    planned = {(one.name, one.role): one for row in rows for one in [from_json(Account, row)]}
    true = {(one.name, one.role): one for one in _true(store, job.id)}
    return [
        Entry(planned.get(key), true.get(key) or Account(*key, 0, 0, None))
        for key in dict.fromkeys([*planned, *true])
    ]


def _true(store: Store, run: str) -> list[Account]:
    frame = store.query(
        """
        SELECT contender AS name, 'answers' AS role, count(*) AS calls, sum(tokens_in + tokens_out) AS tokens,
               max(made_at) - min(made_at) AS seconds, min(made_at) AS since
        FROM response WHERE run = $1 GROUP BY ALL
        UNION ALL
        SELECT judge, 'judgements', count(*), sum(tokens_in + tokens_out), max(made_at) - min(made_at), min(made_at)
        FROM judgement WHERE run = $1 GROUP BY ALL ORDER BY since
        """,
        [run],
    )
    return [
        Account(row["name"], row["role"], row["calls"], int(row["tokens"] or 0), row["seconds"])
        for row in frame.iter_rows(named=True)
    ]


@dataclass(frozen=True)
class Scale:
    """A million battles at the pace of a run, against the paper's two ways."""

    days: float
    people_days: float = MILLION / PEOPLE_A_DAY
    paper_days: float = PAPER_DAYS


def scale(battles: int, seconds: float) -> Scale | None:
    """None where nothing was fought."""
    return Scale(seconds / battles * MILLION / 86_400) if battles and seconds > 0 else None
