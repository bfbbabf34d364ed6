"""A million battles in the browser: what a filter, a sort, the next battle and the middle of the list cost.

    python benchmarks/pages.py [--sizes 10000 100000 1000000] [--browser] [--home DIR]

Makes each store once (kept under --home), asks the server's questions of it, and with --browser drives
Chromium over the largest. Prints one table; times are wall milliseconds of this machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from arena.battles import browse
from arena.battles.browse import Filter
from arena.battles.panels import panels
from arena.records import Contender, Judge, TestSet
from arena.store import Store

CONTENDERS = 32
QUESTIONS = 2_000
TOPIC = "['maths', 'coding', 'writing', 'science', 'law', 'travel'][1 + {} % 6]"
TONGUE = "['en', 'de', 'ar'][1 + {} % 3]"
NAME = "'model-' || lpad({}::VARCHAR, 2, '0')"


def make(home: Path, battles: int) -> Store:
    """A store with this many judged battles of 32 contenders on 2,000 instructions; made once."""
    store = Store.open(home)
    have = store.query("SELECT count(*) FROM battle").item()
    if have == battles:
        return store
    store.save([Contender(f"model-{k:02d}", "recorded") for k in range(CONTENDERS)])
    store.save([Judge("judge-x", "scores"), TestSet("bench-mix", "mix", size=QUESTIONS)])
    with store._transaction() as cursor:  # the benchmark's own bulk load
        cursor.execute(
            "INSERT INTO instruction SELECT 'i' || k, ['Question ' || k || ' about ' || md5(k::VARCHAR)], "
            f"{TOPIC.format('k')}, {TONGUE.format('k')}, 'bench', [], '{{}}' FROM range({QUESTIONS}) t(k)"
        )
        cursor.execute(
            f"INSERT INTO pick SELECT 'bench-mix', 'i' || k, k, k % 50, k % 10 FROM range({QUESTIONS}) t(k)"
        )
        cursor.execute(
            f"INSERT INTO response SELECT 'r' || m || '-' || k, {NAME.format('m')}, 'i' || k, 's', 0, "
            "[repeat('An answer of model ' || m || ' to question ' || k || '. ', 20)], 'ok', 'stop', 20, "
            "80 + (m * k) % 200, .5, '', 'bench', 0 "
            f"FROM range({CONTENDERS}) a(m), range({QUESTIONS}) b(k)"
        )
        cursor.execute(
            f"INSERT INTO battle SELECT 'b' || n, 'i' || q, {NAME.format('a')}, {NAME.format('b')}, "
            "['A', 'B', 'tie'][1 + h % 3], 'judge-x', 'p', 'r' || a || '-' || q, 'r' || b || '-' || q, "
            "1 + h % 10, 1 + h // 10 % 10, (h % 10) - (h // 10 % 10), h % 7 = 0, 'judged', "
            f"{TOPIC.format('q')}, {TONGUE.format('q')}, 1, 'run-' || h % 5, false, n FROM (SELECT n, q, a, h, "
            f"31 - (n // {QUESTIONS * 31}) % (31 - a) AS b FROM (SELECT n, n % {QUESTIONS} AS q, "
            f"(n // {QUESTIONS}) % 31 AS a, (hash(n) % 1000)::INTEGER AS h FROM range({battles}) t(n)))"
        )
    return store


def times(ask: Callable[[int], object], repeats: int = 20) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds."""
    taken = []
    for turn in range(repeats):
        began = time.perf_counter()
        ask(turn)
        taken.append(1000 * (time.perf_counter() - began))
    return float(np.median(taken)), float(np.percentile(taken, 95))


def questions(store: Store, battles: int) -> dict[str, Callable[[int], object]]:
    """What the pages ask; each turn asks something the caches have not seen."""
    walk = Filter.of({"winner": "A"})
    ids = browse.window(store, walk, 0, 200)[1]["id"].to_list()
    pairs = [value for value, _ in browse.facets(store, Filter())[0].values]
    orders = list(browse.SORTS)

    def fresh(turn: int) -> None:
        browse._orders.clear()
        browse.window(store, Filter.of({"pair": pairs[turn % len(pairs)]}), 0, 60)

    def resort(turn: int) -> None:
        browse._orders.clear()
        browse.window(store, Filter.of({"sort": orders[turn % len(orders)]}), 0, 60)

    def first(turn: int) -> None:
        browse._orders.clear()
        browse.window(store, Filter(), 0, 60)

    return {
        "first rows": first,
        "filter by pair": fresh,
        "sort all": resort,
        "rows in the middle": lambda turn: browse.window(store, Filter(), battles // 2 + turn, 60),
        "next and previous": lambda turn: browse.neighbours(store, walk, ids[turn]),
        "open a battle": lambda turn: browse.detail(store, ids[turn]),
        "facets": lambda turn: browse.facets(store, Filter.of({"pair": pairs[turn % len(pairs)]})),
        "facets of all": lambda turn: browse.facets(store, Filter()),
        "panels": lambda turn: panels(store, Filter.of({"pair": pairs[turn % len(pairs)]})),
        "text search": lambda turn: browse.window(
            store, Filter.of({"text": f"question {900 + turn}."}), 0, 60
        ),
    }


def drive(home: Path) -> None:
    """Chromium over the largest store: first rows, the middle, the heap."""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import FLAGS, App

    app = App(home)
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(
                executable_path="/usr/bin/chromium", args=[*FLAGS.split(), "--enable-precise-memory-info"]
            )
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(app.url)
            page.wait_for_selector(".bar .theme", timeout=60_000)
            began = time.perf_counter()
            page.goto(f"{app.url}/battles")
            page.wait_for_selector("a.vrow", timeout=60_000)
            print(f"browser: page to first rows {1000 * (time.perf_counter() - began):.0f} ms")
            page.wait_for_selector(".battles-root[data-ready]", timeout=60_000)
            began = time.perf_counter()
            page.evaluate("document.querySelector('.vbody').scrollTop = 4e6")
            page.wait_for_function(
                "document.querySelectorAll('a.vrow').length > 5 && "
                "!document.querySelector('a.vrow').href.endsWith('b999999')",
                timeout=60_000,
            )
            print(f"browser: scroll to the middle {1000 * (time.perf_counter() - began):.0f} ms")
            for place in range(60):
                page.evaluate(f"document.querySelector('.vbody').scrollTop = {130_000 * place}")
                page.wait_for_timeout(30)
            heap = page.evaluate("performance.memory.usedJSHeapSize / 1048576")
            print(
                f"browser: heap after 60 jumps {heap:.0f} MB; rows in the page {page.locator('.vrow').count()}"
            )
            browser.close()
    finally:
        app.stop()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--home", type=Path, default=Path(tempfile.gettempdir()) / "wizardarena-bench-pages")
    parser.add_argument("--browser", action="store_true")
    arguments = parser.parse_args()
    table: dict[str, list[str]] = {}
    for size in arguments.sizes:
        with make(arguments.home / str(size) / "home", size) as store:
            for name, ask in questions(store, size).items():
                middle, late = times(ask)
                table.setdefault(name, []).append(f"{middle:7.0f} /{late:6.0f}")
    print(f"{'median / p95 ms':<20}" + "".join(f"{size:>16,}" for size in arguments.sizes))
    for name, cells in table.items():
        print(f"{name:<20}" + "".join(f"{cell:>16}" for cell in cells))
    if arguments.browser:
        drive(arguments.home / str(arguments.sizes[-1]) / "home")


if __name__ == "__main__":
    main()
