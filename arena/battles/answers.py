"""Answers made elsewhere join a test set, so that closed models take part without calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from arena.battles.instructions import instructions_in
from arena.battles.rows import Row, read_rows
from arena.records import BadInput, Contender, Json, Outcome, Response
from arena.store import Store


@dataclass(frozen=True)
class Joined:
    """What came of an import of answers."""

    saved: int
    by_id: int
    by_text: int
    unmatched: tuple[str, ...]
    """Places and beginnings of the answers whose instruction is not in the test set."""
    unanswered: int
    """Instructions of the test set that still have no answer of this contender."""


def import_answers(store: Store, path: Path, contender: str, testset: str) -> Joined:
    """Join answers to instructions by id, else by exact text, and keep them under the contender's sampling.

    Reads AlpacaEval's model_outputs, MT-Bench's and Arena-Hard's model_answer, and a generic shape:
    id or instruction (or turns), answer or answers.

    Raises:
        BadInput: no such test set, a row without answer, or no row that fits.
    """
    if not contender.strip():
        raise BadInput("Answers need the name of the contender who gave them.")
    instructions = instructions_in(store, testset)
    by_id = {i.id: i for i in instructions}
    by_text = {i.turns: i for i in instructions}
    owner = store.get(Contender, contender) or Contender(
        contender, "recorded", description=f"Answers imported from {path.name}."
    )
    found: dict[str, Response] = {}
    matched = {"id": 0, "text": 0}
    unmatched: list[str] = []
    samples: dict[str, int] = {}
    for row in read_rows(path):
        answers = answers_of(row)
        instruction = by_id.get(row.text("id", "instruction_id", "question_id", "uid"))
        how = "id"
        if instruction is None:
            instruction, how = by_text.get(asked_of(row)), "text"
        if instruction is None:
            unmatched.append(
                f"{row.place}: {' / '.join(asked_of(row))[:80] or row.text('id', 'question_id')}"
            )
            continue
        if len(answers) != len(instruction.turns):
            raise BadInput(
                f"{row.place} has {len(answers)} answers for an instruction of "
                f"{len(instruction.turns)} turns."
            )
        sample = samples.get(instruction.id, 0)
        samples[instruction.id] = sample + 1
        matched[how] += 1
        key = Response.key(contender, instruction.id, owner.sampling.id, sample)
        outcome = Outcome.OK if any(answers) else Outcome.EMPTY
        found[key] = Response(
            key, contender, instruction.id, owner.sampling.id, sample, answers, outcome, run="imported"
        )
    if not found:
        first = f", the first being {unmatched[0]}" if unmatched else ""
        raise BadInput(
            f"{path.name} answers no instruction of {testset}: {len(unmatched)} rows fit none by id or text{first}. "
            "`python -m arena testset export` writes its instructions with their ids."
        )
    store.save([owner, *found.values()])
    held = store.query(
        "SELECT count(DISTINCT instruction) FROM response WHERE contender = ? AND sampling = ? "
        "AND instruction IN (SELECT instruction FROM pick WHERE testset = ?)",
        [contender, owner.sampling.id, testset],
    ).item()
    return Joined(len(found), matched["id"], matched["text"], tuple(unmatched), len(by_id) - int(held))


def asked_of(row: Row) -> tuple[str, ...]:
    """The user's turns that a row tells."""
    turns = row.values.get("turns")
    if isinstance(turns, list):
        return tuple(_text(turn) for turn in turns)
    text = row.text("instruction", "prompt", "question")
    return (text,) if text else ()


def answers_of(row: Row) -> tuple[str, ...]:
    """The answers that a row tells, one a turn.

    Raises:
        BadInput: there is none.
    """
    values = row.values
    choices = values.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):  # MT-Bench, Arena-Hard v0.1
        turns = choices[0].get("turns")
        if isinstance(turns, list):
            return tuple(_text(turn) for turn in turns)
    messages = values.get("messages")
    if isinstance(messages, list):  # Arena-Hard v2
        said = [m for m in messages if isinstance(m, Mapping) and m.get("role") == "assistant"]
        return tuple(_text(m.get("content")) for m in said)
    several = values.get("answers")
    if isinstance(several, list):
        return tuple(_text(answer) for answer in several)
    for name in ("answer", "output", "response"):
        if name in values and isinstance(values[name], str):
            return (str(values[name]),)
    raise BadInput(f"{row.place} has no answer: neither answer, answers, output, choices nor messages.")


def _text(value: Json) -> str:
    """Arena-Hard wraps texts in {"content": ...} or {"answer": ...}."""
    if isinstance(value, Mapping):
        return _text(value.get("content", value.get("answer", "")))
    return value if isinstance(value, str) else ""
