"""Everything known of one instruction: its sets, its ratings, who answered it, and the battles it was fought in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from urllib.parse import urlencode

import gradio as gr

from arena.records import ArenaError
from arena.store import Store
from arena.testsets import catalog
from pages.table import Cell, Link, table
from pages.testsets_views import cluster_names


def story(store: Store, identity: str) -> str:
    """Everything known of one instruction, or nothing when the address names none."""
    if not re.fullmatch(r"[0-9a-f]{16}", identity):
        return ""
    try:
        known = catalog.story(store, identity)
    except ArenaError as error:
        raise gr.Error(str(error)) from error
    names = {p.testset: cluster_names(store, p.testset) for p in known.picks[:10]}
    return story_html(known, names)


def story_html(known: catalog.Story, names: Mapping[str, Mapping[int, str]]) -> str:
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
        rows: list[list[Cell]] = [
            [
                Link(p.testset, f"testsets?{urlencode({'testset': p.testset})}"),
                p.position,
                "" if p.cluster is None else f"{p.cluster}: {names.get(p.testset, {}).get(p.cluster, '')}",
                p.difficulty,
            ]
            for p in known.picks
        ]
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
            [
                Link("read", f"battle?{urlencode({'id': b.id, 'instruction': made.id})}"),
                b.contender_a,
                b.contender_b,
                str(b.winner),
                _score(b.score_a),
                _score(b.score_b),
                b.judge,
            ]
            for b in known.battles
        ]
        parts.append(
            "<h4>Battles</h4>" + table(["", "A", "B", "winner", "score A", "score B", "judge"], rows)
        )
    if not known.responses and not known.battles:
        parts.append("<p>Nobody has answered it yet.</p>")
    return "".join(parts)


def _score(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
