"""What the test-set page shows: a set's card and charts, one instruction's story, two sets side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any

import gradio as gr

from arena.records import ArenaError, Json
from arena.store import Store
from arena.testsets import catalog
from pages import testsets_charts

EVERY = "all"


def show(store: Store, name: str | None, colour: str) -> tuple[Any, ...]:
    every = gr.Dropdown(choices=[EVERY], value=EVERY)
    if not name:
        nothing = testsets_charts.shares(
            catalog.testsets(store).select(name="name", count="size"), "name", ""
        )
        text = "<p>No test set yet. <b>Build a new one</b> makes the first of what comes along.</p>"
        no_group = gr.Dropdown(choices=[(EVERY, -1)], value=-1)
        return text, nothing, nothing, every, every, no_group, nothing, "", nothing, ""
    card = catalog.card(store, name)
    stages = _stages(card.testset.settings.get("funnel"))
    clusters = catalog.clusters(store, name)
    return (
        card_html(card),
        testsets_charts.shares(card.categories, "category", "Categories"),
        testsets_charts.difficulties(card.difficulties, card.testset.difficulty),
        gr.Dropdown(choices=[EVERY, *filter(None, card.categories["category"].to_list())], value=EVERY),
        gr.Dropdown(choices=[EVERY, *filter(None, card.languages["language"].to_list())], value=EVERY),
        gr.Dropdown(
            choices=[
                (EVERY, -1),
                *((f"{r['number']}: {r['name']}", r["number"]) for r in clusters.to_dicts()),
            ],
            value=-1,
        ),
        place(store, name, colour),
        table(
            ["cluster", "typical words", "in the source", "in this set", "cohesion"],
            [
                [r["number"], r["name"], r["size"], r["picked"], r["cohesion"]]
                for r in clusters.head(500).to_dicts()
            ],
        ),
        testsets_charts.funnel(stages),
        dropped_html(stages),
    )


def place(store: Store, name: str, colour: str) -> Any:
    names = {row["number"]: row["name"] for row in catalog.clusters(store, name).to_dicts()}
    return testsets_charts.place(catalog.points(store, name), names, colour)


def _stages(value: Json) -> list[Mapping[str, Json]]:
    return [stage for stage in value if isinstance(stage, dict)] if isinstance(value, list) else []


STYLE = """<style>
table.seen,table.seen :is(thead,tbody,tr){border:0!important}
table.seen{border-collapse:collapse!important;font-size:.9rem;width:auto}
table.seen :is(th,td){text-align:left!important;vertical-align:top;padding:.4rem .8rem!important;
border:0 solid rgba(128,128,128,.28)!important;border-bottom-width:1px!important}
table.seen th{font-weight:600!important}
</style>"""
"""Gradio draws a frame in the colour of the text around each cell otherwise."""


def table(headers: list[str], rows: list[list[object]]) -> str:
    """Every value escaped."""
    head = "".join(f"<th>{escape(name)}</th>" for name in headers)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape('' if v is None else str(v))}</td>" for v in row) + "</tr>"
        for row in rows
    )
    whole = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    label = escape("Table of " + ", ".join(filter(None, headers)))
    scrolls = f'<div style="overflow-x:auto" tabindex="0" role="region" aria-label="{label}">'
    return f'{STYLE}{scrolls}<table class="seen">{whole}</table></div>'


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
        parts.append(", ".join(f"{escape(str(k))} {v:,}" for k, v in named.items() if isinstance(v, int)))
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
    rows: list[list[object]] = []
    for stage in stages:
        samples = stage.get("samples")
        for sample in samples if isinstance(samples, list) else []:
            assert isinstance(sample, dict)
            rows.append([stage["step"], sample["line"], sample["reason"], sample["text"]])
    if not rows:
        return "<p>Nothing was dropped.</p>" if stages else ""
    return "<h4>Samples of what was dropped</h4>" + table(["step", "line", "reason", "text"], rows)


def story(store: Store, identity: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{16}", identity):
        return ""
    try:
        known = catalog.story(store, identity)
    except ArenaError as error:
        raise gr.Error(str(error)) from error
    return story_html(known)


def story_html(known: catalog.Story) -> str:
    """Everything known of one instruction; every text of others is escaped."""
    made = known.instruction
    turns = "".join(
        f'<blockquote style="white-space:pre-wrap">{escape(turn[:20_000])}</blockquote>'
        for turn in made.turns
    )
    facts = " · ".join(filter(None, (made.category, made.language, made.source, made.id)))
    parts = [f"<h3>Instruction</h3>{turns}<p>{escape(facts)}</p>"]
    if made.reference:
        parts.append(f"<p><b>Reference:</b> {escape(' / '.join(made.reference)[:2000])}</p>")
    if made.check:
        parts.append(f"<p><b>Code can check it:</b> {escape(str(dict(made.check)))}</p>")
    if known.picks:
        rows: list[list[object]] = [[p.testset, p.position, p.cluster, p.difficulty] for p in known.picks]
        parts.append("<h4>In these sets</h4>" + table(["set", "position", "cluster", "difficulty"], rows))
    if known.difficulties:
        rows = [[d.rater, d.score, str(d.outcome), d.explanation[:300]] for d in known.difficulties]
        parts.append("<h4>Ratings of difficulty</h4>" + table(["rater", "score", "outcome", "words"], rows))
    if known.responses:
        rows = [
            [r.contender, r.outcome, r.tokens_out, "\n---\n".join(r.answers)[:600]] for r in known.responses
        ]
        parts.append("<h4>Answers</h4>" + table(["contender", "outcome", "tokens", "answer"], rows))
    if known.battles:
        rows = [
            [b.contender_a, b.contender_b, str(b.winner), b.score_a, b.score_b, b.judge]
            for b in known.battles
        ]
        parts.append("<h4>Battles</h4>" + table(["A", "B", "winner", "score A", "score B", "judge"], rows))
    if not known.responses and not known.battles:
        parts.append("<p>Nobody has answered it yet.</p>")
    return "".join(parts)


def compare(store: Store, first: str | None, second: str | None) -> tuple[str, Any, Any]:
    if not first or not second:
        return "<p>Choose two sets.</p>", None, None
    found = catalog.compare(store, first, second)
    rows: list[list[object]] = [
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
