"""The leaderboard over a million battles in the store: what the page's answer costs, part by part.

    python -m benchmarks.boards [--battles 1000000] [--home DIR]

"New slice" is the whole answer to a menu that nobody has chosen before: counting in DuckDB, the fit, 200 draws, the
matrix, the categories, all charts. "Cached" is the same question again. Wall milliseconds of this machine; CPU seconds
beside them, which a busy machine does not change.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from arena.ratings import slices  # noqa: E402 - threads are set before
from arena.ratings.leaderboard import Settings  # noqa: E402
from arena.ratings.slices import Slice  # noqa: E402
from arena.store import Store  # noqa: E402
from benchmarks.pages import make  # noqa: E402
from pages import leaderboard_views as views  # noqa: E402
from pages.leaderboard_menus import START  # noqa: E402

NEW: dict[str, dict[str, Any]] = {
    "all battles": {},
    "a category": {"category": "coding"},
    "a language": {"language": "de"},
    "a test set": {"testset": "bench-mix"},
    "days": {"until": "1970-01-05"},
    "the paper's interval": {"interval": "battles"},
    "the sandwich": {"interval": "sandwich"},
    "an anchor": {"anchor": "model-07"},
}


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall milliseconds and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return 1000 * (time.perf_counter() - wall), time.process_time() - cpu


def parts(store: Store) -> dict[str, Callable[[], object]]:
    """The steps of a new slice."""
    whole = Slice()
    return {
        "count pairs": lambda: slices.counted(store, whole, False),
        "count by instruction": lambda: slices.cells(store, Slice(until=9e9), True),
        "fit and 200 draws": lambda: slices.board(store, Slice(until=9e9), Settings()),
        "categories": lambda: slices.by_category(store, Slice(until=8e9), Settings()),
        "facts": lambda: slices.facts(store),
        "menus": lambda: slices.choices(store),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--battles", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, default=Path(tempfile.gettempdir()) / "wizardarena-bench-pages")
    words = parser.parse_args()
    with make(words.home / str(words.battles) / "home", words.battles) as store:
        for name, work in parts(store).items():
            wall, cpu = timed(work)
            print(f"{name:24}{wall:8.0f} ms{cpu:8.2f} CPU s", flush=True)
        print(f"\n{'the whole answer':24}{'new slice':>11}{'CPU s':>8}{'cached':>11}{'CPU s':>8}")
        for name, asked in NEW.items():
            values = tuple({**START, **asked}.values())
            first, first_cpu = timed(lambda v=values: views.whole(store, v, "wins"))  # type: ignore[misc]
            again, again_cpu = timed(lambda v=values: views.whole(store, v, "wins"))  # type: ignore[misc]
            print(f"{name:24}{first:8.0f} ms{first_cpu:8.2f}{again:8.0f} ms{again_cpu:8.2f}", flush=True)


if __name__ == "__main__":
    main()
