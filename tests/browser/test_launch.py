"""The road of a battle run: choose, read the plan, start, watch the board move, run again; judges measured."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.battles.conftest import small_arena
from tests.browser.conftest import Watch


def test_a_run_is_planned_started_and_watched_with_the_mouse(
    context: Any, make_app: Any, watch: Watch
) -> None:
    app = make_app(small_arena)
    page: Page = context.new_page()
    page.set_default_timeout(60_000)
    watch.follow(page)
    page.goto(f"{app.url}/launch")
    expect(page.locator("#launch-plan")).to_contain_text("calls", timeout=60_000)
    expect(page.locator("#launch-standing")).to_contain_text("control pairs")
    page.locator("#launch-start").click()
    expect(page.locator("#launch-figures")).to_contain_text("battles", timeout=90_000)
    expect(page.locator("#launch-figures")).to_contain_text("done", timeout=90_000)
    page.goto(f"{app.url}/judges")
    expect(page.locator("#judge-standing")).to_contain_text("not been measured", timeout=60_000)
    expect(page.locator("#judge-report")).to_contain_text("First seat wins")
    page.locator("#judge-control").click()
    expect(page.locator(".jobs-list")).to_contain_text("Control pairs judged by", timeout=60_000)
    page.wait_for_timeout(3_000)
    page.locator("#judge-refresh").click()
    assert watch.verdict() == []
