"""The test-set page looks, filters, compares, plans and starts by plain functions."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import gradio as gr
import pytest

from arena import jobs
from arena.collector import collect
from arena.records import Instruction, Pick, TestSet
from arena.store import Store
from arena.testsets import catalog, plan
from pages import testsets, testsets_build, testsets_charts, testsets_form, testsets_story, testsets_views
from pages.testsets_form import AS_FOUND

NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture
def filled(store: Store) -> Store:
    texts = [f"Question {n} about {'red' if n % 2 else 'blue'} things" for n in range(20)] + [NASTY]
    found = [
        Instruction.of(text, category="a" if n < 10 else "b", language="English")
        for n, text in enumerate(texts)
    ]
    for name, part in (("one", found), ("two", found[:5])):
        store.save(part)
        store.save([Pick(name, i.id, n, n % 3, float(n % 10)) for n, i in enumerate(part)])
        settings = {
            "points": [[n / 30, 0.0] for n in range(len(part))],
            "clusters_found": [{"number": n, "name": NASTY, "size": 9, "cohesion": 0.5} for n in range(3)],
            "funnel": [{"step": "read", "kept": 21, "dropped": 0, "seconds": 0, "samples": []}],
        }
        store.save([TestSet(name, "mix", size=len(part), embedding="e", difficulty="d", settings=settings)])
    return store


def test_the_window_follows_the_address(filled: Store) -> None:
    everything = testsets._window(filled, 0, 10, {"testset": "one"})
    assert (everything.total, len(everything.rows)) == (21, 10)
    red = testsets._window(filled, 0, 50, {"testset": "one", "text": "RED", "category": "b"})
    assert red.total == 5
    assert testsets._window(filled, 0, 50, {"testset": "one", "cluster": "1"}).total == 7
    odd = testsets._window(filled, 0, 50, {"testset": "nope", "cluster": "x' OR 1", "order": "; DROP"})
    assert odd.total in (5, 21)
    assert everything.links[0].startswith("testsets?testset=one&instruction=")


def test_the_menus_of_a_reload_say_what_the_address_says(filled: Store) -> None:
    query = {"category": "b", "cluster": "1", "band": "8 to 10", "order": "nonsense", "several": "1"}
    asked = testsets_views.Asked.of(query)
    shown = testsets_views.show(filled, "one", "cluster", asked)
    assert [shown[4].value, shown[6].value, *shown[7:10]] == ["b", 1, "8 to 10", "position", True]
    hard = testsets._window(filled, 0, 50, {"testset": "one", "band": "8 to 10"})
    assert hard.total == 4
    assert (
        testsets_views.show(filled, "one", "cluster", testsets_views.Asked.of({"category": "x"}))[4].value
        == "all"
    )


def test_a_page_without_an_address_opens_on_a_set_for_testing(filled: Store) -> None:
    filled.save([TestSet("newest", "random", purpose="train", size=0, made_at=2e10)])
    frame = catalog.testsets(filled)
    assert frame["name"][0] == "newest"
    assert testsets._first(frame, "") in ("one", "two")
    assert testsets._first(frame, "newest") == "newest"
    shown = testsets_views.sets_html(filled)
    assert shown.index("testset=newest") < shown.index("testset=two")
    made = catalog.makeup(filled).sort("name").to_dicts()
    assert [(row["name"], row["several_turns"]) for row in made] == [("one", 0), ("two", 0)]


def test_an_instruction_leads_to_its_sets(filled: Store) -> None:
    html = testsets_story.story(filled, Instruction.of("Question 0 about blue things").id)
    assert '<a href="testsets?testset=two">two</a>' in html
    assert "0: &lt;img" in html


def test_nothing_that_others_wrote_becomes_markup(filled: Store) -> None:
    identity = Instruction.of(NASTY).id
    shown = [
        testsets_story.story(filled, identity),
        testsets_views.card_html(catalog.card(filled, "one")),
        "".join(map(str, testsets_views.show(filled, "one", "cluster")[10:14])),
        testsets_views.sets_html(filled),
        testsets_views.place(filled, "one", "cluster").to_json(),
    ]
    assert all("<img" not in html for html in shown)
    assert "&lt;img" in shown[0]


def test_an_unknown_instruction_in_the_address_is_no_trouble(filled: Store) -> None:
    assert testsets_story.story(filled, "../../etc") == ""
    with pytest.raises(gr.Error):
        testsets_story.story(filled, "0" * 16)


def test_an_empty_arena_says_what_to_do(store: Store) -> None:
    assert "Build a new one" in testsets_views.show(store, None, "cluster")[0]
    assert testsets._window(store, 0, 10, {}).total == 0


def test_two_sets_are_compared(filled: Store) -> None:
    html, categories, languages = testsets_views.compare(filled, "one", "two")
    assert "<td>in both</td><td>5</td>" in html
    assert len(categories.data) == len(languages.data) == 2


def test_charts_have_a_height_and_no_background(filled: Store) -> None:
    card = catalog.card(filled, "one")
    for figure in (
        testsets_charts.shares(card.categories, "category", "x"),
        testsets_charts.difficulties(card.difficulties, "d"),
        testsets_charts.difficulties([], ""),
        testsets_charts.funnel([]),
        testsets_charts.place(catalog.points(filled, "one"), {}, "difficulty"),
    ):
        assert figure.layout.height
        assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"


def test_the_preview_shows_the_mapping_and_takes_corrections(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("prompt,other\nthe first prompt,the other text\n", "utf-8")
    source = ("demo", None, str(path))
    html, _, _ = testsets_form.look(source, (AS_FOUND,) * 6)
    assert "Plain instructions" in html
    assert "the first prompt" in html
    html, _, _ = testsets_form.look(source, (AS_FOUND, "other", *(AS_FOUND,) * 4))
    assert "the other text" in html
    html, _, _ = testsets_form.look(("demo", None, "/nowhere"), (AS_FOUND,) * 6)
    assert "There is no file or folder" in html


def test_time_is_told_before_the_start() -> None:
    text = testsets_form.guess(
        ("demo", None, ""), ("mix", 40, 20, "all-minilm-l6-v2", "judge", 20, ["length"])
    )
    assert "300" in text
    assert "min" in text
    assert [plan.words_for(s) for s in (8, 180, 9000)] == ["8 s", "3 min", "2.5 h"]


def test_an_upload_is_kept_and_built(home: Path, tmp_path: Path) -> None:
    upload = tmp_path / "my upload?.jsonl"
    upload.write_text(
        "".join(f'{{"prompt": "Question number {n} of mine"}}\n' for n in range(9)) + "torn", "utf-8"
    )
    planned = ("mine", "random", 5, 4, 0, "tfidf-svd", "baseline", 20, 0, "pca", "test")
    cleaning = (["length"], 10, 20_000, 10, 0.7, 128, 8, 0.5, 5, 0.8, "English", [], True, "")
    with Store.open(home) as store:
        said = testsets_form.launch(store, (None, str(upload), ""), (AS_FOUND,) * 6, planned, cleaning)
        upload.unlink()
        assert "mine" in said
        (job,) = jobs.jobs(home)
        while jobs.status(job).active:
            pass
        collect(store)
        assert catalog.find(store, "mine").size == 5
        assert testsets_build._watch(store, "", 0.0)[0] == "mine"
        rejects = testsets_views.rejects_of(store, "mine")
        assert rejects is not None
        assert '"line": 10' in Path(testsets_views.downloadable(rejects)).read_text("utf-8")
        assert "1 rows could not be read" in testsets_views.card_html(catalog.card(store, "mine"))
        bench = tmp_path / "bench.jsonl"
        bench.write_text('{"prompt": "Question number 3 of mine"}\n', "utf-8")
        d0 = ("D0", "random", 5, 4, 0, "tfidf-svd", "baseline", 20, 0, "pca", "train")
        checked = (
            ["length", "overlap"],
            10,
            20_000,
            10,
            0.7,
            128,
            8,
            0.5,
            5,
            0.8,
            "English",
            [str(bench)],
            True,
            "",
        )
        testsets_form.launch(store, ("demo", None, ""), (AS_FOUND,) * 6, d0, checked)
        latest = jobs.jobs(home)[0]
        assert latest.settings["purpose"] == "train"
        assert latest.settings["benchmark_files"] == [str(bench)]
        jobs.stop(latest)
        with pytest.raises(gr.Error, match="exists already"):
            testsets_form.launch(store, ("demo", None, ""), (AS_FOUND,) * 6, planned, cleaning)
        assert dataclasses.is_dataclass(job)
