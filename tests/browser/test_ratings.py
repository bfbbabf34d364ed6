"""The leaderboard and the consistency page in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import choose

pytestmark = pytest.mark.browser


def test_the_board_stands_and_a_cell_opens_its_battles(page: Page) -> None:
    page.goto("/leaderboard")
    table = page.locator("#board-table table.board")
    expect(table.locator("tbody tr")).to_have_count(3)
    expect(page.locator("#board-summary")).to_contain_text("36 battles")
    page.locator("#board-matrix td a").first.click()
    expect(page).to_have_url(re.compile(r"/battles\?pair="))


def test_a_menu_changes_the_board_and_the_address(page: Page) -> None:
    page.goto("/leaderboard")
    expect(page.locator("#board-table tbody tr")).to_have_count(3)
    choose(page, page.get_by_label("Category", exact=True), "science")
    expect(page.locator("#board-summary")).to_contain_text("9 battles")
    expect(page).to_have_url(re.compile(r"category=science"))
    page.reload()
    expect(page.locator("#board-summary")).to_contain_text("9 battles")


def test_a_board_is_frozen_and_compared(page: Page) -> None:
    page.goto("/leaderboard")
    expect(page.locator("#board-table tbody tr")).to_have_count(3)
    page.get_by_role("tab", name="Snapshots").click()
    page.get_by_label("Name", exact=True).fill("from the browser")
    page.get_by_role("button", name="Freeze this board").click()
    expect(page.locator("#board-changes")).to_contain_text("Frozen as from the browser")


def test_the_papers_consistency_is_shown_and_labelled(page: Page) -> None:
    page.goto("/consistency")
    expect(page.locator("#consistency-cards .card")).to_have_count(8)
    expect(page.locator("#consistency-cards")).to_contain_text("201/203")
    expect(page.locator("#consistency-said")).to_contain_text("not made by this arena")
    page.get_by_role("tab", name="Several rankings").click()
    expect(page.locator("#consistency-columns")).to_contain_text("226/231")
