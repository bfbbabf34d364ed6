"""Immutable, hashed sets of examples: preview them, make them, list them, export them."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from arena.flywheel.bouts import Bout
from arena.flywheel.presets import PRESETS
from arena.flywheel.selection import PROMPT_STAGES, Candidate, Selected, Selection, candidates, choose, select
from arena.records import BadInput, Example, Json, TrainingSet, content_id, to_json
from arena.store import Store

KS = tuple(n / 2 for n in range(11))
"""The gaps at which the preview counts: 0, 0.5, ... 5."""


@dataclass(frozen=True)
class Preview:
    """What a selection would train on, before anything is saved. Frames are small: bounded by menus."""

    selected: Selected
    bouts: int
    pool: int
    """Battles that could teach at all, before gap and filters."""
    curve: pl.DataFrame
    """k, examples."""
    teachers: pl.DataFrame
    """teacher, examples, share."""
    categories: pl.DataFrame
    """category, selected, whole: shares of the selection and of all battles."""
    lengths: pl.DataFrame
    """characters, of each selected example (instruction and label)."""
    difficulty: float | None
    """Mean rated difficulty of the selection; the paper's rises 5.8, 6.5, 7.4 over its rounds."""
    difficulty_whole: float | None


def preview(
    bouts: Iterable[Bout],
    student: str,
    stage: str,
    selection: Selection,
    scores: Mapping[str, float] | None = None,
) -> Preview:
    """Counts along K, teachers, categories and lengths of what these settings select."""
    bouts = list(bouts)
    pool = candidates(bouts, student, stage, selection)
    chosen = choose(pool, stage, selection, scores)
    counts = [len(choose(pool, stage, dataclasses.replace(selection, k=k), scores).kept) for k in KS]
    teachers = Counter(c.teacher for c in chosen.kept).most_common()
    return Preview(
        chosen,
        len(bouts),
        len(pool),
        pl.DataFrame({"k": KS, "examples": counts}),
        pl.DataFrame(
            [(name, n, n / len(chosen.kept)) for name, n in teachers],
            schema={"teacher": pl.String, "examples": pl.Int64, "share": pl.Float64},
            orient="row",
        ),
        _categories(chosen.kept, bouts),
        pl.DataFrame({"characters": [c.characters for c in chosen.kept]}, schema={"characters": pl.Int64}),
        _mean([c.difficulty for c in chosen.kept]),
        _mean([b.difficulty for b in bouts]),
    )


