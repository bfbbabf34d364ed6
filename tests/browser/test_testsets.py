"""The road of the test-set page: look inside, open a dot's cluster, build a set with the mouse alone."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch

FIRST_DOT = """() => {
    const plot = document.querySelector('#testset-map .js-plotly-plot');
    const {xaxis, yaxis} = plot._fullLayout, dots = plot._fullData[0], box = plot.getBoundingClientRect();
    return [box.left + xaxis._offset + xaxis.d2p(dots.x[0]), box.top + yaxis._offset + yaxis.d2p(dots.y[0])];
}"""
"""Where in the window the first dot lies; a mouse click outside the window falls on nothing."""


def test_a_set_is_looked_into_and_an_instruction_opened(page: Page) -> None:
    page.goto("/testsets?testset=seed-mix")
    expect(page.locator("#testset-card")).to_contain_text("seed-mix")
    row = page.locator("#testset-rows a").first
    row.click()
    expect(page.locator("#testset-story")).to_contain_text("In these sets")
    assert "/testsets?" in page.url
    assert "instruction=" in page.url
    page.reload()
    expect(page.locator("#testset-story")).to_contain_text("In these sets")
    page.get_by_label("Search").fill("no such words anywhere")
    page.get_by_label("Search").press("Enter")
    expect(page.locator("#testset-rows a")).to_have_count(0)


def test_a_set_is_built_from_what_comes_along_and_its_map_opens_clusters(
    context: Any, make_app: Any, watch: Watch
) -> None:
    app = make_app(lambda store: None, "--bare")
    page: Page = context.new_page()
    page.set_default_timeout(60_000)
    watch.follow(page)
    page.goto(f"{app.url}/testsets")
    expect(page.locator("#testset-card")).to_contain_text("No test set yet")
    page.get_by_role("tab", name="Build a new one").click()
    expect(page.locator("#testset-preview")).to_contain_text("rainy Monday")
    expect(page.locator("#testset-estimate")).to_contain_text("300")
    page.locator("#testset-name input, #testset-name textarea").first.fill("mine")
    page.locator("#testset-start").click()
    page.get_by_role("tab", name="Look inside").click()
    expect(page.locator("#testset-card")).to_contain_text("mine", timeout=90_000)
    page.get_by_role("tab", name="Map").click()
    page.wait_for_function("() => document.querySelector('#testset-map .js-plotly-plot')?.testsetBound")
    page.locator("#testset-map .js-plotly-plot").scroll_into_view_if_needed()
    place = page.evaluate(FIRST_DOT)
    page.mouse.move(*place)
    expect(page.locator("#testset-map .hoverlayer")).not_to_be_empty()
    page.mouse.click(*place)
    expect(page.locator("#testset-story")).to_contain_text("In these sets")
    expect(page).to_have_url(re.compile(r"[?&]cluster=\d"))
    expect(page.locator("#testset-rows a").first).to_be_visible()
    assert watch.verdict() == []
