"""Hostile texts in every field that a model, a file or a person fills: nothing runs, nothing leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

import app as application
from arena.records import (
    Battle,
    Contender,
    Instruction,
    Judge,
    Judgement,
    Record,
    Response,
    TestSet,
    Vote,
    Winner,
)
from arena.store import Store
from tests.browser.conftest import App, Watch
from tests.browser.hostile import ALL, PAYLOADS
from tests.browser.seed import records

MARK = PAYLOADS[1]


def poisoned(record: Record) -> Record:  # noqa: PLR0911 - one line a class
    """The record with hostile text wherever text is free. Ids and names that join tables carry a payload too."""
    swap = dataclasses.replace
    if isinstance(record, Instruction):
        return swap(record, turns=(ALL, record.turns[0] + ALL), category=MARK, language=MARK, source=ALL)
    if isinstance(record, Response):
        return swap(
            record, contender=record.contender + MARK, answers=(ALL, ALL), error=ALL, finish_reason=MARK
        )
    if isinstance(record, Contender):
        return swap(
            record, name=record.name + MARK, parent=record.parent and record.parent + MARK, licence=MARK,
            organisation=MARK, description=ALL, stage=record.stage and MARK, location=ALL, system_prompt=ALL,
        )  # fmt: skip
    if isinstance(record, Judge):
        return swap(record, name=record.name + MARK, prompt=ALL, contender=MARK)
    if isinstance(record, Judgement):
        return swap(record, judge=record.judge + MARK, explanation=ALL, raw=ALL)
    if isinstance(record, Battle):
        return swap(
            record, contender_a=record.contender_a + MARK, contender_b=record.contender_b + MARK,
            judge=record.judge + MARK, category=MARK, language=MARK, run=MARK,
        )  # fmt: skip
    if isinstance(record, TestSet):
        return swap(record, source=ALL, difficulty=MARK, embedding=MARK)
    return record


def battle_id() -> str:
    return next(r.id for r in records() if isinstance(r, Battle))


def fill(store: Store) -> None:
    store.save([poisoned(r) for r in records()])
    store.save([Vote(MARK, battle_id(), Winner.TIE, note=ALL, tags=(MARK, PAYLOADS[0]))])


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    home = tmp_path_factory.mktemp("hostile") / "home"
    with Store.open(home) as store:
        fill(store)
    running = App(home)
    yield running
    running.stop()


ADDRESSES = [
    *application.PAGES,
    f"battle?id={battle_id()}",
    f"battle?id={battle_id()}&blind=1",
    "battle?id=%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3D1%3E",
    "battles?text=%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3D1%3E&category=%3Cscript%3Ewindow.pwned%3D1%3C/script%3E",
    "battles?theme=%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3D1%3E&score=%3Csvg%20onload%3Dwindow.pwned%3D1%3E",
    "battles?sort=%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3D1%3E",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_runs_and_nothing_leaves(
    context: BrowserContext, hostile: App, watch: Watch, address: str
) -> None:
    page: Page = context.new_page()
    watch.follow(page)
    page.goto(f"{hostile.url}/{address}")
    expect(page.locator(".bar .theme")).to_be_visible()
    page.wait_for_timeout(2000)
    for key in ("d", "o", "r") if address.startswith("battle?") else ():
        page.keyboard.press(key)
        page.wait_for_timeout(150)
    assert page.evaluate("window.pwned") is None
    assert page.locator("iframe, object, embed, form[action], meta[http-equiv=refresh]").count() == 0
    # Gradio's template holds one base element, the app's own address; no text may add or change one.
    assert page.locator("base").evaluate_all("found => found.map(b => new URL(b.href).origin)") == [
        hostile.url
    ]
    assert watch.verdict() == []
