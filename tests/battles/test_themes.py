"""Themes: what explanations keep coming back to, found without a list of ours."""

from __future__ import annotations

import re

import pytest

from arena.battles.browse import Filter, window
from arena.battles.panels import panels
from arena.battles.themes import pattern, stem, themes
from arena.store import Store
from tests.browser.seed import fill

SAID = {
    **{
        f"c{n}": f"answer {n} is clearer and its structure is clear. well structured, clearly"
        for n in range(12)
    },
    **{f"w{n}": f"the arithmetic is wrong. a wrong calculation in step {n}" for n in range(9)},
    **{f"v{n}": "too verbose, it rambles. verbose and rambling" for n in range(6)},
}


def test_each_group_of_explanations_is_a_theme_of_its_own_words() -> None:
    found = themes(SAID, dict.fromkeys(SAID, "A") | {"w0": "B"})
    groups = {t.battles: t for t in found}
    assert set(groups) == {12, 9, 6}
    assert any(s.startswith(("clear", "structur")) for s in groups[12].stems)
    assert set(groups[9].stems) & {"wrong", "arithmetic", "calcul"}
    assert groups[9].a_won == 8
    assert any(s.startswith(("verbos", "rambl")) for s in groups[6].stems)
    assert [t.battles for t in found] == [12, 9, 6]


def test_the_same_explanations_make_the_same_themes() -> None:
    won = dict.fromkeys(SAID, "tie")
    assert themes(SAID, won) == themes(dict(reversed(SAID.items())), won)


def test_a_topic_a_set_phrase_and_a_note_in_brackets_are_no_themes() -> None:
    said = {
        f"b{n}": f"romeo and juliet by shakespeare. verdict: {'concise' if n % 2 else 'rambling'}. [alone 7.0]"
        if n < 20
        else f"verdict: {'concise' if n % 2 else 'rambling'}. [alone 8.1]"
        for n in range(90)
    }
    asked = {b: "Who wrote Romeo and Juliet?" if int(b[1:]) < 20 else f"Question {b}" for b in said}
    found = themes(said, dict.fromkeys(said, "A"), asked)
    assert sorted(t.name for t in found) == ["concise", "rambling"]


@pytest.mark.parametrize("said", [{}, {"a": ""}, {"a": "the and of"}, {"a": "unique words here"}])
def test_nothing_recurring_is_no_theme(said: dict[str, str]) -> None:
    assert themes(said, dict.fromkeys(said, "A")) == []


@pytest.mark.parametrize(
    ("word", "root"), [("clearly", "clear"), ("structured", "structur"), ("used", "used")]
)
def test_forms_of_a_word_share_a_beginning(word: str, root: str) -> None:
    assert stem(word) == root
    assert word.startswith(root)


def test_a_pattern_takes_no_word_for_a_command() -> None:
    assert re.search(pattern(["a(b", ".*"]), "anything") is None


def test_a_theme_filters_to_the_battles_it_was_counted_in(store: Store) -> None:
    fill(store)
    found = panels(store, Filter())
    assert found.themes
    for theme in found.themes:
        assert window(store, Filter(theme=" ".join(theme.stems)), 0, 1)[0] == theme.battles
    assert window(store, Filter(theme="nowhere"), 0, 1)[0] == 0


def test_a_bar_of_the_histogram_filters_to_its_battles(store: Store) -> None:
    fill(store)
    found = panels(store, Filter())
    for side, bars in (("A", found.hist_a), ("B", found.hist_b)):
        for score, battles in enumerate(bars, 1):
            assert window(store, Filter(score=f"{side} {score}"), 0, 1)[0] == battles
