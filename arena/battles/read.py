"""Battles and votes made elsewhere, in the shapes people have them in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from arena.battles.rows import Row, read_rows
from arena.records import (
    BadInput,
    Battle,
    Contender,
    Instruction,
    Json,
    Record,
    Response,
    Source,
    Winner,
    content_id,
)
from arena.store import Store

WORDS: dict[str, Winner] = {
    "model_a": Winner.A,
    "model_b": Winner.B,
    "a": Winner.A,
    "b": Winner.B,
    "left": Winner.A,
    "right": Winner.B,
    "tie": Winner.TIE,
    "draw": Winner.TIE,
    "tie (bothbad)": Winner.BOTH_BAD,
    "both_bad": Winner.BOTH_BAD,
    "bothbad": Winner.BOTH_BAD,
}
LEVELS: dict[str, float] = {"A>>B": 2.0, "A>B": 1.0, "A=B": 0.0, "B=A": 0.0, "B>A": -1.0, "B>>A": -2.0}
ARENA_HARD_BASELINE = "gpt-4-0314"


@dataclass(frozen=True)
class Foreign:
    """One battle as a file tells it."""

    a: str
    b: str
    winner: Winner
    turns: tuple[str, ...] = ()
    answers_a: tuple[str, ...] = ()
    answers_b: tuple[str, ...] = ()
    judge: str = ""
    identity: str = ""
    """The file's own name of the instruction."""
    score_a: float | None = None
    score_b: float | None = None
    category: str = ""
    language: str = ""
    flipped: bool = False


def lmsys(row: Row) -> Foreign:
    """Chatbot Arena's votes: model_a, model_b, winner, and conversations where they are given."""
    first, second = _conversation(row, "conversation_a"), _conversation(row, "conversation_b")
    return Foreign(
        row.needed("model_a"),
        row.needed("model_b"),
        _winner(row),
        first[0] or tuple(filter(None, [row.text("prompt")])),
        first[1] or tuple(filter(None, [row.text("response_a")])),
        second[1] or tuple(filter(None, [row.text("response_b")])),
        row.text("judge", "judge_hash"),
        row.text("question_id", "id"),
        language=row.text("language"),
    )


def evalica(row: Row) -> Foreign:
    """left, right, winner."""
    return Foreign(row.needed("left"), row.needed("right"), _winner(row), judge=row.text("judge"))


def alpaca_eval(row: Row) -> Foreign:
    """AlpacaEval's annotations: preference 1 for the first output, 2 for the second, 1.5 for a tie."""
    preference = row.number("preference")
    if preference is None or not 0 <= preference <= 2:
        raise BadInput(f"{row.place}: preference is {row.text('preference')!r}, not a number from 1 to 2.")
    winner = Winner.TIE if preference in {0.0, 1.5} else Winner.A if preference < 1.5 else Winner.B
    return Foreign(
        row.needed("generator_1"),
        row.needed("generator_2"),
        winner,
        (row.needed("instruction"),),
        (row.text("output_1"),),
        (row.text("output_2"),),
        row.text("annotator"),
        category=row.text("dataset"),
    )


def arena_hard(row: Row) -> Foreign:
    """Arena-Hard's judgments: in the first game the baseline sits first, in the second the model does."""
    games = row.values.get("games")
    if not isinstance(games, list) or len(games) < 2:
        raise BadInput(f"{row.place} has no list 'games' of two games.")
    leads = [_lead(game, row.place) for game in games[:2]]
    margin = (leads[1] - leads[0]) / 2
    return Foreign(
        row.needed("model"),
        row.text("baseline") or ARENA_HARD_BASELINE,
        Winner.TIE if margin == 0 else Winner.A if margin > 0 else Winner.B,
        judge=row.text("judge"),
        identity=row.needed("question_id", "uid"),
        score_a=5.5 + 1.5 * margin,
        score_b=5.5 - 1.5 * margin,
        category=row.text("category"),
        flipped=leads[0] * leads[1] > 0,
    )


def generic(row: Row) -> Foreign:
    """contender_a, contender_b, winner; instruction, answer_a, answer_b, score_a, score_b, judge if known."""
    turns = row.values.get("turns")
    asked = (
        tuple(str(t) for t in turns)
        if isinstance(turns, list)
        else tuple(filter(None, [row.text("instruction")]))
    )
    return Foreign(
        row.needed("contender_a"),
        row.needed("contender_b"),
        _winner(row),
        asked,
        _texts(row, "answer_a"),
        _texts(row, "answer_b"),
        row.text("judge"),
        row.text("instruction_id"),
        row.number("score_a"),
        row.number("score_b"),
        row.text("category"),
        row.text("language"),
    )


FORMATS: dict[str, Callable[[Row], Foreign]] = {
    "lmsys": lmsys,
    "evalica": evalica,
    "alpaca_eval": alpaca_eval,
    "arena_hard": arena_hard,
    "generic": generic,
}
"""Name -> reader of one row."""

