"""Ratings against the other libraries, all in one run: CPU seconds (user + system, warm, BLAS on one
thread), peak memory and the largest distance from the exact optimum in Elo.

Run: pip install arena-rank statsmodels evalica choix (in an environment of its own: arena-rank brings JAX and an
older numpy), then python -m benchmarks.ratings [--models 20 100 300] [--battles 10000 ... 10000000]
[--only WAY ...]. Every way runs in a fresh process; one that is not installed is said to be missing.

Rows: integers of models and outcomes, as arena-rank and evalica take them, made outside the clock.
Ours "store": the battles lie in DuckDB as in the app, with names, and are counted there.
FastChat's two ways are rebuilt as its notebook and its rating_systems.py describe them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

for name in (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
):
    os.environ.setdefault(name, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np  # noqa: E402 - threads are set before

POINTS = 400 / np.log(10)


def battles(models: int, number: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First, second (int32) and outcome 0 first won, 1 second won, 2 tied (int8); every pair alike likely."""
    random = np.random.default_rng(seed)
    strengths = random.normal(0, 0.8, models)
    a = random.integers(0, models, number, dtype=np.int32)
    b = ((a + random.integers(1, models, number)) % models).astype(np.int32)
    won = random.random(number) < 1 / (1 + np.exp(strengths[b] - strengths[a]))
    outcome = np.where(random.random(number) < 0.15, 2, np.where(won, 0, 1)).astype(np.int8)
    return a, b, outcome


def cells_of(models: int, a: np.ndarray, b: np.ndarray, outcome: np.ndarray):
    from arena.ratings.cells import count_codes

    return count_codes(tuple(f"m{k:04d}" for k in range(models)), a, b, outcome)


def ours(models: int, a, b, outcome) -> Callable[[], np.ndarray]:
    from arena.ratings import bradley_terry

    return lambda: bradley_terry.fit(cells_of(models, a, b, outcome))


def ours_store(models: int, a, b, outcome) -> Callable[[], np.ndarray]:
    import duckdb
    import polars as pl

    from arena.ratings import bradley_terry
    from arena.ratings.cells import count

    con = duckdb.connect()
    con.execute("SET threads = 1")
    names = pl.Series([f"m{k:04d}" for k in range(models)])
    words = pl.Series(["A", "B", "tie"])
    frame = pl.DataFrame(
        {
            "contender_a": names.gather(a),
            "contender_b": names.gather(b),
            "winner": words.gather(outcome.astype(np.int64)),
        }
    )
    con.register("frame", frame)
    con.execute("CREATE TABLE battle AS SELECT * FROM frame")
    con.unregister("frame")
    sql = "SELECT contender_a, contender_b, winner, count(*)::DOUBLE AS number FROM battle GROUP BY ALL"
    return lambda: bradley_terry.fit(count(con.sql(sql).pl()))


def ours_cells(models: int, a, b, outcome) -> Callable[[], np.ndarray]:
    """Refresh from a kept table of cells: fit and sandwich."""
    from arena.ratings import bradley_terry, intervals

    cells = cells_of(models, a, b, outcome)

    def run() -> np.ndarray:
        strengths = bradley_terry.fit(cells)
        intervals.sandwich(cells, strengths)
        return strengths

    return run


def ours_bootstrap(draws: int) -> Callable[..., Callable[[], np.ndarray]]:
    def make(models: int, a, b, outcome) -> Callable[[], np.ndarray]:
        from arena.ratings import intervals
        from arena.ratings.methods import METHODS, Options

        return lambda: np.median(
            intervals.rate_all(
                METHODS["bradley-terry"], cells_of(models, a, b, outcome), "battles", draws, Options()
            )[0],
            axis=0,
        )

    return make


def evalica_fit(models: int, a, b, outcome) -> Callable[[], np.ndarray]:
    import evalica
    import pandas as pd

    winners = np.array([evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw], dtype=object)[
        outcome
    ].tolist()
    left, right = a.tolist(), b.tolist()
    index = pd.Index(range(models))

    def run() -> np.ndarray:
        result = evalica.bradley_terry(left, right, winners, index=index, tolerance=1e-9, limit=10_000)
        return np.log(result.scores.loc[range(models)].to_numpy())

    return run


def evalica_names(models: int, a, b, outcome) -> Callable[[], np.ndarray]:
    """As its manual calls it: lists of names, which it indexes itself."""
    import evalica

    names = np.array([f"m{k:04d}" for k in range(models)])
    winners = np.array([evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw], dtype=object)[
        outcome
    ].tolist()
    left, right = names[a].tolist(), names[b].tolist()

    def run() -> np.ndarray:
        result = evalica.bradley_terry(left, right, winners, tolerance=1e-9, limit=10_000)
        return np.log(result.scores.sort_index().to_numpy())

    return run


