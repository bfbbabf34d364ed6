"""How often 95% intervals hold the truth, over simulated boards: independent battles, and battles swayed
by their instructions, where resampling battles is not enough.

Run: python -m benchmarks.coverage [--boards 1000], or python -m benchmarks.coverage --laws for how far the laws
that the battle bootstrap draws counts from lie apart where it matters most, in the smallest cells drawn normally.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from arena.ratings import bradley_terry, intervals
from arena.ratings.cells import count
from arena.ratings.methods import METHODS, Options
from tests.ratings.boards import simulated

TRUTH = np.linspace(1, -1, 8)


def limit(sway: float, ties: float) -> np.ndarray:
    """What endless battles of this law come to, the truth an interval has to hold: ties and sway shrink
    strengths, so it is not TRUTH itself. Expected scores are exact up to 2,000 draws of the sway."""
    noise = np.random.default_rng(0).normal(0, sway * np.sqrt(2), 200_000) if sway else np.zeros(1)
    first, second = np.triu_indices(len(TRUTH), 1)
    score = [
        (1 - ties) * np.mean(1 / (1 + np.exp(-(TRUTH[i] - TRUTH[j] + noise)))) + ties / 2
        for i, j in zip(first, second, strict=True)
    ]
    cells = count(simulated(TRUTH, 20_000, 0))
    outcomes = np.stack([np.array(score), 1 - np.array(score), np.zeros(len(score))], axis=1)
    return bradley_terry.fit(cells, 0.0, outcomes)


def boards(
    number: int, battles: int, instructions: int, sway: float, ties: float, kinds: list[str]
) -> dict[str, float]:
    truth = limit(sway, ties)
    inside: dict[str, list[float]] = {kind: [] for kind in kinds}
    for seed in range(number):
        cells = count(simulated(TRUTH, battles, seed, ties, instructions, sway), by_instruction=True)
        point = bradley_terry.fit(cells)
        for kind in kinds:
            if "sandwich" in kind:
                low, high = intervals.normal_ends(
                    point, intervals.sandwich(cells, point, 0.0, kind != "sandwich")
                )
            else:
                drawn, _ = intervals.rate_all(METHODS["bradley-terry"], cells, kind, 200, Options(seed=seed))
                low, high = intervals.ends(drawn)
            inside[kind].append(float(((low <= truth) & (truth <= high)).mean()))
    return {kind: float(np.mean(found)) for kind, found in inside.items()}


def laws(draws: int = 40_000) -> None:
    """Ends of 95% intervals by multinomial, Poisson and our counts, on cells of about `ENOUGH` battles."""
    cells = count(simulated(TRUTH * 0.4, 3000, 0, 0.3))
    number = cells.number.ravel()
    total = int(number.sum())
    random = np.random.default_rng(0)
    drawn = {
        "multinomial": random.multinomial(total, number / total, size=draws).astype(np.float64),
        "multinomial again": random.multinomial(total, number / total, size=draws).astype(np.float64),
        "Poisson": random.poisson(number, (draws, len(number))).astype(np.float64),
        "ours": intervals._counts(number, draws, random).T,
    }
    found = {
        name: intervals.ends(bradley_terry.fit_draws(cells, table.reshape(draws, -1, 3)).strengths)
        for name, table in drawn.items()
    }
    low, high = found["multinomial"]
    share = float((number >= intervals.ENOUGH).mean())
    print(
        f"{draws:,} draws; cells of {number.min():.0f} to {number.max():.0f} battles, {share:.0%} drawn normally"
    )
    for name, ends in found.items():
        off = float((np.abs(ends - found["multinomial"]) / (high - low)).max())
        print(f"{name:20} ends at most {off:.2%} of the interval's width away from the multinomial's")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=int, default=1000)
    parser.add_argument("--laws", action="store_true")
    words = parser.parse_args()
    if words.laws:
        laws()
        return
    number = words.boards
    kinds = ["instructions", "battles", "sandwich", "cluster-sandwich"]
    print(f"{number} boards of 8 contenders, 3,000 battles; share of 95% intervals that hold the truth")
    for title, instructions, sway in (
        ("independent battles, 300 instructions", 300, 0.0),
        ("battles swayed by 300 instructions", 300, 1.0),
        ("battles swayed by 100 instructions", 100, 1.0),
    ):
        started = time.process_time()
        found = boards(number, 3000, instructions, sway, 0.15, kinds)
        said = "  ".join(f"{kind} {value:.3f}" for kind, value in found.items())
        print(f"{title:42}  {said}  ({time.process_time() - started:.0f} CPU s)", flush=True)


if __name__ == "__main__":
    main()
