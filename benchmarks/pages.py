"""A million battles in the browser: what a filter, a sort, the next battle and the middle of the list cost.

    python -m benchmarks.pages [--sizes 10000 100000 1000000] [--no-browser] [--home DIR]

Makes each store once (kept under --home), asks the server's questions of it, then drives Chromium over the
app on it. Prints one table and what misses its target; times are milliseconds of this machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arena.battles import browse, facets, readings, votes
from arena.battles.browse import Filter
from arena.battles.panels import panels
from arena.records import Contender, Judge, TestSet
from arena.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Page

CONTENDERS = 32
QUESTIONS = 2_000
TOPIC = "['maths', 'coding', 'writing', 'science', 'law', 'travel'][1 + {} % 6]"
TONGUE = "['en', 'de', 'ar'][1 + {} % 3]"
EXPLAINED = (
    "['The first answer is clearer and well structured', 'The second makes a wrong calculation', "
    "'Both are verbose and ramble', 'The first follows the requested format', 'The second repeats itself']"
)
SAYINGS = 5
FIRST_ROWS, P95, HEAP = 1000, 200, 150
"""Targets: milliseconds to the first rows in the browser and of a question's 95th percentile; megabytes."""
AIMED = (
    "first rows",
    "filter by pair",
    "sort all",
    "rows in the middle",
    "next and previous",
    "open a battle",
)
"""Questions that somebody waits for at every step; menus, panels and searches fill in after the rows."""
NAME = "'model-' || lpad({}::VARCHAR, 2, '0')"


def make(home: Path, battles: int) -> Store:
    """A store with this many judged battles of 32 contenders on 2,000 instructions; made once."""
    store = Store.open(home)
    have = store.query("SELECT (SELECT count(*) FROM battle), (SELECT count(*) FROM judgement)").row(0)
    if have == (battles, 2 * battles):
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
        # Two games a battle, as a judge in both seat orders leaves them, explained in a few words.
        for order, (first, second) in enumerate((("a", "b"), ("b", "a"))):
            cursor.execute(
                f"INSERT INTO judgement SELECT 'j{order}' || id, judge, prompt_hash, instruction, "
                f"response_{first}, response_{second}, score_{first}, score_{second}, "
                f"{EXPLAINED}[1 + (hash(id) % {SAYINGS})::INTEGER] || ' in ' || category, "
                "'ok', '', 300, 60, 1.5, run, made_at FROM battle"
            )
    return store


@dataclass(frozen=True)
class Cost:
    """Milliseconds of one question over its repeats."""

    median: float
    late: float
    """95th percentile of the wall clock."""
    cpu: float
    """Median over all threads, which other work on the machine does not stretch."""

    def __str__(self) -> str:
        return f"{self.median:.0f} / {self.late:.0f} ({self.cpu:.0f})"


def times(ask: Callable[[int], object], repeats: int = 20) -> Cost:
    wall, cpu = [], []
    for turn in range(repeats):
        began, spent = time.perf_counter(), time.process_time()
        ask(turn)
        wall.append(1000 * (time.perf_counter() - began))
        cpu.append(1000 * (time.process_time() - spent))
    return Cost(float(np.median(wall)), float(np.percentile(wall, 95)), float(np.median(cpu)))


def questions(store: Store, battles: int) -> dict[str, Callable[[int], object]]:
    """What the pages ask; each turn asks something the caches have not seen."""
    walk = Filter.of({"winner": "A"})
    ids = browse.window(store, walk, 0, 200)[1]["id"].to_list()
    pairs = [value for value, _ in facets.facets(store, Filter())[0].values]
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
        "open, blind or not": lambda turn: readings.serve_blind(store, "b", ids[turn], turn % 2 == 0, False),
        "next blind battle": lambda turn: votes.queue(store, f"voter {turn}", 1),
        "facets": lambda turn: facets.facets(store, Filter.of({"pair": pairs[turn % len(pairs)]})),
        "facets of all": lambda turn: facets.facets(store, Filter()),
        "panels": lambda turn: panels(store, Filter.of({"pair": pairs[turn % len(pairs)]})),
        "text search": lambda turn: browse.window(
            store, Filter.of({"text": f"question {900 + turn}."}), 0, 60
        ),
        "a theme": lambda turn: browse.window(store, Filter.of({"theme": f"clear {turn}"}), 0, 60),
    }


