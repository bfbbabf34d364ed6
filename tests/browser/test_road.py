"""The whole road, with nothing but the mouse: from instructions to a trained checkpoint that battles its parent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from arena.store import Store
from tests.browser.conftest import Watch, choose
from tests.test_loop import scripted_arena

LONG = 120_000
"""Milliseconds for what trains or answers on a busy machine."""


def test_the_whole_road_is_walked_with_the_mouse(
    context: Any, make_app: Any, watch: Watch, tmp_path: Path
) -> None:
    def fill(store: Store) -> None:
        scripted_arena(store, tmp_path / "tiny")

    app = make_app(fill, "--bare")
    page: Page = context.new_page()
    page.set_default_timeout(60_000)
    watch.follow(page)
    # What Gradio prints when a page is left while an answer streams; the server's log must be clean then.

    build_a_test_set(page, app.url)
    fight(page, f"{app.url}/launch?testset=road&judge=rule", ["tiny", "good", "fair"])
    read_a_battle(page, app.url)
    expect_on_the_board(page, app.url, ["good", "fair", "tiny"])
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Consistency").click()
    expect(page.locator("h1").first).to_contain_text("Consistency")
    checkpoint = train_on_lost_battles(page)
    fight(page, "", [checkpoint, "tiny"])
    expect_on_the_board(page, app.url, [checkpoint, "tiny"])
    page.close()  # an open page holds the server back from ending
    assert watch.verdict() == []
    assert "Traceback" not in (app.home.parent / "app.log").read_text("utf-8")


def build_a_test_set(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("link", name="Build a test set").click()
    page.get_by_role("tab", name="Build a new one").click()
    expect(page.locator("#testset-preview")).to_contain_text("rainy Monday")
    page.locator("#testset-name input, #testset-name textarea").first.fill("road")
    size = page.get_by_label("Size", exact=True)
    size.fill("6")
    size.press("Tab")
    page.locator("#testset-start").click()
    page.get_by_role("tab", name="Look inside").click()
    expect(page.locator("#testset-card")).to_contain_text("road", timeout=LONG)


def fight(page: Page, url: str, names: list[str]) -> None:
    """Choose just these contenders, read the plan, start, and wait until all is done."""
    if url:
        page.goto(url)
    boxes = page.locator("#launch-contenders")
    expect(boxes.get_by_label(names[0], exact=True)).to_be_visible()
    for box in boxes.get_by_role("checkbox").all():
        label = box.locator("xpath=ancestor::label").inner_text().strip()
        box.set_checked(label in names)
    expect(page.locator("#launch-plan")).to_contain_text(re.compile(r"[1-9]\d* calls"))
    page.locator("#launch-start").click()
    for name in names:
        expect(page.locator("#launch-figures")).to_contain_text(name)
    expect(page.locator("#launch-figures")).to_contain_text("The plan and what came of it", timeout=LONG)
    expect(page.locator("#launch-figures")).to_contain_text("done")


def read_a_battle(page: Page, url: str) -> None:
    page.goto(f"{url}/battles")
    page.locator("#battles-list a, .battles-list a, a[href*='battle?']").first.click()
    expect(page.locator(".inspect-root[data-ready]")).to_be_visible()
    page.get_by_role("button", name="Show them without a blind vote").click()
    expect(page.locator(".inspect-root")).to_contain_text("Scripted.")


def expect_on_the_board(page: Page, url: str, names: list[str]) -> None:
    page.goto(f"{url}/leaderboard")
    for name in names:
        expect(page.get_by_role("rowheader", name=name, exact=True).first).to_be_visible()


def train_on_lost_battles(page: Page) -> str:
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Flywheel").click()
    choose(page, page.locator("#flywheel-student input"), "tiny")
    expect(page.locator("#flywheel-found")).to_contain_text(re.compile(r"[1-9]\d* lessons"))
    name = page.locator("#flywheel-name textarea, #flywheel-name input").first
    expect(name).to_have_value("tiny-sft-1")
    page.locator("#flywheel-start").click()
    expect(page.locator("#flywheel-tree")).to_contain_text("tiny-sft-1", timeout=LONG)
    expect(page.locator("#flywheel-loss .plotly")).to_be_visible()
    page.locator("#flywheel-tree a", has_text="battle this checkpoint").last.click()
    expect(page).to_have_url(re.compile("launch.contender=tiny-sft-1"))
    return "tiny-sft-1"