def arena_rank_fit(models: int, a, b, outcome) -> Callable[[], np.ndarray]:
    import pandas as pd
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    names = np.array([f"m{k:04d}" for k in range(models)])
    frame = pd.DataFrame(
        {"model_a": names[a], "model_b": names[b], "winner": np.array(["model_a", "model_b", "tie"])[outcome]}
    )

    def run() -> np.ndarray:
        data = PairDataset.from_pandas(frame)
        model = BradleyTerry(n_competitors=len(data.competitors))
        model.fit(data)
        ratings = np.asarray(model.params["ratings"], dtype=float)
        order = np.argsort(np.asarray(data.competitors))
        spread = ratings[order]
        return spread if np.abs(spread).max() < 50 else spread / POINTS

    return run


def wins_matrix(models: int, a, b, outcome) -> np.ndarray:
    score = np.array([1.0, 0.0, 0.5])[outcome]
    wins = np.bincount(a.astype(np.int64) * models + b, score, models * models)
    wins += np.bincount(b.astype(np.int64) * models + a, 1 - score, models * models)
    return wins.reshape(models, models)


def choix_dense(models: int, a, b, outcome) -> Callable[[], np.ndarray]:
    import choix

    return lambda: choix.ilsr_pairwise_dense(wins_matrix(models, a, b, outcome), tol=1e-9, max_iter=1000)


def choix_bootstrap(draws: int) -> Callable[..., Callable[[], np.ndarray]]:
    def make(models: int, a, b, outcome) -> Callable[[], np.ndarray]:
        import choix

        def run() -> np.ndarray:
            wins = wins_matrix(models, a, b, outcome)
            random = np.random.default_rng(0)
            share = (wins / wins.sum()).ravel()
            drawn = [
                random.multinomial(len(a), share).reshape(models, models).astype(float) for _ in range(draws)
            ]
            return np.median([choix.ilsr_pairwise_dense(board, tol=1e-6) for board in drawn], axis=0)

        return run

    return make


def fastchat_onehot(models: int, a, b, outcome) -> Callable[[], np.ndarray]:
    """Each battle twice (a tie as a win each way), one-hot columns, logistic regression without penalty."""
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    def run() -> np.ndarray:
        rows = np.arange(len(a))
        x = sparse.csr_array(
            (np.r_[np.ones(len(a)), -np.ones(len(a))], (np.r_[rows, rows], np.r_[a, b])),
            shape=(len(a), models),
        )
        y = np.r_[outcome != 1, outcome == 0].astype(int)
        model = LogisticRegression(fit_intercept=False, C=np.inf, tol=1e-6, max_iter=1000)
        model.fit(sparse.vstack([x, x]).tocsr(), y)
        return model.coef_[0]

    return run


def fastchat_cells(models: int, a, b, outcome, weights: np.ndarray | None = None) -> Callable[[], np.ndarray]:
    """Unique (pair, outcome) rows by numpy.unique, then L-BFGS on them."""
    from scipy.optimize import minimize
    from scipy.special import expit

    def run() -> np.ndarray:
        rows = np.stack([a, b, outcome], axis=1)
        unique, number = np.unique(rows, axis=0, return_counts=True)
        return _lbfgs(models, unique, number.astype(float), minimize, expit)

    return run


def _lbfgs(models: int, unique: np.ndarray, number: np.ndarray, minimize, expit) -> np.ndarray:
    i, j = unique[:, 0], unique[:, 1]
    score = np.array([1.0, 0.0, 0.5])[unique[:, 2]]

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        gap = point[i] - point[j]
        chance = expit(gap)
        value = -(number * (score * gap - np.logaddexp(0, gap))).sum()
        residual = number * (chance - score)
        return value, np.bincount(i, residual, models) - np.bincount(j, residual, models)

    return minimize(
        loss, np.zeros(models), jac=True, method="L-BFGS-B", options={"gtol": 1e-6, "maxiter": 1000}
    ).x


def fastchat_bootstrap(draws: int) -> Callable[..., Callable[[], np.ndarray]]:
    def make(models: int, a, b, outcome) -> Callable[[], np.ndarray]:
        from scipy.optimize import minimize
        from scipy.special import expit

        def run() -> np.ndarray:
            unique, number = np.unique(np.stack([a, b, outcome], axis=1), axis=0, return_counts=True)
            random = np.random.default_rng(0)
            drawn = random.multinomial(len(a), number / number.sum(), size=draws)
            return np.median(
                [_lbfgs(models, unique, d.astype(float), minimize, expit) for d in drawn], axis=0
            )

        return run

    return make


