"""The battles page's questions: errors are sentences, and a page's next question ends the one before."""

from __future__ import annotations

from arena.store import Store
from pages.battles import Latest, questions
from tests.browser.seed import fill


def test_a_later_turn_of_the_same_page_stops_the_earlier() -> None:
    latest = Latest()
    first = latest.begin("p", 1)
    assert latest.begin("p", 1) is first
    other = latest.begin("q", 1)
    second = latest.begin("p", 2)
    assert (first.pressed, other.pressed, second.pressed) == (True, False, False)
    latest.stop("p")
    assert second.pressed


def test_mistakes_in_an_address_are_told(store: Store) -> None:
    fill(store)
    for question in questions(store)[:4]:
        said = question({"query": {"sort": "1; DROP TABLE battle"}, "format": "CSV"})
        assert "choose from" in str(said["error"])


def test_the_list_tells_what_it_holds(store: Store) -> None:
    rows = questions(store)[0]
    assert rows({"query": {}})["any"] == 0
    fill(store)
    said = rows({"query": {"category": "law"}, "page": "p", "turn": 1})
    assert (said["total"], said["any"], said["most"]) == (0, 36, 0)