SIGNS: dict[str, tuple[str, ...]] = {
    "lmsys": ("model_a", "model_b", "winner"),
    "evalica": ("left", "right", "winner"),
    "alpaca_eval": ("generator_1", "generator_2", "preference"),
    "arena_hard": ("model", "games"),
    "generic": ("contender_a", "contender_b", "winner"),
}
"""Fields that tell a format."""


def guess_format(row: Row) -> str:
    """The first format whose fields are all there.

    Raises:
        BadInput: none fits; the text lists what each needs.
    """
    for name, fields in SIGNS.items():
        if all(field in row.values for field in fields):
            return name
    needs = "; ".join(f"{name}: {', '.join(fields)}" for name, fields in SIGNS.items())
    raise BadInput(f"{row.place} has the fields {', '.join(row.values)}, which fit no format ({needs}).")


@dataclass(frozen=True)
class Taken:
    """What an import brought."""

    format: str
    battles: int
    instructions: int
    responses: int
    new_contenders: tuple[str, ...]


def import_battles(store: Store, path: Path, format: str = "") -> Taken:
    """Save the file's battles; every row is checked before the first is saved.

    Importing a file twice is importing it once. Models that the arena does not know become recorded
    contenders.

    Raises:
        BadInput: an unknown format, or a row that does not fit, named by its line.
    """
    if format and format not in FORMATS:
        raise BadInput(f"No format {format!r}; choose one of {', '.join(FORMATS)}.")
    known = {c.name for c in store.load(Contender)}
    records: dict[tuple[str, str], Record] = {}
    fresh: dict[str, Contender] = {}
    for number, row in enumerate(read_rows(path)):
        format = format or guess_format(row)  # noqa: A001
        told = FORMATS[format](row)
        for record in _records(told, number, path.stem):
            records[type(record).__name__, record.id] = record
        for name in (told.a, told.b):
            if name not in known:
                fresh[name] = Contender(name, "recorded", description=f"Known by battles from {path.name}.")
    if not records:
        raise BadInput(f"{path.name} holds no battle.")
    store.save([*fresh.values(), *records.values()])
    count = {kind: sum(k == kind for k, _ in records) for kind in ("Battle", "Instruction", "Response")}
    return Taken(format, count["Battle"], count["Instruction"], count["Response"], tuple(fresh))


def _records(told: Foreign, number: int, file: str) -> Iterator[Record]:
    if told.a == told.b:
        raise BadInput(f"Battle {number + 1} of {file} is of {told.a!r} against itself.")
    instruction = ""
    if told.turns:
        made = Instruction.of(*told.turns, category=told.category, language=told.language, source=file)
        instruction = made.id
        yield made
    elif told.identity:
        instruction = content_id("imported instruction", told.identity)
    ids = []
    for name, answers in ((told.a, told.answers_a), (told.b, told.answers_b)):
        if told.turns and any(answers):
            said: list[Json] = list(answers)
            response = Response(
                content_id("imported response", name, instruction, said),
                name,
                instruction,
                "imported",
                0,
                answers,
            )
            ids.append(response.id)
            yield response
        else:
            ids.append("")
    margin = None
    if told.score_a is not None and told.score_b is not None:
        margin = told.score_a - told.score_b
    yield Battle(
        id=content_id("imported", file, number, told.identity, told.a, told.b, told.winner, told.judge),
        instruction=instruction,
        contender_a=told.a,
        contender_b=told.b,
        winner=told.winner,
        judge=told.judge or file,
        response_a=ids[0],
        response_b=ids[1],
        score_a=told.score_a,
        score_b=told.score_b,
        margin=margin,
        flipped=told.flipped,
        source=Source.IMPORTED,
        category=told.category,
        language=told.language,
    )


def _winner(row: Row) -> Winner:
    if all(name in row.values for name in ("winner_model_a", "winner_model_b")):  # the Kaggle release
        flags = [row.number(f"winner_model_{side}") for side in "ab"]
        return Winner.A if flags[0] else Winner.B if flags[1] else Winner.TIE
    word = row.needed("winner").strip().lower()
    if word not in WORDS:
        raise BadInput(f"{row.place}: winner is {word!r}; it should be one of {', '.join(WORDS)}.")
    return WORDS[word]


def _conversation(row: Row, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """User turns and assistant turns of a list of messages."""
    messages = row.values.get(name)
    if not isinstance(messages, list):
        return (), ()
    said: dict[str, list[str]] = {"user": [], "assistant": []}
    for message in messages:
        if isinstance(message, dict) and message.get("role") in said:
            said[str(message["role"])].append(str(message.get("content", "")))
    return tuple(said["user"]), tuple(said["assistant"])


def _texts(row: Row, name: str) -> tuple[str, ...]:
    value = row.values.get(name)
    if isinstance(value, list):
        return tuple(str(v) for v in value)
    return (str(value),) if value not in {None, ""} else ()


def _lead(game: Json, place: str) -> float:
    """How far the first seat leads, in Arena-Hard's levels."""
    score = game.get("score") if isinstance(game, dict) else None
    if not isinstance(score, str) or score not in LEVELS:
        raise BadInput(f"{place}: a game's score is {score!r}, not one of {', '.join(LEVELS)}.")
    return LEVELS[score]
