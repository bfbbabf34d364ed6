"""Days and draws stand in the address, everybody ever rated is listed, and a report comes with battles."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.seed import NAMES


def test_days_and_draws_make_a_slice_that_a_reload_keeps(page: Page) -> None:
    page.goto("/leaderboard")
    expect(page.locator("#board-table tbody tr")).to_have_count(3)
    page.get_by_role("button", name="Days, draws, prior").click()
    first_day = page.get_by_label("From day")
    first_day.fill("yesterday")
    first_day.press("Enter")
    expect(page.locator("#board-summary")).to_contain_text("is no day")
    first_day.fill("2001-01-01")
    first_day.press("Enter")
    expect(page.locator("#board-summary")).to_contain_text("36 battles")
    page.get_by_label("Bootstrap draws").fill("60")
    page.get_by_label("Bootstrap draws").press("Enter")
    expect(page).to_have_url(re.compile(r"since=2001-01-01&draws=60"))
    page.reload()
    expect(page.locator("#board-summary")).to_contain_text("36 battles")
    page.get_by_role("button", name="Days, draws, prior").click()
    expect(page.get_by_label("Bootstrap draws")).to_have_value("60")


def test_everybody_ever_rated_is_listed(page: Page) -> None:
    page.goto("/leaderboard")
    expect(page.locator("#board-table tbody tr")).to_have_count(3)
    page.get_by_role("tab", name="Ever rated").click()
    for name in NAMES:
        expect(page.locator("#board-log")).to_contain_text(name)


def test_a_report_with_chosen_battles_is_made_and_served(page: Page) -> None:
    page.goto("/leaderboard")
    expect(page.locator("#board-table tbody tr")).to_have_count(3)
    page.get_by_role("tab", name="Report").click()
    page.get_by_label("How many").fill("2")
    page.get_by_role("button", name="Make the report").click()
    link = page.locator("a[download='report.html']")
    expect(link).to_be_visible(timeout=60_000)
    text = page.request.get(str(link.get_attribute("href"))).text()
    assert text.count('<section class="fight">') == 2
    assert "What made it" in text
