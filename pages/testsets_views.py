"""What the test-set page shows: a set's card and charts, one instruction's story, two sets side by side."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from arena import jobs
from arena.records import ArenaError, Json
from arena.store import Store
from arena.testsets import build, catalog
from pages import testsets_charts
from pages.table import Cell, Link, table

EVERY = "all"
BANDS: dict[str, tuple[float | None, float | None]] = {
    "0 to 2": (None, 2),
    "2 to 4": (2, 4),
    "4 to 6": (4, 6),
    "6 to 8": (6, 8),
    "8 to 10": (8, None),
}
"""Menu word -> difficulty, from and to."""
WORDS = {
    "rated": "rated for difficulty",
    "diverse": "from all clusters evenly",
    "hard": "for their difficulty",
    "overlap": "in both halves, replaced by the next hardest",
    "spared": "left to other sets",
}
"""A recipe's figure -> what the card says of it."""


@dataclass(frozen=True)
class Asked:
    """What the address says of the list inside a set; a menu whose value is not among its choices shows all."""

    text: str = ""
    category: str = EVERY
    language: str = EVERY
    cluster: int = -1
    band: str = EVERY
    order: str = "position"
    several: bool = False

    @staticmethod
    def of(query: Mapping[str, str]) -> Asked:
        cluster = query.get("cluster", "")
        return Asked(
            query.get("text", "")[:200],
            query.get("category") or EVERY,
            query.get("language") or EVERY,
            int(cluster) if cluster.isdecimal() and len(cluster) < 7 else -1,
            query["band"] if query.get("band") in BANDS else EVERY,
            query["order"] if query.get("order") in catalog.ORDERS else "position",
            query.get("several") == "1",
        )

    def kept(self) -> catalog.Filter:
        easiest, hardest = BANDS.get(self.band, (None, None))
        return catalog.Filter(
            self.text,
            "" if self.category == EVERY else self.category,
            "" if self.language == EVERY else self.language,
            None if self.cluster < 0 else self.cluster,
            hardest,
            easiest,
            self.several,
        )


def show(store: Store, name: str | None, colour: str, asked: Asked = Asked()) -> tuple[Any, ...]:
    """The card, its two charts, seven filters, the map, the clusters, the funnel, what was dropped, and the button
    for rejects."""
    if not name:
        nothing = testsets_charts.shares(
            catalog.testsets(store).select(name="name", count="size"), "name", ""
        )
        text = "<p>No test set yet. <b>Build a new one</b> makes the first of what comes along.</p>"
        return text, nothing, nothing, *(gr.skip() for _ in range(7)), nothing, "", nothing, "", no_rejects()
    card = catalog.card(store, name)
    stages = _stages(card.testset.settings.get("funnel"))
    clusters = catalog.clusters(store, name)
    groups = [(EVERY, -1), *((f"{r['number']}: {r['name']}", r["number"]) for r in clusters.to_dicts())]
    kinds = testsets_charts.shares(card.categories, "category", "Categories")
    return (
        card_html(card),
        kinds,
        testsets_charts.difficulties(card.difficulties, card.testset.difficulty, kinds.layout.height),
        asked.text,
        _menu(card.categories["category"].to_list(), asked.category),
        _menu(card.languages["language"].to_list(), asked.language),
        gr.Dropdown(groups, value=asked.cluster if asked.cluster in [n for _, n in groups] else -1),
        asked.band,
        asked.order,
        asked.several,
        place(store, name, colour),
        table(
            ["cluster", "typical words", "in the source", "in this set", "cohesion"],
            [
                [r["number"], r["name"], r["size"], r["picked"], r["cohesion"]]
                for r in clusters.head(500).to_dicts()
            ],
        )
        if len(clusters)
        else "<p>This set is not clustered: its recipe needed no embeddings.</p>",
        testsets_charts.funnel(stages),
        dropped_html(stages),
        no_rejects()
        if rejects_of(store, name) is None
        else gr.DownloadButton(PREPARE, value=None, visible=True),
    )


def _menu(found: list[str | None], value: str) -> Any:
    choices = [EVERY, *filter(None, found)]
    return gr.Dropdown(choices, value=value if value in choices else EVERY)


PREPARE = "Prepare the rejected rows"


def no_rejects() -> Any:
    return gr.DownloadButton(value=None, visible=False)


def rejects_of(store: Store, name: str) -> Path | None:
    """The file of rows that a set's build could not read, each with line and reason; None when there is none."""
    run = catalog.find(store, name).settings.get("run")
    try:
        path = jobs.find(store.home, str(run or "")).folder / build.REJECTS
    except ArenaError:
        return None
    return path if path.is_file() and path.stat().st_size else None


def downloadable(path: Path) -> str:
    """A copy where the server may serve it from: the arena itself may lie anywhere."""
    return str(shutil.copy(path, Path(tempfile.mkdtemp(prefix="testset-")) / path.name))


