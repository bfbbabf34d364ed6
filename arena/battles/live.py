"""A battle run while it goes on and after: its board, its true figures beside its plan, earlier runs."""

from __future__ import annotations

from dataclasses import dataclass

from arena import jobs
from arena.battles.fight import FightSettings, settings_of
from arena.battles.tally import ELO, POINTS, Tally, quick_fit
from arena.jobs import Job
from arena.records import Contender, Judge, TestSet, Winner
from arena.store import Store


@dataclass(frozen=True)
class Standing:
    """One contender's place on a run's board."""

    contender: str
    elo: float | None
    """Mean 1000; None while somebody won or lost everything, so that no rating exists."""
    width: float | None
    """Of the 95% interval, in Elo."""
    battles: int
    score: float
    """Share of points; a tie gives half."""


def board(store: Store, settings: FightSettings) -> list[Standing]:
    """The contenders of a run by the battles that count for it so far, best first.

    A quick look without clustering by instruction; the leaderboard page has the real intervals.
    """
    names = settings.contenders
    frame = store.query(
        "SELECT contender_a, contender_b, winner, count(*) AS times FROM battle "
        "WHERE judge = ? AND prompt_hash = (SELECT prompt_hash FROM judge WHERE name = ?) "
        "AND instruction IN (SELECT instruction FROM pick WHERE testset = ?) "
        "AND contender_a IN (SELECT unnest(?)) AND contender_b IN (SELECT unnest(?)) GROUP BY ALL",
        [settings.judge, settings.judge, settings.testset, list(names), list(names)],
    )
    tally = Tally(names)
    fought = dict.fromkeys(names, 0)
    points = dict.fromkeys(names, 0.0)
    for row in frame.iter_rows(named=True):
        a, b, times = row["contender_a"], row["contender_b"], int(row["times"])
        share = POINTS[Winner(row["winner"])]
        tally.add(a, b, share, times)
        for name, got in ((a, share), (b, 1 - share)):
            fought[name] += times
            points[name] += got * times
    fit = quick_fit(tally) if frame.height else None
    standings = [
        Standing(
            name,
            1000 + ELO * float(fit.theta[place]) if fit else None,
            float(fit.widths[place]) if fit else None,
            fought[name],
            points[name] / fought[name] if fought[name] else 0.0,
        )
        for place, name in enumerate(names)
    ]
    return sorted(standings, key=lambda s: (s.elo or 0.0, s.score), reverse=True)


@dataclass(frozen=True)
class Past:
    """One earlier run."""

    job: Job
    status: jobs.Status
    settings: FightSettings


def history(store: Store, most: int = 50) -> list[Past]:
    """Battle runs, newest first."""
    found = [job for job in jobs.jobs(store.home) if job.kind == "battle"][:most]
    return [Past(job, jobs.status(job), settings_of(job)) for job in found]


CANDIDATE = "would become a judge"


@dataclass(frozen=True)
class Choices:
    """What the launch form can offer."""

    testsets: tuple[tuple[str, int], ...]
    """Name and size."""
    contenders: tuple[str, ...]
    judges: tuple[tuple[str, str], ...]
    """Name and kind; contenders that could judge come last, with the kind CANDIDATE."""
    categories: tuple[str, ...]


def choices(store: Store, testset: str = "") -> Choices:
    categories = store.query(
        "SELECT DISTINCT category FROM instruction WHERE category <> '' "
        "AND id IN (SELECT instruction FROM pick WHERE testset = ?) ORDER BY category",
        [testset],
    )
    # What a newcomer can launch at once comes first: models that are here, judges that read, test sets.
    contenders = store.load(Contender, "NOT hidden", order="backend = 'recorded', name")
    judges = [(j.name, j.kind) for j in store.load(Judge, order="kind = 'code', recorded, name")]
    able = sorted(
        (c for c in contenders if c.backend != "recorded" and c.name not in dict(judges)),
        key=lambda c: c.options.get("role") != "judge",
    )
    return Choices(
        tuple((t.name, t.size) for t in store.load(TestSet, order="purpose <> 'test', made_at DESC")),
        tuple(c.name for c in contenders),
        (*judges, *((c.name, CANDIDATE) for c in able)),
        tuple(categories["category"]),
    )
