"""The road of the flywheel page: lessons seen, a checkpoint trained, its battle one click away."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from arena.store import Store
from tests.browser.conftest import Watch
from tests.flywheel.rooms import lost_battles


def tiny_student(store: Store) -> None:
    lost_battles(store, store.home / "models" / "tiny", 12)


def test_lost_battles_become_a_checkpoint_in_the_browser(context: Any, make_app: Any, watch: Watch) -> None:
    app = make_app(tiny_student)
    page: Page = context.new_page()
    page.set_default_timeout(30_000)
    watch.follow(page)
    page.goto(f"{app.url}/flywheel")
    expect(page.locator("#flywheel-found")).to_contain_text("12 lessons", timeout=90_000)
    expect(page.locator("#flywheel-along-k .plotly")).to_be_visible(timeout=30_000)
    expect(page.locator("#flywheel-rows")).to_contain_text("RED")
    name = page.locator("#flywheel-name textarea, #flywheel-name input").first
    expect(name).to_have_value("student-sft-1")
    epochs = page.get_by_label("Epochs (0: the preset's)")
    epochs.fill("120")  # long enough to be stopped
    page.locator("#flywheel-start").click()
    expect(page.locator("#flywheel-started")).to_contain_text(
        "python -m arena.flywheel.train", timeout=30_000
    )
    run = page.locator(".jobs article", has_text="student-sft-1")
    expect(run).to_contain_text(re.compile(r"training\s*[1-9]\d* of 360"), timeout=90_000)
    run.get_by_role("button", name="Stop").click()
    expect(run).to_have_attribute("data-state", "stopped", timeout=60_000)
    assert not (app.home / "models" / "student-sft-1").exists()
    run.get_by_role("button", name="Resume").click()
    expect(run).to_have_attribute("data-state", "done", timeout=120_000)
    link = page.locator("#flywheel-tree a", has_text="battle this checkpoint").last
    expect(page.locator("#flywheel-tree")).to_contain_text("student-sft-1", timeout=120_000)
    expect(link).to_have_attribute("href", re.compile("launch.contender=student-sft-1"))
    expect(page.locator("#flywheel-loss .plotly")).to_be_visible(timeout=30_000)
    page.reload()
    expect(page.locator("#flywheel-tree")).to_contain_text("student-sft-1", timeout=30_000)
    expect(page.locator("#flywheel-found")).to_contain_text("12 lessons", timeout=90_000)
    page.locator("#flywheel-k input[type=number]").fill("6")
    page.locator("#flywheel-k input[type=number]").press("Tab")
    expect(page.locator("#flywheel-found")).to_contain_text("0 lessons", timeout=30_000)
    page.close()  # an open page holds the server back from ending
    assert watch.verdict() == []
