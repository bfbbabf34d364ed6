"""What a run would cost before it is launched: calls, tokens, time by measured rates, money by prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from arena.battles.fight import Entrants, FightSettings, entrants
from arena.battles.judges.game import POINTWISE
from arena.battles.pairing import ADAPTIVE, Saving, batches, size
from arena.battles.respond import RETRIED, USABLE
from arena.battles.tally import Meeting, Tally
from arena.records import Contender, Judgement, Response
from arena.store import Store

MOST_COUNTED = 60_000
"""Meetings whose games are looked up one by one (a second); above it all are taken as missing."""
CHARACTERS_A_TOKEN = 4.0
PROMPT_TOKENS = 250
"""Of a judge's prompt without instruction and answers, until history tells."""
PEOPLE_A_DAY = 2_777.0
"""Votes a day behind the paper's comparison: 1 million battles took people 12 months (section 6)."""


@dataclass(frozen=True)
class Work:
    """What one model would still have to do."""

    name: str
    role: str
    """answers or judgements"""
    calls: int
    planned: int
    """Calls the run needs in all, those made already included."""
    tokens_in: int
    tokens_out: int
    seconds: float | None
    """By the rate measured in this arena; None where it was never measured."""
    money: float | None
    """By `price_in` and `price_out` (a million tokens) of the contender's options; None without them."""


@dataclass(frozen=True)
class Plan:
    instructions: int
    meetings: int
    at_most: bool
    """True where the pairing may stop earlier."""
    saving: Saving
    work: tuple[Work, ...]

    @property
    def calls(self) -> int:
        return sum(one.calls for one in self.work)

    @property
    def tokens(self) -> int:
        return sum(one.tokens_in + one.tokens_out for one in self.work)

    @property
    def seconds(self) -> float | None:
        """Sum of the known times; None when a model with calls was never measured."""
        busy = [one for one in self.work if one.calls]
        known = [one.seconds for one in busy if one.seconds is not None]
        return sum(known) if len(known) == len(busy) else None

    @property
    def money(self) -> float | None:
        known = [one.money for one in self.work if one.money is not None]
        return sum(known) if known else None

    @property
    def people_days(self) -> float:
        """Days that as many human votes took in the paper."""
        return self.meetings / PEOPLE_A_DAY


@dataclass(frozen=True)
class _Pace:
    """Means a call from history."""

    tokens_in: float
    tokens_out: float
    seconds: float | None


def plan(store: Store, settings: FightSettings) -> Plan:
    """The run's size, cost and time as far as this arena can know them.

    Raises:
        BadInput: as `fight.entrants` says.
    """
    who = entrants(store, settings)
    field = settings.field(who.instructions)
    at_most = settings.pairing in ADAPTIVE
    meetings = size(settings.pairing, field)
    exact = [] if at_most or meetings > MOST_COUNTED else _meetings(settings, who)
    work = [_answers(store, settings, who, one, exact, at_most) for one in who.contenders]
    work.append(_judging(store, settings, who, exact, meetings))
    return Plan(
        len(who.instructions),
        meetings,
        at_most,
        Saving(meetings, size("round-robin", field)),
        tuple(work),
    )


def _meetings(settings: FightSettings, who: Entrants) -> list[Meeting]:
    field = settings.field(who.instructions)
    return [m for chunk in batches(settings.pairing, field, Tally(settings.contenders)) for m in chunk]


def _answers(
    store: Store,
    settings: FightSettings,
    who: Entrants,
    contender: Contender,
    exact: list[Meeting],
    at_most: bool,
) -> Work:
    sampling = settings.sampling_of(contender)
    if exact and not at_most:
        needed = {m.instruction for m in exact if contender.name in {m.a, m.b}}
    else:
        needed = {i.id for i in who.instructions}
    held = store.query(
        "SELECT instruction, count(*) AS n FROM response WHERE contender = ? AND sampling = ? AND sample < ? "
        "AND outcome NOT IN (SELECT unnest(?)) GROUP BY ALL",
        [contender.name, sampling.id, settings.samples, [str(o) for o in RETRIED]],
    )
    done = sum(count for instruction, count in held.iter_rows() if instruction in needed)
    planned = len(needed) * settings.samples
    questions = sum(len(t) for i in who.instructions for t in i.turns) / max(1, len(who.instructions))
    guess = _Pace(questions / CHARACTERS_A_TOKEN + 20, sampling.max_tokens * 0.6, None)
    pace = _history(store, "response", "contender = ? AND sampling = ?", (contender.name, sampling.id), guess)
    return _work(contender.name, "answers", planned - done, planned, pace, contender)


