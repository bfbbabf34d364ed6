"""Pairings that look at the battles so far: stop when the board is good enough, place a newcomer cheaply.

Measured (benchmarks/pairing.py): clever choices of pairs save little over balanced random ones;
stopping saves most.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np

from arena.battles.tally import Field, Floats, Meeting, Tally, is_good_enough, meeting, quick_fit

EXPLORE = 0.2
"""Share of a newcomer's opponents drawn evenly, which bounds the weights by 1 / 0.2."""


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
    """The target against opponents drawn by Fisher information p (1 - p), weighted by 1 / probability.

    With the weights the estimate is that of opponents drawn evenly. Ends when the target's interval is
    as narrow as `width` (default 60 Elo) or all its meetings are done.
    """
    draw = random.Random(field.seed)
    opponents = [name for name in field.contenders if name != field.target]
    place = field.contenders.index(field.target)
    others = [field.contenders.index(name) for name in opponents]
    left = {name: list(field.instructions) for name in opponents}
    for instructions in left.values():
        draw.shuffle(instructions)
    batch = field.batch or 20
    while any(left.values()):
        chances = opponent_chances(tally, place, others)
        chosen: list[Meeting] = []
        while len(chosen) < batch and any(left.values()):
            index = draw.choices(range(len(opponents)), chances.tolist())[0]
            name = opponents[index]
            if not left[name]:
                chances[index] = 0.0
                continue
            weight = 1 / (len(opponents) * chances[index])
            chosen.append(meeting(left[name].pop(), field.target, name, weight))
        yield chosen
        fit = quick_fit(tally)
        if fit is not None and fit.widths[place] <= (field.width or 60.0):
            return


def opponent_chances(tally: Tally, place: int, others: list[int]) -> Floats:
    """[m] probability of each opponent, proportional to p (1 - p) but for an even share of `EXPLORE`."""
    fit = quick_fit(tally, prior=0.2)
    even = np.full(len(others), 1 / len(others))
    if fit is None or not tally.weights[place].any():
        return even
    chance = 1 / (1 + np.exp(-(fit.theta[place] - fit.theta[others])))
    information = chance * (1 - chance)
    chances: Floats = EXPLORE * even + (1 - EXPLORE) * information / information.sum()
    return chances
