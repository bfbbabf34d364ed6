"""A plan of rounds carried out from the page, its checkpoints pruned, its lessons exported."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from arena.conductor import Conductor
from arena.flywheel.rounds import plan_text
from arena.store import Store
from tests.browser.conftest import Watch, choose
from tests.flywheel.rooms import lost_battles
from tests.test_conductor import two_steps


def an_arena_with_a_plan(store: Store) -> None:
    plan = two_steps(store, store.home / "models" / "tiny")
    Conductor(store).save(plan_text(plan))


def write_plan(page: Page, text: str) -> None:
    """What somebody pastes into the editor."""
    page.locator("#flywheel-plan .cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(text)


@pytest.mark.timeout(600)
def test_a_plan_is_edited_kept_started_and_followed_to_its_end(
    context: Any, make_app: Any, watch: Watch
) -> None:
    app = make_app(an_arena_with_a_plan)
    page: Page = context.new_page()
    page.set_default_timeout(30_000)
    watch.follow(page)
    page.goto(f"{app.url}/flywheel")
    page.get_by_role("tab", name="Rounds").click()
    plans = page.locator("#flywheel-plans input")
    expect(plans).not_to_have_value("", timeout=30_000)
    choose(page, plans, "small")
    said = page.locator("#flywheel-plan-said")
    expect(said).to_contain_text("2 steps, 0 done", timeout=30_000)
    expect(page.locator("#flywheel-flow .plotly")).to_be_visible(timeout=30_000)
    text = Path(app.home / "plans" / "small.yaml").read_text("utf-8")
    write_plan(page, text.replace("stage: sft", "stage: sfd"))
    expect(said).to_contain_text("no stage 'sfd'", timeout=30_000)
    write_plan(page, text.replace("name: small", "name: renamed"))
    expect(said).to_contain_text("0 done", timeout=30_000)
    page.locator("#flywheel-plan-start").click()
    expect(said).to_contain_text("Its run: running", timeout=60_000)
    page.reload()
    page.get_by_role("tab", name="Rounds").click()
    expect(plans).not_to_have_value("", timeout=30_000)
    choose(page, plans, "renamed")
    expect(said).to_contain_text("Its run: done", timeout=300_000)
    expect(said).to_contain_text("The arena's best: tiny-i")
    page.reload()
    tree = page.locator("#flywheel-tree")
    expect(tree).to_contain_text("tiny-i2", timeout=60_000)
    expect(page.locator("#flywheel-progress .plotly")).to_be_visible()
    page.locator("#flywheel-disk button").first.click()
    choose(page, page.locator("#flywheel-prune input"), re.compile("tiny-i1"))
    page.keyboard.press("Escape")
    page.locator("#flywheel-prune-do").click()
    expect(page.locator("#flywheel-pruned")).to_contain_text("MiB freed", timeout=30_000)
    expect(tree).to_contain_text("no weights here")
    assert not (app.home / "models" / "tiny-i1").exists()
    assert (app.home / "models" / "tiny-i2").exists()
    page.close()
    assert watch.verdict() == []


def test_lessons_are_left_out_by_hand_kept_and_exported(context: Any, make_app: Any, watch: Watch) -> None:
    app = make_app(lambda store: lost_battles(store, store.home / "models" / "tiny", 12))
    page: Page = context.new_page()
    page.set_default_timeout(30_000)
    watch.follow(page)
    page.goto(f"{app.url}/flywheel")
    found = page.locator("#flywheel-found")
    expect(found).to_contain_text("12 lessons", timeout=90_000)
    page.locator("#flywheel-rows").get_by_text("RED", exact=True).last.click()
    expect(found).to_contain_text("11 lessons", timeout=30_000)
    expect(found).to_contain_text("dropped by hand")
    table = page.locator("#flywheel-rows")
    expect(table.get_by_text("left out", exact=True).last).to_be_visible()
    table.get_by_text("left out", exact=True).last.click()  # taken back
    expect(found).to_contain_text("12 lessons", timeout=30_000)
    expect(table.get_by_text("left out", exact=True)).to_have_count(0)
    table.get_by_text("RED", exact=True).last.click()
    expect(found).to_contain_text("11 lessons", timeout=30_000)
    page.locator("#flywheel-keep button").first.click()
    page.locator("#flywheel-set-name input, #flywheel-set-name textarea").first.fill("mine")
    page.locator("#flywheel-set-keep").click()
    expect(page.locator("#flywheel-set input")).to_have_value(re.compile("mine"), timeout=30_000)
    page.locator("#flywheel-set-file").click()
    ready = page.locator("#flywheel-set-file", has_text="Download mine.jsonl (11 rows)")
    expect(ready).to_be_visible(timeout=30_000)
    with page.expect_download() as download:
        ready.click()
    lines = Path(download.value.path()).read_text("utf-8").splitlines()
    assert len(lines) == 11
    assert {tuple(json.loads(line)["chosen"]) for line in lines} >= {("GREEN",), ("BLUE",)}
    page.close()
    assert watch.verdict() == []
