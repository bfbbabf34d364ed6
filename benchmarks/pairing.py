"""What each pairing rule needs for an equally good board, and whether its intervals hold, on simulated truth.

    python -m benchmarks.pairing [--instructions 400] [--repeats 40] [--spreads 100 180]

30 contenders whose Elo has a spread (standard deviation) of 100 or 180; up to 15% ties; each pair of answers is
judged once, in two calls. Prints calls for a mean 95% interval of 60 Elo and for a mean Kendall tau of .9.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = "1"  # fits of 30 contenders only lose time to a second thread

import numpy as np  # noqa: E402 - after the line above
import numpy.typing as npt  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from arena.battles.adaptive import balanced_pairs, newcomer, until_stable  # noqa: E402
from arena.battles.tally import ELO, Field, Floats, Meeting, QuickFit, Tally, meeting, quick_fit  # noqa: E402

CONTENDERS = 30
NAMES = tuple(f"m{n:02d}" for n in range(CONTENDERS))
PAIRS = list(combinations(range(CONTENDERS), 2))
TIES = 0.15
WIDTH, TAU = 60.0, 0.9
LOOKS = [int(2000 * 1.1**n) for n in range(30)]
"""Battles after which a board is looked at, to 31,000."""
KNOWN = 40
"""Battles of each pair that a newcomer finds fought."""
Meetings = npt.NDArray[np.int64]


class Truth:
    def __init__(self, spread: float, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        values = self.draw.normal(0, spread / ELO, CONTENDERS)
        self.theta = values - values.mean()

    def with_a_star(self) -> Truth:
        """The last contender is 100 Elo stronger than the best of the others."""
        self.theta[-1] = self.theta[:-1].max() + 100 / ELO
        self.theta -= self.theta.mean()
        return self

    def points(self, a: Meetings, b: Meetings) -> Floats:
        """Close pairs tie more, and the expected points stay those of Bradley and Terry."""
        chance = 1 / (1 + np.exp(self.theta[b] - self.theta[a]))
        tie = TIES * 4 * chance * (1 - chance)
        drawn = self.draw.random(len(a))
        return np.where(drawn < tie, 0.5, drawn < tie / 2 + chance)

    def fight(self, tally: Tally, chunk: list[Meeting]) -> None:
        a = np.array([int(one.a[1:]) for one in chunk])
        b = np.array([int(one.b[1:]) for one in chunk])
        for one, points in zip(chunk, self.points(a, b), strict=True):
            tally.add(one.a, one.b, float(points))

    def holds(self, fit: QuickFit) -> npt.NDArray[np.bool_]:
        return np.abs(fit.theta - self.theta) <= fit.widths / ELO / 2

    def kendall(self, fit: QuickFit) -> float:
        x = np.sign(fit.theta[:, None] - fit.theta[None, :])
        y = np.sign(self.theta[:, None] - self.theta[None, :])
        return float((x * y)[np.triu_indices(CONTENDERS, 1)].mean())

    def spearman(self, fit: QuickFit) -> float:
        d = fit.theta.argsort().argsort() - self.theta.argsort().argsort()
        return float(1 - 6 * (d**2).sum() / (CONTENDERS * (CONTENDERS**2 - 1)))


def enter(tally: Tally, a: Meetings, b: Meetings, points: Floats) -> None:
    """Many battles at once."""
    for row, column, gained in ((a, b, points), (b, a, 1 - points)):
        for sums, values in (
            (tally.battles, 1.0),
            (tally.points, gained),
            (tally.squares, gained**2),
        ):
            np.add.at(sums, (row, column), values)


def balanced(instructions: int, seed: int) -> Meetings:
    found = balanced_pairs(Field(tuple(map(str, range(instructions))), NAMES, seed=seed))
    return np.array([(int(m.a[1:]), int(m.b[1:])) for m, _ in zip(found, range(LOOKS[-1]), strict=False)])


def evenly(_instructions: int, seed: int) -> Meetings:
    return np.array(PAIRS)[np.random.default_rng(seed).integers(0, len(PAIRS), LOOKS[-1])]


def round_robin(_instructions: int, _seed: int) -> Meetings:
    """All pairs on the first instruction, on the second and so on."""
    return np.array(PAIRS * (LOOKS[-1] // len(PAIRS) + 1))[: LOOKS[-1]]


def popular(_instructions: int, seed: int) -> Meetings:
    """Both drawn by popularity 1 / (rank + 1), as traffic on a public arena falls."""
    share = 1 / np.arange(1, CONTENDERS + 1)
    drawn = np.random.default_rng(seed).choice(CONTENDERS, (2 * LOOKS[-1], 2), p=share / share.sum())
    return np.sort(drawn[drawn[:, 0] != drawn[:, 1]], axis=1)[: LOOKS[-1]]


def one_star(_instructions: int, _seed: int) -> Meetings:
    """The target against each of the rest, on one instruction after the other."""
    pairs = [(n, CONTENDERS - 1) for n in range(CONTENDERS - 1)]
    return np.array(pairs * (LOOKS[-1] // len(pairs) + 1))[: LOOKS[-1]]


RULES: dict[str, Callable[[int, int], Meetings]] = {
    "balanced random": balanced,
    "even random": evenly,
    "round robin, cut short": round_robin,
    "popularity": popular,
    "target against the rest": one_star,
}


@dataclass(frozen=True)
class Needs:
    """Battles to the wished width and tau, and how often intervals held the truth at every fifth look."""

    width: float
    tau: float
    coverage: float


def needs(rule: str, spread: float, instructions: int, repeats: int) -> Needs:
    widths = np.full((repeats, len(LOOKS)), np.inf)
    taus = np.zeros((repeats, len(LOOKS)))
    held: list[float] = []
    for seed in range(repeats):
        truth, tally, done = Truth(spread, seed), Tally(NAMES), 0
        meetings = RULES[rule](instructions, seed)
        points = truth.points(*meetings.T)
        for look, count in enumerate(LOOKS):
            enter(tally, *meetings[done:count].T, points[done:count])
            done = count
            fit = quick_fit(tally)
            if fit is not None:
                widths[seed, look] = fit.widths.mean()
                taus[seed, look] = truth.kendall(fit)
                if look % 5 == 0:
                    held.append(truth.holds(fit).mean())
    width, tau = crossing(-np.median(widths, axis=0), -WIDTH), crossing(taus.mean(axis=0), TAU)
    return Needs(width, tau, float(np.mean(held)))


def crossing(rising: Floats, wished: float) -> float:
    """Battles at which the curve first reaches the wish, between two looks on a logarithmic scale."""
    after = int((rising >= wished).argmax())
    if rising[after] < wished:
        return float("inf")
    if not after or not np.isfinite(rising[after - 1]):
        return float(LOOKS[after])
    part = (wished - rising[after - 1]) / (rising[after] - rising[after - 1])
    return float(LOOKS[after - 1] * (LOOKS[after] / LOOKS[after - 1]) ** part)


def compare(spread: float, instructions: int, repeats: int) -> None:
    full = len(PAIRS) * instructions
    print(f"  {'calls for':<26}{'width 60':>10}{'of full':>9}{'/ balanced':>12}", end="")
    print(f"{'tau .9':>10}{'of full':>9}{'/ balanced':>12}{'coverage':>10}")
    base: Needs | None = None
    for rule in RULES:
        found = needs(rule, spread, instructions, repeats)
        base = base or found
        line = f"  {rule:<26}"
        for count, least in ((found.width, base.width), (found.tau, base.tau)):
            line += f"{2 * count:>10,.0f}{'1/' + format(full / count, '.0f'):>9}{count / least:>12.2f}"
        print(f"{line}{found.coverage:>10.3f}", flush=True)


def stopping(spread: float, instructions: int, repeats: int) -> None:
    full = len(PAIRS) * instructions
    counts, rhos, held = [], [], []
    for seed in range(repeats):
        truth, tally, count = Truth(spread, seed), Tally(NAMES), 0
        field = Field(tuple(map(str, range(instructions))), NAMES, seed=seed, stability=0.99, batch=150)
        for chunk in until_stable(field, tally):
            truth.fight(tally, chunk)
            count += len(chunk)
        fit = quick_fit(tally)
        assert fit is not None
        counts.append(count)
        rhos.append(truth.spearman(fit))
        held.append(truth.holds(fit).mean())
    share = full / np.mean(counts)
    print(
        f"  until-stable (.99): {2 * np.mean(counts):,.0f} calls, 1/{share:.0f} of the full round robin; "
        f"Spearman {np.mean(rhos):.3f}, coverage {np.mean(held):.3f}",
        flush=True,
    )


def evenly_met(field: Field, tally: Tally) -> Iterator[list[Meeting]]:
    """A newcomer's opponents drawn evenly, with the same end."""
    draw = random.Random(field.seed)
    while True:
        yield [meeting("", field.target, draw.choice(NAMES[:-1])) for _ in range(20)]
        fit = quick_fit(tally)
        if fit is not None and fit.widths[-1] <= field.width:
            return


