"""Beyond reading: panels that filter, a search that stops, another judge, picks for training, a blind that holds."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import BrowserContext, Page, Route, expect

from arena.battles.judges.prompt import make_judge
from arena.flywheel.bouts import read_bouts
from arena.flywheel.selection import Selection, select
from arena.records import Battle, Contender, HandPick
from arena.store import Store
from tests.browser.conftest import App, Watch
from tests.browser.seed import NAMES, fill
from tests.browser.test_battles import battles, read, some_battle

QUALITIES = {"amber-1b": "[quality 2] short", "basalt-3b": "[quality 9] long"}


def judged(store: Store) -> None:
    fill(store, QUALITIES)
    reader = Contender("reader", "scripted", options={"judge": True})
    store.save([reader, make_judge("second-judge", "scores", "reader")])


def opened(context: BrowserContext, watch: Watch) -> Page:
    page = context.new_page()
    page.set_default_timeout(15_000)
    watch.follow(page)
    return page


def test_every_panel_filters_on_click(page: Page) -> None:
    battles(page)
    total = page.locator(".tools b.num")
    page.locator(".panels button.slice").filter(has_text="science").click()
    expect(total).to_have_text("9")
    page.get_by_role("button", name="Remove Category").click()
    expect(total).to_have_text("36")
    page.get_by_role("button", name="A got 5:").click()
    expect(page).to_have_url(re.compile("score=A"))
    expect(total).not_to_have_text("36")
    page.get_by_role("button", name="Remove Score", exact=False).first.click()
    expect(total).to_have_text("36")
    themes = page.locator("section", has_text="What the judge talks about").locator("button.facet")
    expect(themes.first).to_contain_text("36 ·")  # the panels have followed the list
    found = re.match(r"\d+", themes.nth(1).locator(".num").inner_text())
    themes.nth(1).click()
    expect(page).to_have_url(re.compile("/battles.*theme="))
    assert found
    assert found[0] != "36"
    expect(total).to_have_text(found[0])
    page.get_by_role("button", name="Remove The judge says").click()
    expect(total).to_have_text("36")
    flips = page.locator("section", has_text="Most flipped instructions").locator("button.facet").first
    flips.click()
    expect(total).to_have_text("3")
    page.reload()
    expect(page.locator(".tools b.num")).to_have_text("3")


def test_a_search_that_goes_on_can_be_stopped(page: Page) -> None:
    battles(page)
    # The seeded arena is searched in no time: the question is held back on its way, as a slow answer would be.
    held: list[Route] = []
    asked: list[str] = []

    def slowly(route: Route) -> None:
        body = route.request.post_data or ""
        asked.append(body)
        if "rows_of" in body and "haiku" in body:
            held.append(route)
        else:
            route.continue_()

    page.route(re.compile("component_server"), slowly)
    page.get_by_role("searchbox").fill("haiku")
    page.get_by_role("button", name="Stop").click()
    assert any("stop_of" in body for body in asked)
    held[0].continue_()
    expect(page.locator(".tools b.num")).to_have_text("3")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()


def test_an_emptied_list_fills_again(page: Page) -> None:
    battles(page)
    page.get_by_role("searchbox").fill("no such words anywhere")
    expect(page.get_by_text("No battle matches")).to_be_visible()
    page.get_by_role("searchbox").fill("haiku")
    expect(page.locator("a.vrow")).to_have_count(3)


def test_another_judge_reads_the_same_answers(context: BrowserContext, make_app: Any, watch: Watch) -> None:
    app: App = make_app(judged, "--bare")
    page = opened(context, watch)
    read(page, f"{app.url}/battle?id={some_battle(0).id}")
    expect(page.get_by_text("No other judge has read them.")).to_be_visible()
    page.get_by_role("button", name="Judge again").click()
    verdict = page.get_by_role("region", name="Other verdicts").get_by_role("link", name="second-judge")
    expect(verdict).to_be_visible(timeout=60_000)
    verdict.click()
    expect(page.get_by_role("heading", name="The judge: second-judge")).to_be_visible()
    expect(page.locator(".seat.b header")).to_contain_text("won")
    page.close()
    assert watch.verdict() == []


def test_a_pick_by_hand_decides_what_is_trained_on(
    context: BrowserContext, make_app: Any, watch: Watch
) -> None:
    app: App = make_app(judged, "--bare")
    page = opened(context, watch)
    lost = some_battle(0).id
    read(page, f"{app.url}/battle?id={lost}")
    page.get_by_role("button", name="Keep out").click()
    expect(page.get_by_text("Out by hand")).to_be_visible()
    page.keyboard.press("s")
    expect(page.get_by_text("In by hand")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Send to the next round")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.close()
    app.stop()
    with Store.open(app.home) as store:
        assert [(p.battle, p.keep) for p in store.load(HandPick)] == [(lost, True)]
        loser = store.get(Battle, lost)
        assert loser is not None
        student = loser.contender_b if loser.winner == "A" else loser.contender_a
        chosen = select(read_bouts(store, student=student), student, "sft", Selection(k=9.0))
        assert [c.battle for c in chosen.kept] == [lost]
    assert watch.verdict() == []


def test_a_blind_begun_holds_without_its_address(
    context: BrowserContext, make_app: Any, watch: Watch
) -> None:
    app: App = make_app(fill, "--bare")
    page = opened(context, watch)
    said: list[str] = []
    page.on("response", lambda r: said.append(r.text()) if "component_server" in r.url else None)
    read(page, f"{app.url}/battle?id={some_battle().id}&blind=1")
    page.goto("about:blank")
    app.stop()
    app.start()
    read(page, f"{app.url}/battle?id={some_battle().id}")
    expect(page.locator("h1")).to_have_text("Blind vote")
    assert not [
        name for name in (*NAMES, "test-judge", "rambles") if name in "\n".join(said) + page.content()
    ]
    page.get_by_role("button", name="Show them without a blind vote").click()
    expect(page.locator("h1")).to_contain_text("against")
    page.get_by_label("Your name").fill("Bob")
    page.get_by_role("button", name="Tie").click()
    expect(page.get_by_text("names shown")).to_be_visible()
    page.close()
    assert watch.verdict() == []


def test_what_changed_sides_is_a_link_away(page: Page) -> None:
    page.goto("/compare?kind=contenders&left=amber-1b&right=basalt-3b")
    expect(page.get_by_role("heading", name="of 12 battles ended the same")).to_be_visible()
    changed = page.get_by_role("heading", name=re.compile("Changed sides"))
    same = sum(
        int(page.locator(".matrix tbody tr").nth(k).locator("td").nth(k).inner_text()) for k in range(3)
    )
    expect(changed).to_have_text(f"Changed sides ({12 - same})")
    page.locator("table.board").last.get_by_role("link").first.click()
    expect(page.locator(".inspect-root h1")).to_contain_text("amber-1b")
    page.go_back()
    expect(changed).to_be_visible()
    page.get_by_label("Compare").select_option("judges")
    expect(page.get_by_text("fewer than two judges")).to_be_visible()
    assert "kind=judges" in page.url
