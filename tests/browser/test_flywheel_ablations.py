"""A grid over a plan's settings, started, stopped and gone on with from the page, compared there."""

from __future__ import annotations

import csv
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from arena.conductor import Conductor
from arena.flywheel.rounds import plan_text
from arena.store import Store
from tests.browser.conftest import Watch, choose
from tests.test_conductor import two_steps


def an_arena_with_one_step(store: Store) -> None:
    plan = plan_text(two_steps(store, store.home / "models" / "tiny"))
    Conductor(store).save(plan[: plan.index("- makes: tiny-i2")])


@pytest.mark.timeout(600)
def test_a_grid_is_written_started_stopped_gone_on_with_and_compared(
    context: Any, make_app: Any, watch: Watch
) -> None:
    app = make_app(an_arena_with_one_step)
    page: Page = context.new_page()
    page.set_default_timeout(30_000)
    watch.follow(page)
    page.goto(f"{app.url}/flywheel")
    page.get_by_role("tab", name="Ablations").click()
    draft, said = page.locator("#flywheel-grid-draft"), page.locator("#flywheel-grid-said")
    expect(draft).to_contain_text("6 trainings")  # of the plan that the page proposes when it opens
    choose(page, page.locator("#flywheel-grid-plan input"), "small")
    expect(draft).to_contain_text("3 cells, 3 trainings")
    choose(page, page.locator("#flywheel-grid-add input"), "battles.samples")
    expect(draft).to_contain_text("6 cells")
    page.locator("#flywheel-grid .cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text("settings.learning_rat: 3")
    expect(draft).to_contain_text("must be a list")
    page.locator("#flywheel-grid .cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text("settings.learning_rate: [1e-5, 3e-2]")
    expect(draft).to_contain_text("settings.learning_rate 0.03")
    page.locator("#flywheel-grid-start").click()
    expect(said).to_contain_text("Its run: running")
    expect(said).to_contain_text("Cell 1 of 2")
    page.locator("#flywheel-grid-stop").click()
    expect(said).to_contain_text("Its run: stopped", timeout=120_000)
    page.reload()  # which chooses the newest grid
    page.get_by_role("tab", name="Ablations").click()
    expect(said).to_contain_text("Its run: stopped")
    page.locator("#flywheel-grid-on").click()
    expect(said).to_contain_text("Its run: running")
    expect(said).to_contain_text("2 of 2 cells have battled. Its run: done.", timeout=300_000)
    expect(page.locator("#flywheel-grid-picture .scatterlayer .point")).to_have_count(2)
    rows = page.locator("#flywheel-grid-table tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text(re.compile(r"\d+ to \d+"))
    page.locator("#flywheel-grid-file").click()
    ready = page.locator("#flywheel-grid-file", has_text="Download small-grid.csv")
    expect(ready).to_be_visible()
    with page.expect_download() as download:
        ready.click()
    with open(download.value.path(), encoding="utf-8") as file:
        low, high = csv.DictReader(file)
    assert (low["settings.learning_rate"], high["settings.learning_rate"]) == ("1e-05", "0.03")
    assert (low["lessons"], high["lessons"]) == ("4", "4")
    assert float(high["last_loss"]) < float(low["last_loss"])
    jobs = len(list((app.home / "runs").iterdir()))
    page.locator("#flywheel-grid-on").click()
    expect(said).to_contain_text("Its run: done")
    assert len(list((app.home / "runs").iterdir())) == jobs  # everything was there
    page.close()
    assert watch.verdict() == []