def _mean(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def _categories(kept: Iterable[Candidate], bouts: list[Bout]) -> pl.DataFrame:
    whole = Counter(bout.category or "none" for bout in bouts)
    part = Counter(c.category or "none" for c in kept)
    rows = [
        (name, part[name] / max(1, part.total()), n / max(1, whole.total()))
        for name, n in whole.most_common(12)
    ]
    schema = {"category": pl.String, "selected": pl.Float64, "whole": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def make_training_set(
    store: Store,
    name: str,
    student: str,
    stage: str,
    selection: Selection,
    bouts: Iterable[Bout],
    source: Mapping[str, Json] | None = None,
    scores: Mapping[str, float] | None = None,
) -> TrainingSet:
    """Select, hash and save; making the same set again gives the one that is there.

    Args:
        source: where the bouts were read (test set, judge, run), kept with the settings.

    Raises:
        BadInput: nothing was selected, or the name holds another set.
    """
    if stage not in PRESETS:
        raise BadInput(f"No stage {stage!r}; choose one of {', '.join(PRESETS)}.")
    bouts = list(bouts)
    chosen = select(bouts, student, stage, selection, scores)
    if not chosen.kept:
        reasons = ", ".join(f"{n} {reason}" for reason, n in chosen.dropped.items()) or "no battle qualifies"
        raise BadInput(
            f"No example is left for {student}: {reasons}. Lower K (now {selection.k:g}), "
            "loosen a filter, or battle on more instructions."
        )
    examples = [_example(name, n, c, stage) for n, c in enumerate(chosen.kept)]
    settings: dict[str, Json] = {
        **to_json(selection),
        "source": dict(source or {}),
        "dropped": dict(chosen.dropped),
        "by_hand": {bout.battle: bout.picked for bout in bouts if bout.picked is not None},
    }
    digest = content_id(stage, student, [[list(e.turns), list(e.chosen), list(e.rejected)] for e in examples])
    before = store.get(TrainingSet, name)
    if before is not None:
        if before.content_hash == digest:
            return before
        raise BadInput(f"The training set {name!r} is there with other examples; choose another name.")
    made = TrainingSet(name, stage, selection.strategy, student, settings, len(examples), digest)
    store.save([made, *examples])
    return made


def _example(name: str, position: int, c: Candidate, stage: str) -> Example:
    prompts_only = stage in PROMPT_STAGES
    return Example(
        id=content_id("example", name, position, c.battle),
        training_set=name,
        position=position,
        instruction=c.instruction,
        turns=c.turns,
        chosen=() if prompts_only else c.chosen,
        rejected=c.rejected if stage in {"dpo", "reward"} else (),
        teacher="" if prompts_only else c.teacher,
        margin=None if prompts_only else c.margin,
        battle=c.battle,
    )


def examples(store: Store, name: str) -> list[Example]:
    """The rows of a training set in order.

    Raises:
        BadInput: there is no such set.
    """
    if store.get(TrainingSet, name) is None:
        raise BadInput(f"There is no training set {name!r}.")
    return store.load(Example, "training_set = ?", [name], "position")


def training_sets(store: Store) -> pl.DataFrame:
    """name, stage, strategy, student, size, content_hash, made_at; newest first."""
    return store.query(
        "SELECT name, stage, strategy, student, size, content_hash, made_at FROM training_set "
        "ORDER BY made_at DESC"
    )


TEXT = r"regexp_replace(lower(trim(array_to_string(turns, ' '))), '\s+', ' ', 'g')"
"""A conversation's words as SQL, whatever its white space and case."""


def leaks(store: Store, training_set: str) -> list[str]:
    """Instructions of the set whose text also stands in a held-out test set, by content (white space and
    case do not count). A report on such a test set would flatter the student."""
    frame = store.query(
        f"""
        WITH held AS (
            SELECT DISTINCT {TEXT} AS text FROM instruction WHERE id IN (
                SELECT instruction FROM pick WHERE testset IN (
                    SELECT name FROM test_set WHERE purpose = 'test'
                )
            )
        )
        SELECT instruction FROM example
        WHERE training_set = ? AND {TEXT} IN (SELECT text FROM held) ORDER BY position
        """,
        [training_set],
    )
    return frame["instruction"].to_list()


def shared(store: Store, split: str, held_out: str) -> list[str]:
    """Texts of the split's instructions that stand in the other test set too, by content as above."""
    members = "instruction WHERE id IN (SELECT instruction FROM pick WHERE testset = ?)"
    frame = store.query(
        f"""SELECT DISTINCT {TEXT} AS text FROM {members}
        AND {TEXT} IN (SELECT {TEXT} FROM {members}) ORDER BY text""",
        [split, held_out],
    )
    return frame["text"].to_list()


def trl_row(example: Example) -> dict[str, Json]:
    """The example in the conversational shape that TRL's trainers read."""
    prompt: list[Json] = [{"role": "user", "content": example.turns[0]}]
    row: dict[str, Json] = {"prompt": prompt}
    if example.rejected:
        row["chosen"] = _reply(example.turns, example.chosen)
        row["rejected"] = _reply(example.turns, example.rejected)
    elif example.chosen:
        row["completion"] = _reply(example.turns, example.chosen)
    return row


def _reply(turns: tuple[str, ...], answers: tuple[str, ...]) -> list[Json]:
    """The conversation after the first user turn: answer, user, answer, ..."""
    messages: list[Json] = []
    for n, answer in enumerate(answers):
        if n:
            messages.append({"role": "user", "content": turns[n]})
        messages.append({"role": "assistant", "content": answer})
    return messages


EXPORTS = ("jsonl", "parquet", "trl")


def export(store: Store, name: str, path: Path, form: str = "jsonl") -> int:
    """Write a training set to a file and say how many rows it has.

    "jsonl" and "parquet" hold our own fields, "trl" TRL's conversational shape as JSON lines.

    Raises:
        BadInput: unknown set or form, or a file that exists.
    """
    rows = examples(store, name)
    if form not in EXPORTS:
        raise BadInput(f"No export form {form!r}; choose one of {', '.join(EXPORTS)}.")
    if path.exists():
        raise BadInput(f"{path} exists already; name a new file.")
    if form == "parquet":
        pl.DataFrame([to_json(row) for row in rows], infer_schema_length=None).write_parquet(path)
        return len(rows)
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(trl_row(row) if form == "trl" else to_json(row), ensure_ascii=False) + "\n")
    return len(rows)