def placing(spread: float, instructions: int, repeats: int) -> None:
    """A strong newcomer within `WIDTH`: battles, and what its interval and rating are worth."""
    pairs = np.repeat(np.array(PAIRS)[[CONTENDERS - 1 not in pair for pair in PAIRS]], KNOWN, axis=0)
    counts: dict[str, float] = {}
    for rule, source in (("even opponents", evenly_met), ("newcomer", newcomer)):
        fought, held, errors = [], [], []
        for seed in range(repeats):
            truth, tally, count = Truth(spread, seed).with_a_star(), Tally(NAMES), 0
            enter(tally, *pairs.T, truth.points(*pairs.T))
            field = Field(tuple(map(str, range(instructions))), NAMES, NAMES[-1], seed, width=WIDTH)
            for chunk in source(field, tally):
                truth.fight(tally, chunk)
                count += len(chunk)
            fit = quick_fit(tally)
            assert fit is not None
            fought.append(count)
            held.append(truth.holds(fit)[-1])
            errors.append(float(fit.theta[-1] - truth.theta[-1]) * ELO)
        counts[rule] = float(np.mean(fought))
        print(
            f"  a strong newcomer within 60 Elo, {rule}: {2 * counts[rule]:,.0f} calls, coverage {np.mean(held):.3f}, "
            f"bias {np.mean(errors):+.1f} Elo (standard error {np.std(errors) / len(errors) ** 0.5:.1f})",
            flush=True,
        )
    print(f"  even / newcomer {counts['even opponents'] / counts['newcomer']:.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instructions", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--spreads", type=float, nargs="+", default=[100.0, 180.0])
    arguments = parser.parse_args()
    for spread in arguments.spreads:
        print(f"spread {spread:.0f} Elo")
        compare(spread, arguments.instructions, arguments.repeats)
        stopping(spread, arguments.instructions, arguments.repeats)
        placing(spread, arguments.instructions, 4 * arguments.repeats)


if __name__ == "__main__":
    main()
