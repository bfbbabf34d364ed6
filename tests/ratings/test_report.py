"""The stakeholders' report: whole, offline, with battles printed by rule and by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.ratings import exhibits, report, slices
from arena.ratings.exhibits import RULES, Choice
from arena.records import BadInput, Battle
from arena.store import Store
from tests.browser.seed import records


@pytest.fixture
def filled(store: Store) -> Store:
    store.save(records({"amber-1b": "<script>alert(1)</script> " + "long " * 2000}))
    return store


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_picks_battles_of_different_instructions(filled: Store, rule: str) -> None:
    board = slices.board(filled)
    found = exhibits.pick(filled, slices.ALL, board, Choice(rule, 3))
    assert len(found) == 3
    assert len({fight.turns for fight in found}) == 3
    assert all(fight.answers_a and fight.answers_b and fight.words for fight in found)
    assert found == exhibits.pick(filled, slices.ALL, board, Choice(rule, 3))
    gaps = [abs((fight.score_a or 0) - (fight.score_b or 0)) for fight in found]
    if rule == "widest":
        assert gaps == sorted(gaps, reverse=True)
    if rule == "closest":
        assert gaps == sorted(gaps)
    if rule == "upsets":
        for fight in found:
            winner, loser = (fight.contender_a, fight.contender_b)[:: 1 if fight.winner == "A" else -1]
            assert board.place(winner) > board.place(loser)


def test_battles_by_hand_come_first_and_an_unknown_one_is_named(filled: Store) -> None:
    board = slices.board(filled)
    asked = filled.load(Battle, order="id")[5].id
    found = exhibits.pick(filled, slices.ALL, board, Choice("widest", 2, (asked,)))
    assert found[0].id == asked
    assert len(found) == 3
    with pytest.raises(BadInput, match="No battle of this slice has the id nope"):
        exhibits.pick(filled, slices.ALL, board, Choice(ids=("nope",)))
    with pytest.raises(BadInput, match="choose one of upsets"):
        exhibits.pick(filled, slices.ALL, board, Choice("prettiest"))


def test_the_report_is_one_file_that_names_what_made_it(filled: Store, tmp_path: Path) -> None:
    written = report.write(filled, tmp_path / "deep" / "r.html", choice=Choice("widest", 2))
    text = written[0].read_text("utf-8")
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert text.count('<section class="fight">') == 2
    assert "characters more" in text
    for word in ("Chosen battles", "content of the battles", "draws", "anchor at", "all battles"):
        assert word in text
    page = text[text.index("<h1>") :]
    assert 'src="http' not in page
    assert "href=" not in page
    with pytest.raises(BadInput, match=r"\.html or \.pdf"):
        report.write(filled, tmp_path / "r.doc")
    with pytest.raises(BadInput, match="There is no ranking"):
        report.write(filled, tmp_path / "r.html", reference="nobody's")


def test_without_battles_asked_for_none_is_printed(filled: Store) -> None:
    assert "Chosen battles" not in report.html(filled, choice=Choice(number=0))


def test_days_are_told_as_days(filled: Store) -> None:
    text = report.html(filled, slices.Slice(since=slices.day("2001-02-03")), choice=Choice(number=0))
    assert "since 2001-02-03 00:00 UTC" in text
