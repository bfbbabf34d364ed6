"""The chat arena in a real Chromium: streamed side by side, anonymous until the vote, then a battle like any other."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from arena import jobs
from arena.battles import serving
from arena.records import Battle, Contender, Response, Sampling, Source, Vote
from arena.store import Store
from tests.browser.conftest import App, Watch

SMOLLM2 = Path(__file__).parents[2] / ".arena/models/smollm2-135m"


def scripted(store: Store) -> None:
    store.save([
        Contender("secret-owl", "scripted", options={"text": "**Owls** sleep by day. <img src=x onerror=alert(1)>"}),
        Contender("secret-fox", "scripted", options={"text": "Foxes $x^2$ run."}),
    ])  # fmt: skip


def ask(page: Page, app: App, words: str) -> None:
    page.goto(f"{app.url}/chat")
    expect(page.locator(".chat-root[data-ready]")).to_be_visible()
    page.get_by_label("Your instruction").fill(words)
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Ask both").click()


def test_an_anonymous_talk_becomes_a_live_battle(
    context: BrowserContext, make_app: Any, watch: Watch
) -> None:
    app: App = make_app(scripted, "--bare")
    page = context.new_page()
    watch.follow(page)
    said: list[str] = []
    page.on("response", lambda r: said.append(r.text()) if "component_server" in r.url else None)
    page.goto(f"{app.url}/chat")
    expect(page.locator(".chat-root[data-ready]")).to_be_visible()
    page.wait_for_timeout(300)
    said.clear()
    page.get_by_label("Your instruction").fill("Tell me about animals.")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Ask both").click()
    expect(page.get_by_role("button", name="Answer 1")).to_be_enabled()
    for _ in range(50):  # what came is told to us a little later than to the page
        if "sleep by day" in "".join(said):
            break
        page.wait_for_timeout(100)
    assert "sleep by day" in "".join(said)
    assert "secret-" not in "".join(said)
    expect(page.locator(".seat .answer strong")).to_have_text("Owls")
    expect(page.locator(".seat .katex").first).to_be_visible()
    page.get_by_role("button", name="Answer 1").click()
    expect(page.locator(".seat header b").first).to_have_text(re.compile("secret-(owl|fox)"))
    page.get_by_role("link", name="Open the battle").click()
    expect(page.locator(".inspect-root h1")).to_contain_text("against")
    expect(page.get_by_text("Ada:")).to_be_visible()
    page.close()
    app.stop()
    with Store.open(app.home) as store:
        assert [b.source for b in store.load(Battle)] == [Source.LIVE]
        assert [(v.voter, v.blind) for v in store.load(Vote)] == [("Ada", True)]
        assert store.count(Response) == 2
    assert watch.verdict() == []


def embedded(store: Store) -> None:
    for name, heat in (("calm", 0.0), ("warm", 0.9)):
        store.save(
            [Contender(name, "local_transformers", str(SMOLLM2), sampling=Sampling(heat, max_tokens=24))]
        )


@pytest.mark.models
def test_the_embedded_model_answers_through_a_job(
    context: BrowserContext, make_app: Any, watch: Watch
) -> None:
    if not (SMOLLM2 / "model.gguf").is_file():
        pytest.skip("the embedded student is not here: python -m arena models fetch smollm2-135m")
    app: App = make_app(embedded, "--bare")
    page = context.new_page()
    watch.follow(page)
    ask(page, app, "Name the capital of France.")
    expect(page.get_by_role("button", name="Tie")).to_be_enabled(timeout=120_000)
    for answer in page.locator(".seat .answer").all():
        expect(answer).not_to_be_empty()
    serving_jobs = [job for job in jobs.jobs(app.home) if job.kind == serving.KIND]
    assert {jobs.status(job).state for job in serving_jobs} == {jobs.State.RUNNING}
    assert len(serving_jobs) == 2
    maps = Path(f"/proc/{app.process.pid}/maps").read_text()
    assert "libllama" not in maps
    assert "libtorch" not in maps
    page.get_by_role("button", name="Tie").click()
    expect(page.get_by_text("Your vote is kept").first).to_be_visible()
    page.close()
    for job in serving_jobs:
        jobs.stop(job)
    until = time.monotonic() + 20
    while any(jobs.status(job).active for job in serving_jobs):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert watch.verdict() == []
