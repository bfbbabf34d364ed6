"""Pairings that look at the battles so far: stop when the board is good enough, place a newcomer cheaply.

Measured (benchmarks/pairing.py): clever choices of pairs save little over balanced random ones;
stopping saves most.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from arena.battles.tally import Field, Floats, Meeting, Tally, is_good_enough, meeting, quick_fit

EXPLORE = 0.2
"""Share of a newcomer's opponents drawn evenly, so that everybody is met: its rating hangs on nobody alone."""


def until_stable(field: Field, tally: Tally) -> Iterator[list[Meeting]]:
    """Balanced random pairs in batches, until width and stability are reached or the round robin is done."""
    pairs = balanced_pairs(field)
    batch = field.batch or max(30, 2 * len(field.contenders))
    if not field.width and not field.stability:
        yield from iter(lambda: _take(pairs, batch), [])
        return
    while chosen := _take(pairs, batch):
        yield chosen
        if is_good_enough(tally, field.width, field.stability, field.seed):
            return


def _take(pairs: Iterator[Meeting], count: int) -> list[Meeting]:
    return [one for one, _ in zip(pairs, range(count), strict=False)]


def balanced_pairs(field: Field) -> Iterator[Meeting]:
    """Every meeting of the round robin once, in an order in which at any time all have met about as often.

    Days of the circle method (each contender plays once a day) under fresh shuffles; each pair walks the
    instructions from an offset of its own.
    """
    draw = random.Random(field.seed)
    instructions = list(field.instructions)
    draw.shuffle(instructions)
    names = list(field.contenders)
    offsets: dict[tuple[str, str], int] = {}
    for lap in range(len(instructions)):
        draw.shuffle(names)
        for day in _circle(names):
            for x, y in day:
                pair = (min(x, y), max(x, y))
                start = offsets.setdefault(pair, draw.randrange(len(instructions)))
                yield meeting(instructions[(start + lap) % len(instructions)], x, y)


def _circle(names: list[str]) -> Iterator[list[tuple[str, str]]]:
    """The days of a round robin; with an odd number somebody rests each day."""
    seats: list[str | None] = [*names, None] if len(names) % 2 else list(names)
    n = len(seats)
    for _ in range(n - 1):
        pairs = ((seats[i], seats[n - 1 - i]) for i in range(n // 2))
        yield [(x, y) for x, y in pairs if x is not None and y is not None]
        seats = [seats[0], seats[-1], *seats[1:-1]]


def newcomer(field: Field, tally: Tally) -> Iterator[list[Meeting]]:
    """The target against whoever narrows its interval most, and every fifth time against anybody.

    Every battle weighs 1: whom to meet is chosen by results seen, which moves a maximum likelihood estimate by 2 to 4
    Elo of an interval of 60 and leaves its coverage (benchmarks/pairing.py), while weights of 1 / probability give
    the whole saving away. Ends when the target's interval is as narrow as `width` (default 60 Elo) or all its
    meetings are done.
    """
    draw = random.Random(field.seed)
    place = field.contenders.index(field.target)
    left = {n: list(field.instructions) for n, name in enumerate(field.contenders) if n != place}
    for instructions in left.values():
        draw.shuffle(instructions)
    batch = field.batch or 20
    while any(left.values()):
        known = _information(tally, place)
        chosen: list[Meeting] = []
        while len(chosen) < batch and (open_ones := [n for n, instructions in left.items() if instructions]):
            best = known.next(open_ones, draw) if known else draw.choice(open_ones)
            chosen.append(meeting(left[best].pop(), field.target, field.contenders[best]))
        yield chosen
        fit = quick_fit(tally)
        if fit is not None and fit.widths[place] <= (field.width or 60.0):
            return


@dataclass
class _Known:
    """How sure the strengths are by Fisher's information, and what one more meeting of the target adds."""

    place: int
    """The target's."""
    inverse: Floats
    """[n, n] covariance of the strengths."""
    each: Floats
    """[n] information in one meeting of the target with each, p (1 - p)."""

    def next(self, open_ones: list[int], draw: random.Random) -> int:
        """An opponent, whose meeting counts as fought from here on.

        It is the one after whom the target's variance is least (Sherman-Morrison): near in strength, and itself
        known well. Who is met again and again tells less, since its own strength becomes what is unsure.
        """
        away = self.inverse[self.place] - self.inverse  # [other, :] covariance of target - other with each
        reach = away[:, self.place]
        unsure = reach - away.diagonal()
        gain = self.each * reach**2 / (1 + self.each * unsure)
        best = max(open_ones, key=lambda n: float(gain[n]))
        if draw.random() < EXPLORE:
            best = draw.choice(open_ones)
        self.inverse -= np.outer(away[best], away[best]) * (
            self.each[best] / (1 + self.each[best] * unsure[best])
        )
        return best


def _information(tally: Tally, place: int) -> _Known | None:
    """None until the target has fought."""
    fit = quick_fit(tally, prior=0.2)
    if fit is None or not tally.battles[place].any():
        return None
    chance = 1 / (1 + np.exp(fit.theta - fit.theta[place]))
    return _Known(place, fit.inverse.copy(), chance * (1 - chance))