def _judging(
    store: Store, settings: FightSettings, who: Entrants, exact: list[Meeting], meetings: int
) -> Work:
    judge = who.judge
    pointwise = judge.kind in POINTWISE
    planned = (
        len(who.instructions) * len(who.contenders) * settings.samples
        if pointwise
        else 2 * meetings * settings.samples
    )
    key = (judge.name, judge.prompt_hash)
    held: set[str] = set()
    if exact:
        frame = store.query(
            "SELECT id FROM judgement WHERE judge = ? AND prompt_hash = ? AND outcome = 'ok'", key
        )
        held = set(frame["id"])
    done = 0
    if held:
        ids = _response_ids(settings, who)
        games = {
            Judgement.key(judge.name, judge.prompt_hash, ids[x, m.instruction, s], second)
            for m in exact
            for s in range(settings.samples)
            for x, y in ((m.a, m.b), (m.b, m.a))
            for second in ("" if pointwise else ids[y, m.instruction, s],)
        }
        planned, done = len(games), len(games & held)
    answer = sum(c.sampling.max_tokens for c in who.contenders) / len(who.contenders) * 0.6
    guess = _Pace(
        PROMPT_TOKENS + answer * (1 if pointwise else 2), 1 if judge.kind == "probability" else 60, None
    )
    free = judge.kind in {"code", "reward"}
    pace = _history(store, "judgement", "judge = ? AND prompt_hash = ?", key, guess)
    model = next(iter(who.models.values()), None)
    return _work(
        judge.name, "judgements", planned - done, planned, _Pace(0, 0, pace.seconds) if free else pace, model
    )


def _response_ids(settings: FightSettings, who: Entrants) -> Mapping[tuple[str, str, int], str]:
    return {
        (c.name, i.id, s): Response.key(c.name, i.id, settings.sampling_of(c).id, s)
        for c in who.contenders
        for i in who.instructions
        for s in range(settings.samples)
    }


def _history(store: Store, table: str, where: str, params: tuple[str, ...], guess: _Pace) -> _Pace:
    """Means a call, and seconds a call by the wall clock of the latest run that made at least five."""
    outcomes = [str(o) for o in USABLE]
    means = store.query(
        f"SELECT avg(tokens_in), avg(tokens_out), count(*) FROM {table} "
        f"WHERE {where} AND outcome IN (SELECT unnest(?))",
        [*params, outcomes],
    ).row(0)
    if not means[2]:
        return guess
    latest = store.query(
        f"SELECT (max(made_at) - min(made_at)) / (count(*) - 1), sum(seconds) / count(*) FROM {table} "
        f"WHERE {where} AND outcome IN (SELECT unnest(?)) "
        "GROUP BY run HAVING count(*) >= 5 ORDER BY max(made_at) DESC LIMIT 1",
        [*params, outcomes],
    )
    # An imported batch has one moment for all its rows: no rate can be read from it.
    seconds = float(latest.row(0)[0]) if latest.height and latest.row(0)[1] else None
    return _Pace(float(means[0]), float(means[1]), seconds)


def _work(name: str, role: str, calls: int, planned: int, pace: _Pace, model: Contender | None) -> Work:
    tokens_in, tokens_out = round(calls * pace.tokens_in), round(calls * pace.tokens_out)
    prices = [model.options.get(key) if model else None for key in ("price_in", "price_out")]
    money = None
    if any(isinstance(price, (int, float)) for price in prices):
        rates = [float(price) if isinstance(price, (int, float)) else 0.0 for price in prices]
        money = (tokens_in * rates[0] + tokens_out * rates[1]) / 1e6
    seconds = None if pace.seconds is None else calls * pace.seconds
    return Work(name, role, calls, planned, tokens_in, tokens_out, seconds, money)


def in_words(found: Plan) -> str:
    """The plan for a terminal."""
    lines = [
        f"{found.instructions} instructions, {'at most ' if found.at_most else ''}{found.meetings} battles"
        + (f" ({found.saving.share:.0%} fewer than the round robin)" if found.saving.share > 0 else "")
    ]
    for one in found.work:
        done = one.planned - one.calls
        lines.append(
            f"  {one.name}: {one.calls} {one.role} to make"
            + (f" ({done} are here already)" if done else "")
            + f", about {one.tokens_in + one.tokens_out:,} tokens, {duration(one.seconds)}"
            + (f", {one.money:.2f} by its prices" if one.money is not None else "")
        )
    lines.append(f"  in all {found.calls} calls, {duration(found.seconds)}")
    return "\n".join(lines)


def duration(seconds: float | None) -> str:
    """Seconds in a person's words."""
    if seconds is None:
        return "time not measured yet"
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
