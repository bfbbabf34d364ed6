"""One board: counted battles and settings in, ranked rows with intervals and plain words out."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

from arena.ratings import intervals, ranks, trouble
from arena.ratings.bradley_terry import DRAW_PRIOR
from arena.ratings.cells import Cells, Floats
from arena.ratings.intervals import DRAWS, INTERVALS
from arena.ratings.methods import METHODS, POINTS, Method, Options
from arena.ratings.trouble import Trouble
from arena.records import BadInput

INIT = 1000.0
FEW = 10
"""Battles below which resampling them says little about a contender."""


@dataclass(frozen=True)
class Settings:
    """Everything that makes a board out of cells."""

    method: str = "bradley-terry"
    interval: str = "instructions"
    draws: int = DRAWS
    seed: int = 0
    anchor: str = ""
    """Contender held at `anchor_at` in the point and in every draw; empty: the mean is held at 1000."""
    anchor_at: float = INIT
    prior: float | None = None
    """Tied battles of each contender with an average one; None: only where nothing finite comes out else."""
    k: float = 4.0
    """Online Elo's K."""
    style_control: bool = False
    """Hold length, headers, lists and bold equal; reads the answers' texts, so only the store can."""


DEFAULTS = Settings()


@dataclass(frozen=True)
class Row:
    """One contender's line."""

    model: str
    rating: float
    low: float | None
    high: float | None
    rank: int
    battles: int
    rank_low: int | None = None
    """Best place within the interval."""
    rank_high: int | None = None
    rank_ub: int | None = None
    """LMArena's rank: 1 + contenders whose interval lies above."""
    low_all: float | None = None
    """Interval that holds for all contenders at once."""
    high_all: float | None = None
    win_rate: float = 0.0
    """Share of its battles won, ties half."""


@dataclass(frozen=True, eq=False)
class Leaderboard:
    """A board; `values` and `draws` are in the order of `rows` and in the method's unit."""

    rows: tuple[Row, ...]
    settings: Settings
    unit: str
    battles: int
    troubles: tuple[Trouble, ...]
    notes: tuple[str, ...]
    """What a reader must know: priors, missing instructions, the kind of interval."""
    values: Floats
    draws: Floats | None
    """[draws, contenders]; None without intervals."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(row.model for row in self.rows)

    def place(self, name: str) -> int:
        """Position of a contender in `rows`."""
        return self.names.index(name)

    def duel(self, first: str, second: str) -> ranks.Duel:
        """How surely the first beats the second.

        Raises:
            BadInput: the board has no intervals.
        """
        if self.draws is None:
            raise BadInput("This board has no intervals. Choose one to compare two contenders.")
        points = POINTS if self.unit == "Elo" else None
        return ranks.duel(self.values, self.draws, self.place(first), self.place(second), points)


def rate(cells: Cells, settings: Settings = DEFAULTS) -> Leaderboard:
    """The board.

    Raises:
        BadInput: unknown method, interval or anchor; an interval the method has not; a prior of 0
            asked for on a board that has no answer without one.
    """
    method = _chosen(settings)
    with _one_thread().limit(limits=1, user_api="blas"):
        return _rated(cells, settings, method)


@cache
def _one_thread() -> ThreadpoolController:
    """Small matrices on a busy machine are 8-35x slower with two BLAS threads."""
    return ThreadpoolController()


def _chosen(settings: Settings) -> Method:
    if settings.method not in METHODS:
        raise BadInput(f"There is no rating method {settings.method!r}; choose one of {', '.join(METHODS)}.")
    if settings.interval not in INTERVALS:
        raise BadInput(f"There is no interval {settings.interval!r}; choose one of {', '.join(INTERVALS)}.")
    method = METHODS[settings.method]
    if settings.style_control:
        raise BadInput(
            "Style control reads the answers' texts, so it works on the store; import the battles first."
        )
    if "sandwich" in settings.interval and not method.sandwich:
        raise BadInput(
            f"The sandwich is known for bradley-terry only, not for {settings.method}; choose a bootstrap."
        )
    if settings.interval in ("battles", "instructions") and settings.draws < 2:
        raise BadInput(f"{settings.draws} bootstrap draws make no interval; ask for at least 2, better 100.")
    return method


def _rated(cells: Cells, settings: Settings, method: Method) -> Leaderboard:
    troubles = trouble.find(cells)
    prior, notes = _prior(settings, method, troubles)
    options = Options(prior, settings.k, seed=settings.seed)
    point = method.rate(cells, intervals.plain(cells), options).strengths[0]
    drawn, covariance, more = _drawn(cells, settings, method, options, point)
    values = _scaled(point[None], cells, settings, method)[0]
    draws = None if drawn is None else _scaled(drawn, cells, settings, method)
    if settings.interval == "battles" and draws is not None:
        values = np.median(draws, axis=0)
    low, high = _ends(values, draws, covariance, cells, settings)
    return _board(cells, settings, method, values, draws, low, high, troubles, (*notes, *more))


def _prior(
    settings: Settings, method: Method, troubles: tuple[Trouble, ...]
) -> tuple[float, tuple[str, ...]]:
    if settings.prior:
        return settings.prior, (
            f"A prior of {settings.prior:g} tied battles with an average contender each.",
        )
    if not troubles or not method.needs_whole:
        return 0.0, ()
    if settings.prior == 0:
        raise BadInput(
            "Without a prior this board has no finite ratings. " + " ".join(t.text for t in troubles)
        )
    note = (
        f"This board has no finite ratings of its own, so each contender was given {DRAW_PRIOR:g} tied "
        "battle with an average one. The ratings are shown only to have something to look at."
    )
    return DRAW_PRIOR, (note,)


def _drawn(
    cells: Cells, settings: Settings, method: Method, options: Options, point: Floats
) -> tuple[Floats | None, Floats | None, tuple[str, ...]]:
    """Draws of strengths, the sandwich's covariance, and notes on both."""
    notes: tuple[str, ...] = ()
    by_instruction = settings.interval in ("instructions", "cluster-sandwich")
    if by_instruction and cells.instructions is not None and cells.instructions.size == cells.battles:
        notes = ("No two battles share an instruction, so resampling instructions is resampling battles.",)
    if settings.interval == "none":
        return None, None, notes
    if "sandwich" in settings.interval:
        covariance = intervals.sandwich(cells, point, options.prior, by_instruction)
        return intervals.normal_draws(point, covariance, 2000, settings.seed), covariance, notes
    few = [name for name, met in zip(cells.names, cells.met(), strict=True) if met < FEW]
    if few:
        named = ", ".join(few[:5]) + (f" and {len(few) - 5} more" if len(few) > 5 else "")
        note = f"Fewer than {FEW} battles: {named}. Resampling so few makes an interval that is too narrow."
        notes += (note,)
    drawn, regularised = intervals.rate_all(method, cells, settings.interval, settings.draws, options)
    if regularised:
        note = (
            f"In {regularised} of {settings.draws} draws somebody was unbeaten or met nobody; those draws "
            f"were fitted with a prior of {DRAW_PRIOR:g} tied battle each."
        )
        notes += (note,)
    return drawn, None, notes


