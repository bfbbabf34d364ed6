"""A filter's battles as a file: CSV, JSON lines, DPO pairs, LLM Comparator's JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from arena.battles.browse import MOST_EXPORTED, Filter, order_of
from arena.records import BadInput
from arena.store import Store

Row = dict[str, Any]
"""One exported battle with its texts, as the query names them; never leaves this file."""
COLUMNS = (
    "id", "instruction", "category", "language", "contender_a", "contender_b", "winner", "score_a", "score_b",
    "margin", "flipped", "judge", "source", "run", "question", "answer_a", "answer_b",
)  # fmt: skip


@dataclass(frozen=True)
class Export:
    """A file for the browser to keep."""

    name: str
    kind: str
    """Its media type."""
    text: str
    battles: int
    """How many it holds."""
    left_out: int
    """How many of the filter it does not: over the limit, or no use in this format."""


def as_csv(rows: list[Row]) -> tuple[str, int]:
    """One row a battle. A cell that a spreadsheet would run as a formula gets a leading apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_inert(_flat(row[name])) for name in COLUMNS])
    return out.getvalue(), len(rows)


def as_json_lines(rows: list[Row]) -> tuple[str, int]:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), len(rows)


def as_dpo(rows: list[Row]) -> tuple[str, int]:
    """prompt, chosen, rejected as conversations (TRL's form); ties and multi-turn histories are left out."""
    lines = []
    for row in rows:
        if row["winner"] not in ("A", "B") or len(row["question"]) != 1:
            continue
        won, lost = ("answer_a", "answer_b") if row["winner"] == "A" else ("answer_b", "answer_a")
        if not row[won] or not row[lost]:
            continue
        pair = {
            "prompt": [{"role": "user", "content": row["question"][0]}],
            "chosen": [{"role": "assistant", "content": row[won][-1]}],
            "rejected": [{"role": "assistant", "content": row[lost][-1]}],
            "margin": abs(row["margin"] or 0),
            "battle": row["id"],
        }
        lines.append(json.dumps(pair, ensure_ascii=False) + "\n")
    return "".join(lines), len(lines)


def as_comparator(rows: list[Row]) -> tuple[str, int]:
    """The JSON that PAIR's LLM Comparator opens; score above 0 favours A."""
    names = sorted({row["contender_a"] for row in rows}), sorted({row["contender_b"] for row in rows})
    document = {
        "metadata": {"source_path": "WizardArena", "custom_fields_schema": []},
        "models": [{"name": " | ".join(n) or side} for n, side in zip(names, "AB", strict=True)],
        "examples": [
            {
                "input_text": "\n\n".join(row["question"] or []),
                "tags": [row["category"]] if row["category"] else [],
                "output_text_a": "\n\n".join(row["answer_a"] or []),
                "output_text_b": "\n\n".join(row["answer_b"] or []),
                "score": row["margin"]
                if row["margin"] is not None
                else {"A": 1, "B": -1}.get(row["winner"], 0),
                "individual_rater_scores": [],
            }
            for row in rows
        ],
    }
    return json.dumps(document, ensure_ascii=False), len(rows)


FORMATS: dict[str, tuple[str, str, Callable[[list[Row]], tuple[str, int]]]] = {
    "CSV": ("battles.csv", "text/csv", as_csv),
    "JSON lines": ("battles.jsonl", "application/jsonl", as_json_lines),
    "DPO pairs": ("dpo-pairs.jsonl", "application/jsonl", as_dpo),
    "LLM Comparator": ("llm-comparator.json", "application/json", as_comparator),
}
"""Menu word -> file name, media type, writer."""


def export(store: Store, chosen: Filter, kind: str) -> Export:
    """The filter's battles, in its order, up to `MOST_EXPORTED`.

    Raises:
        BadInput: no such format.
    """
    if kind not in FORMATS:
        raise BadInput(f"There is no format {kind!r}; choose from {', '.join(FORMATS)}.")
    name, media, write = FORMATS[kind]
    order = order_of(store, chosen)
    wanted = [int(row) for row in order[:MOST_EXPORTED]]
    rows: list[Row] = []
    for start in range(0, len(wanted), 2_000):
        rows += _rows(store, wanted[start : start + 2_000])
    text, written = write(rows)
    return Export(name, media, text, written, len(order) - written)


def _rows(store: Store, wanted: list[int]) -> list[Row]:
    frame = store.query(
        "SELECT b.rowid AS row, b.id, b.instruction, b.category, b.language, b.contender_a, b.contender_b, b.winner, "
        "b.score_a, b.score_b, b.margin, b.flipped, b.judge, b.source, b.run, i.turns AS question, "
        "x.answers AS answer_a, y.answers AS answer_b FROM (SELECT rowid, * FROM battle WHERE rowid IN "
        f"({', '.join(map(str, wanted))})) b LEFT JOIN instruction i ON i.id = b.instruction "
        "LEFT JOIN response x ON x.id = b.response_a LEFT JOIN response y ON y.id = b.response_b"
    )
    by_row = {row.pop("row"): row for row in frame.iter_rows(named=True)}
    return [by_row[row] for row in wanted if row in by_row]


def _flat(value: object) -> object:
    return "\n\n".join(map(str, value)) if isinstance(value, list) else value


def _inert(value: object) -> object:
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
