"""What leaves as a file can be read back, and a spreadsheet runs none of it."""

from __future__ import annotations

import csv
import io
import json

import pytest

from arena.battles import exports, panels
from arena.battles.browse import Filter
from arena.records import BadInput
from arena.store import Store
from tests.browser.seed import fill


@pytest.mark.parametrize("kind", list(exports.FORMATS))
def test_every_format_writes_the_filter(store: Store, kind: str) -> None:
    fill(store, {"amber-1b": "=HYPERLINK(1)"})
    made = exports.export(store, Filter.of({"category": "science"}), kind)
    assert made.battles + made.left_out == 9
    if kind == "CSV":
        rows = list(csv.DictReader(io.StringIO(made.text)))
        assert {r["category"] for r in rows} == {"science"}
        assert "'=HYPERLINK(1)" in {r["answer_a"] for r in rows}
    elif kind == "LLM Comparator":
        assert len(json.loads(made.text)["examples"]) == 9
    elif kind == "DPO pairs":
        pairs = [json.loads(line) for line in made.text.splitlines()]
        assert all(p["chosen"][0]["content"] != p["rejected"][0]["content"] for p in pairs)
        assert made.left_out == 0 or made.battles < 9


def test_an_unknown_format_is_refused(store: Store) -> None:
    with pytest.raises(BadInput, match="choose from CSV"):
        exports.export(store, Filter(), "PDF")


def test_the_panels_count_what_the_list_holds(store: Store) -> None:
    fill(store)
    found = panels.panels(store, Filter.of({"category": "science"}))
    assert sum(found.hist_a) == sum(found.hist_b) == 9
    assert [(s.name, s.battles) for s in found.categories] == [("science", 9)]
    assert found.themes[0].battles == 9
    assert sum(f[2] for f in found.flipped) == 3


def test_wilson_by_the_textbook() -> None:
    assert panels.wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert panels.wilson(0, 0) == (0.0, 1.0)
