"""What each pairing rule needs for an equally good board, on simulated truth; prints ratios.

    python benchmarks/pairing.py [--instructions 400] [--repeats 6]

30 contenders whose Elo has a spread (standard deviation) of 100 or 180; up to 15% ties; each pair of answers once.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from arena.battles.adaptive import balanced_pairs, newcomer, until_stable
from arena.battles.tally import ELO, Field, Meeting, Tally, meeting, quick_fit

CONTENDERS = 30
TIES = 0.15


class Truth:
    def __init__(self, spread: float, seed: int) -> None:
        self.names = tuple(f"m{n:02d}" for n in range(CONTENDERS))
        self.draw = np.random.default_rng(seed)
        values = self.draw.normal(0, spread / ELO, CONTENDERS)
        self.theta = dict(zip(self.names, values - values.mean(), strict=True))

    def fight(self, tally: Tally, one: Meeting) -> None:
        chance = 1 / (1 + np.exp(self.theta[one.b] - self.theta[one.a]))
        tie = TIES * 4 * chance * (1 - chance)  # close pairs tie more, and the expected points stay `chance`
        drawn = self.draw.random()
        points = 0.5 if drawn < tie else float(drawn < tie / 2 + chance)
        tally.add(one.a, one.b, points, one.weight)


def kendall(truth: Truth, tally: Tally) -> float:
    fit = quick_fit(tally)
    if fit is None:
        return 0.0
    real = np.array([truth.theta[name] for name in truth.names])
    x = np.sign(fit.theta[:, None] - fit.theta[None, :])
    y = np.sign(real[:, None] - real[None, :])
    upper = np.triu_indices(CONTENDERS, 1)
    return float((x * y)[upper].mean())


def spearman(truth: Truth, tally: Tally) -> float:
    fit = quick_fit(tally)
    if fit is None:
        return 0.0
    real = np.array([truth.theta[name] for name in truth.names]).argsort().argsort()
    d = fit.theta.argsort().argsort() - real
    return float(1 - 6 * (d**2).sum() / (CONTENDERS * (CONTENDERS**2 - 1)))


def popular(field: Field) -> Iterator[Meeting]:
    """Pairs drawn by popularity 1 / (rank + 1), as traffic on a public arena falls."""
    draw = random.Random(field.seed)
    weights = [1 / (place + 1) for place in range(len(field.contenders))]
    while True:
        a, b = draw.choices(field.contenders, weights, k=2)
        if a != b:
            yield meeting(draw.choice(field.instructions), a, b)


def uniform(field: Field) -> Iterator[Meeting]:
    draw = random.Random(field.seed)
    pairs = list(combinations(field.contenders, 2))
    while True:
        a, b = draw.choice(pairs)
        yield meeting(draw.choice(field.instructions), a, b)


def needed(truth: Truth, source: Iterator[Meeting], width: float, tau: float) -> tuple[int, int]:
    """Battles until the mean interval is this narrow, and until Kendall's tau with the truth is reached."""
    tally = Tally(truth.names)
    for_width = for_tau = 0
    for count, one in enumerate(source, 1):
        truth.fight(tally, one)
        if count % 150:
            continue
        fit = quick_fit(tally)
        if fit is None:
            continue
        if not for_width and fit.widths.mean() <= width:
            for_width = count
        if not for_tau and kendall(truth, tally) >= tau:
            for_tau = count
        if (for_width and for_tau) or count > 150_000:
            break
    return for_width or count, for_tau or count


def stopping(spread: float, instructions: tuple[str, ...], repeats: int) -> None:
    full = CONTENDERS * (CONTENDERS - 1) // 2 * len(instructions)
    counts, rhos, inside, intervals = [], [], 0, 0
    for seed in range(repeats):
        truth = Truth(spread, seed)
        field = Field(instructions, truth.names, seed=seed, stability=0.99, batch=150)
        tally, count = Tally(truth.names), 0
        for chunk in until_stable(field, tally):
            for one in chunk:
                truth.fight(tally, one)
            count += len(chunk)
        fit = quick_fit(tally)
        assert fit is not None
        counts.append(count)
        rhos.append(spearman(truth, tally))
        error = np.abs(fit.theta - np.array([truth.theta[n] for n in truth.names]))
        inside += int((error <= fit.widths / ELO / 2).sum())
        intervals += CONTENDERS
    print(
        f"  until-stable (.99): 1/{full / np.mean(counts):.0f} of the round robin's {full:,} battles, "
        f"Spearman {np.mean(rhos):.3f}, coverage of the 95% intervals {inside / intervals:.3f}"
    )


def placing(spread: float, instructions: tuple[str, ...], repeats: int) -> None:
    """Battles to place one strong newcomer within 60 Elo, Fisher-optimal against even opponents."""
    clever, even = [], []
    for seed in range(repeats):
        for adaptive, counts in ((True, clever), (False, even)):
            truth = Truth(spread, seed)
            star = truth.names[-1]
            truth.theta[star] = max(truth.theta.values()) + 100 / ELO
            tally = Tally(truth.names)
            for a, b in combinations(truth.names[:-1], 2):
                for _ in range(40):
                    truth.fight(tally, Meeting("", a, b))
            field = Field(instructions, truth.names, target=star, seed=seed, width=60.0)
            count = 0
            if adaptive:
                for chunk in newcomer(field, tally):
                    for one in chunk:
                        truth.fight(tally, one)
                    count += len(chunk)
            else:
                draw = random.Random(seed)
                while True:
                    for _ in range(20):
                        truth.fight(tally, meeting("", star, draw.choice(truth.names[:-1])))
                    count += 20
                    fit = quick_fit(tally)
                    if fit is not None and fit.widths[-1] <= 60:
                        break
            counts.append(count)
    print(
        f"  a strong newcomer within 60 Elo: even / Fisher-optimal opponents {np.mean(even) / np.mean(clever):.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instructions", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=6)
    arguments = parser.parse_args()
    instructions = tuple(f"i{n}" for n in range(arguments.instructions))
    for spread in (100.0, 180.0):
        print(f"spread {spread:.0f} Elo")
        rows: dict[str, list[tuple[int, int]]] = {"balanced": [], "random": [], "popularity": []}
        for seed in range(arguments.repeats):
            field = Field(instructions, Truth(spread, seed).names, seed=seed)
            sources = {
                "balanced": balanced_pairs(field),
                "random": uniform(field),
                "popularity": popular(field),
            }
            for name, source in sources.items():
                rows[name].append(needed(Truth(spread, seed), source, 60.0, 0.9))
        base = np.mean(rows["balanced"], axis=0)
        for name, found in rows.items():
            ratio = np.mean(found, axis=0) / base
            print(
                f"  {name}: {np.mean(found, axis=0)[0]:.0f} battles to a mean width of 60 Elo ({ratio[0]:.2f} of "
                f"balanced), {np.mean(found, axis=0)[1]:.0f} to Kendall tau .9 ({ratio[1]:.2f})"
            )
        stopping(spread, instructions, arguments.repeats)
        placing(spread, instructions, arguments.repeats)


if __name__ == "__main__":
    main()
