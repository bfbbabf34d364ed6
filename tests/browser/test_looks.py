"""Odd texts at three widths, light and dark: the page never grows wider than the window, and every seat can be read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from arena.records import Battle, Instruction, Record, Response, Winner
from arena.store import Store
from tests.browser.conftest import App, Watch
from tests.browser.seed import NAMES, fill, records

ARABIC = "اشرح لطفل لماذا السماء زرقاء. " * 6
TEXTS = {
    "rtl": "السماء **زرقاء** لأن الضوء الأزرق ينتشر أكثر.\n\n- نقطة أولى\n- نقطة ثانية مع English words\n\n"
    + ARABIC,
    "long": "A sentence that goes on about nothing in particular. " * 950,
    "unbroken": "W" * 4_000,
    "table": "\n".join(["|" + " column |" * 30, "|" + "---|" * 30, *["|" + " value |" * 30] * 60]),
    "code": "```python\n" + "x = [" + ", ".join(map(str, range(400))) + "]\n```",
    "maths": "$$" + " + ".join(f"x_{{{n}}}^2" for n in range(80)) + "$$",
    "empty": "",
}
PAIRS = (("rtl", "long"), ("table", "empty"), ("code", "maths"), ("unbroken", "table"))


def odd() -> list[Record]:
    """One battle for each of `PAIRS`, on an instruction of its own."""
    found: list[Record] = []
    for one, two in PAIRS:
        words = ARABIC if one == "rtl" else f"{one} " + "unbroken" * (60 if one == "unbroken" else 1)
        instruction = Instruction.of(words, category=one, language="ar" if one == "rtl" else "en")
        a, b = (
            Response(Response.key(name, instruction.id, "s"), name, instruction.id, "s", 0, (TEXTS[text],))
            for name, text in zip(NAMES, (one, two), strict=False)
        )
        battle = Battle(
            Battle.key("test-judge", "p1", a.id, b.id), instruction.id, a.contender, b.contender, Winner.A,
            "test-judge", "p1", a.id, b.id, 8.0, 3.0, 5.0, category=one,
        )  # fmt: skip
        found += [instruction, a, b, battle]
    return found


def strange(store: Store) -> None:
    fill(store)
    store.save(odd())


@pytest.fixture(scope="module")
def odd_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    home = tmp_path_factory.mktemp("looks") / "home"
    with Store.open(home) as store:
        strange(store)
    running = App(home, "--bare")
    yield running
    running.stop()


ADDRESSES = {
    "battles": ("battles", ".battles-root[data-ready]"),
    "nothing": ("battles?category=law", ".battles-root[data-ready]"),
    **{
        b.category: (f"battle?id={b.id}", ".inspect-root[data-ready]") for b in odd() if isinstance(b, Battle)
    },
    "plain": (
        f"battle?id={next(r.id for r in records() if isinstance(r, Battle))}",
        ".inspect-root[data-ready]",
    ),
    "chat": ("chat", ".chat-root[data-ready]"),
    "compare": ("compare?kind=contenders", ".compare-root[data-ready]"),
}
"""Name -> address, and what stands there when the page is ready."""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_no_page_is_wider_than_its_window(
    context: BrowserContext, odd_app: App, watch: Watch, width: int, theme: str
) -> None:
    page: Page = context.new_page()
    watch.follow(page)
    page.set_viewport_size({"width": width, "height": 900})
    page.add_init_script(f"localStorage.setItem('arena-theme', '{theme}')")
    for name, (address, ready) in ADDRESSES.items():
        page.goto(f"{odd_app.url}/{address}")
        expect(page.locator(ready)).to_be_visible()
        spread = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
        assert spread <= 0, f"{name}: {spread} pixels too wide"
        for seat in page.locator(".seat").all():
            box = seat.bounding_box()
            assert box, name
            assert box["x"] >= 0, name
            assert box["x"] + box["width"] <= width, name
            assert box["width"] > 300, name
        if name == "rtl":
            assert (
                page.locator(".seat.a .answer p").first.evaluate("p => getComputedStyle(p).direction")
                == "rtl"
            )
        if name == "table":
            expect(page.get_by_text("The answer is empty.")).to_be_visible()
    assert watch.verdict() == []