def sets_html(store: Store) -> str:
    """Every set, newest first, each a link."""
    frame = catalog.testsets(store)
    if frame.is_empty():
        return "<p>No test set yet. <b>Build a new one</b> makes the first of what comes along.</p>"
    frame = frame.join(catalog.makeup(store), "name", "left", maintain_order="left")
    rows: list[list[Cell]] = [
        [
            Link(r["name"], f"testsets?{urlencode({'testset': r['name']})}"),
            "testing" if r["purpose"] == "test" else "training",
            r["recipe"],
            r["size"],
            r["categories"],
            r["languages"],
            r["several_turns"],
            r["seed"],
            r["source"],
            r["embedding"] or "none",
            r["difficulty"] or "not rated",
            time.strftime("%Y-%m-%d %H:%M", time.localtime(r["made_at"])) + " (recorded)" * r["recorded"],
        ]
        for r in frame.iter_rows(named=True)
    ]
    heads = ["set", "for", "recipe", "size", "categories", "languages", "several turns", "seed", "source"]
    return table([*heads, "embedding", "difficulty by", "made"], rows)


def cluster_names(store: Store, testset: str) -> dict[int, str]:
    return {row["number"]: row["name"] for row in catalog.clusters(store, testset).to_dicts()}


def place(store: Store, name: str, colour: str) -> Any:
    return testsets_charts.place(catalog.points(store, name), cluster_names(store, name), colour)


def _stages(value: Json) -> list[Mapping[str, Json]]:
    return [stage for stage in value if isinstance(stage, dict)] if isinstance(value, list) else []


def card_html(card: catalog.Card) -> str:
    """A set at a glance."""
    made, settings = card.testset, card.testset.settings
    facts = settings.get("facts")
    named = facts if isinstance(facts, dict) else {}
    turns = {int(n): int(count) for n, count in card.turns.iter_rows()}
    several = sum(count for n, count in turns.items() if n > 1)
    parts = [
        f"<b>{made.size:,}</b> instructions for {'testing' if made.purpose == 'test' else 'training'}",
        f"recipe <b>{escape(made.recipe)}</b>, seed {made.seed}",
        f"from {escape(made.source)}",
        f"{several:,} with several turns (most: {max(turns, default=0)})",
        f"{card.clusters:,} clusters by {escape(made.embedding)}" if made.embedding else "not clustered",
        f"difficulty by {escape(made.difficulty)}" if made.difficulty else "difficulty not rated",
        f"content {escape(made.content_hash)}",
    ]
    if named:
        told = [f"{v:,} {WORDS.get(str(k), str(k))}" for k, v in named.items() if isinstance(v, int) and v]
        parts.append(escape("; ".join(told)))
    if isinstance(refused := settings.get("rejected"), int) and refused:
        parts.append(f"{refused:,} rows could not be read")
    touched = [s for s in _stages(settings.get("funnel")) if s["step"] in ("overlap", "neighbours")]
    if touched and settings.get("benchmarks"):
        leaks = sum(int(str(stage["dropped"])) for stage in touched)
        parts.append(f"{leaks:,} rows dropped as too close to benchmarks")
    else:
        parts.append("not checked against any benchmark")
    if made.recorded:
        parts.append("<b>recorded</b>: ships with the app")
    overlaps = [f"{escape(r['testset'])} ({r['shared']:,})" for r in card.overlaps.head(8).to_dicts()]
    shared = (
        f"<p>Shares instructions with {', '.join(overlaps)}.</p>"
        if overlaps
        else ("<p>Shares no instruction with any other set.</p>")
    )
    return f"<h3>{escape(made.name)}</h3><p>{' · '.join(parts)}</p>{shared}"


def dropped_html(stages: list[Mapping[str, Json]]) -> str:
    """Samples of what each step dropped, with the reason."""
    rows: list[list[Cell]] = []
    for stage in stages:
        samples = stage.get("samples")
        for sample in samples if isinstance(samples, list) else []:
            assert isinstance(sample, dict)
            rows.append([str(stage["step"]), *(str(sample[word]) for word in ("line", "reason", "text"))])
    if not rows:
        return "<p>Nothing was dropped.</p>" if stages else ""
    return "<h4>Samples of what was dropped</h4>" + table(["step", "line", "reason", "text"], rows)


def compare(store: Store, first: str | None, second: str | None) -> tuple[str, Any, Any]:
    if not first or not second:
        return "<p>Choose two sets.</p>", None, None
    found = catalog.compare(store, first, second)
    rows: list[list[Cell]] = [
        ["instructions", found.first.testset.size, found.second.testset.size],
        ["recipe", found.first.testset.recipe, found.second.testset.recipe],
        ["source", found.first.testset.source, found.second.testset.source],
        ["seed", found.first.testset.seed, found.second.testset.seed],
        ["mean difficulty", _mean(found.first.difficulties), _mean(found.second.difficulties)],
        ["only here", found.only_first, found.only_second],
        ["in both", found.shared, found.shared],
    ]
    names = (first, second)
    return (
        table(["", first, second], rows),
        testsets_charts.versus(found.first.categories, found.second.categories, "category", names),
        testsets_charts.versus(found.first.languages, found.second.languages, "language", names),
    )


def _mean(scores: list[float]) -> str:
    return f"{sum(scores) / len(scores):.2f}" if scores else "not rated"
