"""Other people's battles and answers come in whole or not at all, and twice is once."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from arena.battles.answers import import_answers
from arena.battles.read import import_battles
from arena.records import BadInput, Battle, Contender, Instruction, Response, Source, Winner
from arena.store import Store
from tests.battles.conftest import small_arena

TALK = [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}]

FILES: dict[str, tuple[str, list[dict[str, object]]]] = {
    "lmsys": (
        "lmsys",
        [
            {"question_id": "q1", "model_a": "x", "model_b": "y", "winner": "model_a", "judge": "ann",
             "conversation_a": TALK, "conversation_b": TALK},
            {"question_id": "q2", "model_a": "x", "model_b": "y", "winner": "tie (bothbad)", "judge": "ann"},
        ],
    ),
    "evalica": (
        "evalica",
        [{"left": "x", "right": "y", "winner": "left"}, {"left": "x", "right": "y", "winner": "draw"}],
    ),
    "alpaca_eval": (
        "alpaca_eval",
        [
            {"instruction": "Hi?", "output_1": "A", "output_2": "B", "generator_1": "x", "generator_2": "y",
             "preference": 1.0, "annotator": "gpt"},
            {"instruction": "Ho?", "output_1": "A", "output_2": "B", "generator_1": "x", "generator_2": "y",
             "preference": 1.5, "annotator": "gpt"},
        ],
    ),
    "arena_hard": (
        "arena_hard",
        [
            {"question_id": "q1", "model": "x", "judge": "g", "games": [{"score": "B>>A"}, {"score": "A>B"}]},
            {"question_id": "q2", "model": "x", "judge": "g", "games": [{"score": "A>B"}, {"score": "A>B"}]},
        ],
    ),
    "generic": (
        "generic",
        [
            {"contender_a": "x", "contender_b": "y", "winner": "A", "instruction": "Hi?", "answer_a": "1",
             "answer_b": "2", "score_a": 8, "score_b": 3},
            {"contender_a": "x", "contender_b": "y", "winner": "both_bad"},
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_every_format_is_told_by_its_fields_and_read_twice_is_read_once(
    store: Store, tmp_path: Path, name: str
) -> None:
    expected, rows = FILES[name]
    file = tmp_path / "battles.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    for _ in range(2):
        taken = import_battles(store, file)
        assert (taken.format, taken.battles) == (expected, 2)
    battles = store.load(Battle)
    assert len(battles) == 2
    assert {b.source for b in battles} == {Source.IMPORTED}
    winners = {b.winner for b in battles}
    assert Winner.A in winners
    assert len(winners) == 2
    assert store.get(Contender, "x") is not None


def test_csv_and_parquet_say_the_same(store: Store, tmp_path: Path) -> None:
    frame = pl.DataFrame({"model_a": ["x", "y"], "model_b": ["y", "z"], "winner": ["model_b", "tie"]})
    frame.write_csv(tmp_path / "v.csv")
    frame.write_parquet(tmp_path / "v.parquet")
    import_battles(store, tmp_path / "v.csv")
    first = store.load(Battle, order="id")
    import_battles(store, tmp_path / "v.parquet")
    assert [b.id for b in store.load(Battle, order="id")] == [b.id for b in first]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "a.jsonl",
            '{"left": "x", "right": "y", "winner": "left"}\nnonsense',
            "line 2 of a.jsonl is not JSON",
        ),
        ("a.jsonl", '{"left": "x", "right": "y", "winner": "up"}', "line 1 of a.jsonl: winner is 'up'"),
        ("a.jsonl", '{"who": "x"}', "fit no format"),
        ("a.jsonl", "", "holds no battle"),
        ("a.csv", "left,right,winner\nx,y", "line 2 of a.csv has another number of fields"),
        ("a.txt", "x", "should end in"),
        ("a.json", '{"left": 1}', "should hold a JSON list"),
        ("a.csv", "left,right,winner\nx,x,left", "against itself"),
        ("a.csv", "left,right,winner\nx,,left", "line 2 of a.csv: the field 'right' is empty"),
        ("a.jsonl", "[" * 100_000, "line 1 of a.jsonl is not JSON"),
        ("a.jsonl", '{"left": "x\\ud800", "right": "y", "winner": "left"}', "half of a surrogate pair"),
        (
            "a.jsonl",
            '{"contender_a": "x", "contender_b": "y", "winner": "a", "score_a": NaN}',
            "score_a is 'nan', which is no number",
        ),
    ],
)
def test_a_row_that_does_not_fit_is_named_and_nothing_is_saved(
    store: Store, tmp_path: Path, name: str, text: str, words: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=words):
        import_battles(store, tmp_path / name)
    assert store.count(Battle) == 0


ANSWERS: dict[str, list[dict[str, object]]] = {
    "alpaca_eval": [{"instruction": "Question 0?", "output": "zero", "generator": "g"}],
    "mt_bench": [{"question_id": "ID0", "choices": [{"turns": ["zero"]}]}],
    "arena_hard": [{"uid": "ID0", "messages": [{"role": "user", "content": "Question 0?"},
                                               {"role": "assistant", "content": {"answer": "zero"}}]}],
    "generic": [{"id": "ID0", "answer": "zero"}],
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_join_by_id_else_by_text_and_the_unmatched_are_listed(
    store: Store, tmp_path: Path, name: str
) -> None:
    small_arena(store)
    identity = Instruction.of("Question 0?").id
    rows = [*ANSWERS[name], {"instruction": "Unheard of?", "output": "?"}]
    file = tmp_path / "answers.jsonl"
    file.write_text("\n".join(json.dumps(row).replace("ID0", identity) for row in rows))
    joined = import_answers(store, file, "closed", "small")
    assert (joined.saved, joined.unanswered) == (1, 3)
    assert "Unheard of?" in joined.unmatched[0]
    assert store.load(Response)[0].answers == ("zero",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "answers no instruction of small"),
        (
            '{"instruction": "Unheard of?", "output": "?"}',
            "the first being line 1 of answers.jsonl: Unheard of",
        ),
        ('{"instruction": "Question 0?"}', "line 1 of answers.jsonl has no answer"),
        ('{"instruction": "Question 0?", "output": "zero"}\n{"instr', "line 2 of answers.jsonl is not JSON"),
        ('{"instruction": "Question 0?", "answers": ["a", "b"]}', "2 answers for an instruction of 1 turns"),
    ],
)
def test_answers_that_do_not_fit_leave_no_contender_behind(
    store: Store, tmp_path: Path, text: str, words: str
) -> None:
    small_arena(store)
    (tmp_path / "answers.jsonl").write_text(text)
    with pytest.raises(BadInput, match=words):
        import_answers(store, tmp_path / "answers.jsonl", "closed", "small")
    assert store.get(Contender, "closed") is None