def statsmodels_fit(models: int, a, b, outcome) -> Callable[[], np.ndarray]:
    """A binomial GLM on dense one-hot rows; only as far as memory allows."""
    import statsmodels.api as sm

    def run() -> np.ndarray:
        x = np.zeros((len(a), models))
        x[np.arange(len(a)), a] = 1
        x[np.arange(len(a)), b] = -1
        score = np.array([1.0, 0.0, 0.5])[outcome]
        fitted = sm.GLM(score, x[:, 1:], family=sm.families.Binomial()).fit(tol=1e-12)
        return np.r_[0.0, fitted.params]

    return run


RUNNERS: dict[str, Callable[..., Callable[[], np.ndarray]]] = {
    "ours, rows": ours,
    "ours, store": ours_store,
    "ours, kept cells + sandwich": ours_cells,
    "arena-rank": arena_rank_fit,
    "evalica": evalica_fit,
    "evalica, names": evalica_names,
    "choix dense": choix_dense,
    "FastChat one-hot": fastchat_onehot,
    "FastChat cells": fastchat_cells,
    "statsmodels": statsmodels_fit,
    "ours, 100 draws": ours_bootstrap(100),
    "choix dense, 100 draws": choix_bootstrap(100),
    "FastChat cells, 100 draws": fastchat_bootstrap(100),
    "ours, 1000 draws": ours_bootstrap(1000),
    "choix dense, 1000 draws": choix_bootstrap(1000),
}
LARGEST = {"statsmodels": 100_000, "FastChat one-hot": 1_000_000, "evalica, names": 1_000_000}
"""Most battles that a way gets, for its memory or time."""
WIDEST = {"statsmodels": 100, "FastChat cells, 100 draws": 100}
"""Most models, likewise."""


def one(name: str, models: int, number: int) -> None:
    """Run in this process and print a JSON line."""
    a, b, outcome = battles(models, number)
    try:
        run = RUNNERS[name](models, a, b, outcome)
    except ImportError as error:
        print(json.dumps({"missing": str(error)}))
        return
    best, extra = np.inf, 0.0
    for turn in range(4):  # the first is cold and counts only where another would take too long
        before = forget_peak()
        started = time.process_time()
        found = run()
        taken = time.process_time() - started
        best = taken if turn == 1 else min(best, taken)
        extra = (memory("VmHWM") - before) / 1024
        if best > 8:
            break
    print(json.dumps({"cpu": best, "extra_mb": extra, "strengths": (found - found.mean()).tolist()}))


def memory(what: str) -> float:
    """A figure of /proc/self/status in kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith(what)).split()[1])


def forget_peak() -> float:
    """Start the peak anew (Linux); memory now, kB."""
    Path("/proc/self/clear_refs").write_text("5")
    return memory("VmRSS")


def exact(models: int, number: int) -> np.ndarray:
    from arena.ratings import bradley_terry

    return bradley_terry.fit(cells_of(models, *battles(models, number)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, nargs="+", default=[20, 100, 300])
    parser.add_argument("--battles", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--only", nargs="+", default=list(RUNNERS), help="ways to run")
    parser.add_argument("--patience", type=int, default=300, help="most seconds for one way")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.one:
        one(words.one[0], int(words.one[1]), int(words.one[2]))
        return
    for models in words.models:
        for number in words.battles:
            print(f"\n{models} models, {number:,} battles")
            print(f"{'way':30}{'CPU s':>10}{'ratio to ours':>15}{'extra MB':>10}{'off optimum, Elo':>18}")
            optimum = exact(models, number)
            base: dict[str, float] = {}
            for name in words.only:
                if number > LARGEST.get(name, number) or models > WIDEST.get(name, models):
                    continue
                words_of_one = [sys.executable, __file__, "--one", name, str(models), str(number)]
                try:
                    done = subprocess.run(
                        words_of_one, capture_output=True, text=True, check=False, timeout=words.patience
                    )
                except subprocess.TimeoutExpired:
                    print(f"{name:30}took more than {words.patience} s", flush=True)
                    continue
                if done.returncode:
                    print(f"{name:30}failed: {(done.stderr.strip().splitlines() or ['killed'])[-1][:90]}")
                    continue
                result = json.loads(done.stdout.strip().splitlines()[-1])
                if "missing" in result:
                    print(f"{name:30}not installed ({result['missing']})")
                    continue
                kind = name.rpartition(", ")[2] if "draws" in name else "fit"
                base.setdefault(kind, result["cpu"])
                off = np.abs(np.array(result["strengths"]) - optimum).max() * POINTS
                print(
                    f"{name:30}{result['cpu']:>10.4f}{result['cpu'] / base[kind]:>15.1f}"
                    f"{result['extra_mb']:>10.0f}{off:>18.2e}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