@dataclass(frozen=True)
class Drive:
    """One road through the battles page in Chromium, in milliseconds and megabytes."""

    first_rows: float
    filtered: float
    middle: float
    heap: float
    rows: int


def drive(home: Path) -> Drive:
    """Open the page, click a filter, jump to the middle, then to sixty places all over the list."""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import FLAGS, App

    app = App(home, "--bare")
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(
                executable_path="/usr/bin/chromium", args=[*FLAGS.split(), "--enable-precise-memory-info"]
            )
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(60_000)
            page.goto(app.url)
            page.wait_for_selector(".bar .theme")
            began = time.perf_counter()
            page.goto(f"{app.url}/battles", wait_until="commit")
            page.wait_for_selector("a.vrow")
            first_rows = 1000 * (time.perf_counter() - began)
            page.wait_for_selector(".battles-root[data-ready]")
            filtered = _timed(page, "[...document.querySelectorAll('.facets .facet')].at(-1).click()")
            page.locator(".chips button").click()
            page.wait_for_selector(".battles-root[data-ready='3']")
            middle = _timed(page, "document.querySelector('.vbody').scrollTop = 4e6")
            for place in range(60):
                page.evaluate(
                    "at => { const b = document.querySelector('.vbody'); "
                    "b.scrollTop = (b.scrollHeight - b.clientHeight) * at }",
                    place / 59,
                )
                page.wait_for_timeout(50)
            heap = page.evaluate("performance.memory.usedJSHeapSize / 1048576")
            rows = page.locator(".vrow").count()
            browser.close()
            return Drive(first_rows, filtered, middle, heap, rows)
    finally:
        app.stop()


def _timed(page: Page, act: str) -> float:
    """From an act in the page to the moment when its list holds other rows, all of them loaded."""
    taken = page.evaluate(
        """act => new Promise(done => {
            const keys = () => [...document.querySelectorAll('a.vrow')].map(r => r.dataset.key);
            const before = keys().join(), began = performance.now();
            eval(act);
            const look = () => {
                const now = keys();
                if (now.length > 5 && now.join() !== before) done(performance.now() - began);
                else requestAnimationFrame(look);
            };
            look();
        })""",
        act,
    )
    return float(taken)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--home", type=Path, default=Path(tempfile.gettempdir()) / "wizardarena-bench-pages")
    parser.add_argument("--no-browser", dest="browser", action="store_false")
    arguments = parser.parse_args()
    table: dict[str, list[str]] = {}
    missed = []
    for size in arguments.sizes:
        home = arguments.home / str(size) / "home"
        with make(home, size) as store:
            for name, ask in questions(store, size).items():
                cost = times(ask)
                table.setdefault(name, []).append(str(cost))
                if cost.late > P95 and name in AIMED:
                    missed.append(f"{name} at {size:,}: p95 {cost.late:.0f} ms")
        if arguments.browser:
            seen = drive(home)
            table.setdefault("browser: page to first rows", []).append(f"{seen.first_rows:.0f} ms")
            table.setdefault("browser: click on a filter", []).append(f"{seen.filtered:.0f} ms")
            table.setdefault("browser: scroll to the middle", []).append(f"{seen.middle:.0f} ms")
            table.setdefault("browser: heap after 60 jumps", []).append(f"{seen.heap:.0f} MB")
            table.setdefault("browser: rows in the page", []).append(str(seen.rows))
            if seen.first_rows > FIRST_ROWS:
                missed.append(f"first rows at {size:,}: {seen.first_rows:.0f} ms")
            if seen.heap > HEAP:
                missed.append(f"heap at {size:,}: {seen.heap:.0f} MB")
    print(f"{'median / p95 (CPU) ms':<30}" + "".join(f"{size:>18,}" for size in arguments.sizes))
    for name, cells in table.items():
        print(f"{name:<30}" + "".join(f"{cell:>18}" for cell in cells))
    print("Missed: " + "; ".join(missed) if missed else "Every target is met.")


if __name__ == "__main__":
    main()