def _scaled(strengths: Floats, cells: Cells, settings: Settings, method: Method) -> Floats:
    """[draws, contenders] in the method's unit, the anchor held in every draw."""
    if method.unit != "Elo":
        if settings.anchor:
            raise BadInput(f"{settings.method} has no Elo scale to anchor. Leave the anchor out.")
        return strengths
    points = strengths * POINTS
    if not settings.anchor:
        centred: Floats = points - points.mean(axis=1, keepdims=True) + INIT
        return centred
    if settings.anchor not in cells.names:
        near = difflib.get_close_matches(settings.anchor, cells.names, 3)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise BadInput(f"The anchor {settings.anchor!r} has no battle in this slice.{hint}")
    held: Floats = points - points[:, [cells.names.index(settings.anchor)]] + settings.anchor_at
    return held


def _ends(
    values: Floats, draws: Floats | None, covariance: Floats | None, cells: Cells, settings: Settings
) -> tuple[Floats | None, Floats | None]:
    if draws is None:
        return None, None
    if covariance is None:
        low, high = intervals.ends(draws)
        return np.minimum(low, values), np.maximum(high, values)
    if settings.anchor:
        gap = np.eye(cells.size)
        gap[:, cells.names.index(settings.anchor)] -= 1
        covariance = gap @ covariance @ gap.T
    low, high = intervals.normal_ends(values, covariance * POINTS**2)
    return low, high


def _board(
    cells: Cells,
    settings: Settings,
    method: Method,
    values: Floats,
    draws: Floats | None,
    low: Floats | None,
    high: Floats | None,
    troubles: tuple[Trouble, ...],
    notes: tuple[str, ...],
) -> Leaderboard:
    place = ranks.ranks(values)
    met, won = cells.met(), cells.won()
    order = sorted(range(cells.size), key=lambda k: (-values[k], cells.names[k]))
    rows = [
        Row(
            cells.names[k], float(values[k]), None, None, int(place[k]), int(met[k]), win_rate=won[k] / met[k]
        )
        for k in order
    ]
    if draws is not None and low is not None and high is not None:
        span = ranks.rank_ends(draws)
        ub = ranks.rank_ub(values, low, high)
        every = intervals.simultaneous(draws, values)
        rows = [
            Row(
                row.model,
                row.rating,
                float(low[k]),
                float(high[k]),
                row.rank,
                row.battles,
                int(min(span[0, k], row.rank)),
                int(max(span[1, k], row.rank)),
                int(ub[k]),
                float(every[0, k]),
                float(every[1, k]),
                row.win_rate,
            )
            for k, row in zip(order, rows, strict=True)
        ]
    return Leaderboard(
        tuple(rows),
        settings,
        method.unit,
        cells.battles,
        troubles,
        notes,
        values[order],
        None if draws is None else draws[:, order],
    )
