"""Browse, filter, read, vote, swap, export: the road a researcher walks, in a real Chromium."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Page, expect

from arena.battles import votes
from arena.records import Battle, Vote
from arena.store import Store
from tests.browser.conftest import App, Watch
from tests.browser.seed import NAMES, records


def some_battle(number: int = 4) -> Battle:
    return [record for record in records() if isinstance(record, Battle)][number]


def battles(page: Page, address: str = "/battles") -> None:
    page.goto(address)
    expect(page.locator(".battles-root[data-ready]")).to_be_visible()


def read(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator(".inspect-root[data-ready]")).to_be_visible()


def test_a_facet_narrows_the_list_and_stands_in_the_address(page: Page) -> None:
    battles(page)
    expect(page.locator(".tools b.num")).to_have_text("36")
    page.get_by_role("button", name="science 9", exact=True).click()
    expect(page.locator(".tools b.num")).to_have_text("9")
    expect(page).to_have_url(re.compile("category=science"))
    page.get_by_role("button", name="Remove Category").click()
    expect(page.locator(".tools b.num")).to_have_text("36")


def test_a_link_reproduces_the_view_in_a_fresh_session(page: Page) -> None:
    battles(page, "/battles?category=science&flipped=yes&sort=closest")
    expect(page.locator(".tools b.num")).to_have_text("3")
    expect(page.get_by_label("Order")).to_have_value("closest")


def test_search_finds_words_of_instructions(page: Page) -> None:
    battles(page)
    page.get_by_role("searchbox").fill("haiku")
    expect(page.locator(".tools b.num")).to_have_text("3")


def test_an_export_holds_the_filter(page: Page) -> None:
    battles(page, "/battles?category=science")
    page.get_by_label("Export as").select_option("JSON lines")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    rows = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert len(rows) == 9
    assert {row["category"] for row in rows} == {"science"}


def test_the_keyboard_walks_through_the_filter(page: Page) -> None:
    battles(page, "/battles?category=science")
    page.locator("a.vrow").first.click()
    expect(page.get_by_text("1 of 9", exact=True)).to_be_visible()
    page.keyboard.press("j")
    expect(page.get_by_text("2 of 9", exact=True)).to_be_visible()
    page.keyboard.press("k")
    expect(page.get_by_text("1 of 9", exact=True)).to_be_visible()
    page.keyboard.press("d")
    expect(page.locator(".answer ins").first).to_be_visible()
    page.keyboard.press("r")
    expect(page.locator(".answer.raw").first).to_contain_text("```python")
    page.keyboard.press("r")
    expect(page.locator(".answer table").first).to_be_visible()
    expect(page.locator(".answer .katex").first).to_be_visible()
    page.keyboard.press("n")
    expect(page.locator("h1")).to_have_text("Answer 1 against answer 2")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page).to_have_url(re.compile("/battles.*category=science"))


def test_one_side_can_be_swapped(page: Page) -> None:
    read(page, f"/battle?id={some_battle(0).id}")
    expect(page.locator("h1")).to_have_text("amber-1b against basalt-3b")
    page.get_by_label("Put another contender on side B").select_option("student-i1")
    expect(page.locator("h1")).to_have_text("amber-1b against student-i1")
    assert some_battle(1).id in page.url


def test_names_stay_on_the_server_until_the_vote(page: Page, make_app: Any, watch: Watch) -> None:
    blind: App = make_app()
    said: list[str] = []
    page.on("response", lambda r: said.append(r.text()) if "component_server" in r.url else None)
    read(page, f"{blind.url}/battle?queue=1")
    expect(page.locator("h1")).to_have_text("Blind vote")
    before = "\n".join(said) + page.content()
    assert not [word for word in (*NAMES, "test-judge", "rambles") if word in before]
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Note").fill("better structure")
    page.get_by_role("button", name="Answer 1").click()
    expect(page.locator("h1")).to_contain_text("against")
    expect(page.get_by_text("Ada:")).to_be_visible()
    address = page.url
    page.goto("about:blank")
    blind.stop()
    blind.start()
    read(page, address)
    vote = page.locator("li", has_text="Ada:")
    expect(vote).to_contain_text("better structure")
    expect(vote).to_contain_text("blind")
    page.get_by_role("button", name="Tie").click()  # a changed vote keeps its note, but is not blind
    expect(vote).to_contain_text("tie – better structure")
    expect(vote).to_contain_text("names shown")
    watch.expected += [
        "ERR_CONNECTION_REFUSED",
        "ERR_CONNECTION_RESET",
        "Failed to fetch",
        "Failed to load",
        "ERR_INCOMPLETE",
    ]
    blind.stop()
    with Store.open(blind.home) as store:
        kept = store.load(Vote)
        assert [(v.voter, v.blind) for v in kept] == [("Ada", False)]
        assert store.count(Battle, "source = 'vote' AND judge = 'Ada'") == 1
        assert kept[0].battle not in votes.queue(store, "Ada", 100)
    page.goto("about:blank")


def test_a_wrong_link_says_so(page: Page) -> None:
    read(page, "/battle?id=nothing")
    expect(page.get_by_text("There is no battle 'nothing'")).to_be_visible()
