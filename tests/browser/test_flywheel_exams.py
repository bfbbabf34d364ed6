"""The start buttons of further benchmarks: answers graded one by one, and the harness where it is installed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from arena.flywheel import harness
from arena.records import Contender, Instruction, Json, Pick, TestSet
from arena.store import Store
from tests.browser.conftest import Watch, choose


def two_models_and_a_rule(store: Store) -> None:
    said: dict[str, Json] = {
        f"[quality {n}.00]": json.dumps({"explanation": "as marked", "score": n}) for n in (2, 9)
    }
    asked = [Instruction.of(f"Question {n}?") for n in range(3)]
    folder = store.home / "models" / "local"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    store.save(
        [
            Contender("weak", "scripted", options={"quality": 2}, iteration=1),
            Contender("strong", "scripted", options={"quality": 9}, iteration=2),
            Contender("rule", "scripted", options={"answers": said}),
            Contender("local", "local_transformers", str(folder)),
            TestSet("three-questions", "hand-picked", size=3),
            *asked,
            *(Pick("three-questions", i.id, n) for n, i in enumerate(asked)),
        ]
    )


def test_answers_are_graded_and_a_missing_harness_says_what_to_install(
    context: Any, make_app: Any, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(harness.PYTHON, "/bin/false")
    app = make_app(two_models_and_a_rule)
    page: Page = context.new_page()
    watch.follow(page)
    page.goto(f"{app.url}/flywheel")
    page.get_by_role("tab", name="More benchmarks").click()
    page.locator("#flywheel-grade").click()
    expect(page.locator(".toast-body").last).to_contain_text("at least two contenders")
    for name in ("weak", "strong"):
        choose(page, page.locator("#flywheel-graded input"), name)
    page.keyboard.press("Escape")
    choose(page, page.locator("#flywheel-graded-on input"), "three-questions")
    choose(page, page.locator("#flywheel-grader input"), "rule")
    page.locator("#flywheel-grade").click()
    rows = page.locator("#flywheel-exams tbody tr")
    expect(rows).to_have_count(2, timeout=60_000)
    expect(rows.nth(0)).to_contain_text("I1")  # by iteration, not by grade
    expect(rows.nth(0)).to_contain_text("2.00 (2.00 to 2.00), 3 answers")
    expect(rows.nth(1)).to_contain_text("9.00")
    choose(page, page.locator("#flywheel-harnessed input"), "local")
    page.locator("#flywheel-harness").click()
    expect(page.locator(".toast-body").last).to_contain_text("pip install lm_eval")
    assert not list((app.home / "runs").glob("harness-*"))
    page.close()
    assert watch.verdict() == []
