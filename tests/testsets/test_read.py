"""Other people's files become instructions, and every row that cannot is named with its line and reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arena.records import BadInput
from arena.testsets import read as reading
from arena.testsets.read import Row, preview, read, recognise, shipped
from arena.testsets.rows import Caps, Correction, Layout, Reject
from arena.testsets.shapes import FORMATS

SHAREGPT = {
    "id": "x",
    "conversations": [
        {"from": "system", "value": "be brief"},
        {"from": "human", "value": "Hello there"},
        {"from": "gpt", "value": "Hi"},
        {"from": "human", "value": "Tell me more"},
    ],
}
LMSYS = {
    "conversation_id": "c",
    "model": "m",
    "conversation": [{"role": "user", "content": "Count to 3"}, {"role": "assistant", "content": "1 2 3"}],
    "language": "English",
    "openai_moderation": [{"flagged": True}, {"flagged": False}],
}
SHAPES: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("plain", {"prompt": "Say hi"}, ("Say hi",)),
    ("alpaca", {"instruction": "Add", "input": "1, 2", "output": "3"}, ("Add\n\n1, 2",)),
    ("sharegpt", SHAREGPT, ("Hello there", "Tell me more")),
    ("lmsys", LMSYS, ("Count to 3",)),
    ("openai", {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hey"}]}]}, ("Hey",)),
    (
        "questions",
        {"question_id": 81, "category": "writing", "turns": ["One", "Two"], "reference": ["r"]},
        ("One", "Two"),
    ),
    (
        "questions",
        {"question_id": "a", "cluster": "x", "turns": [{"content": "Arena-Hard"}]},
        ("Arena-Hard",),
    ),
]


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def good(path: Path, **options: Any) -> list[Row]:
    return [row for row in read(path, **options) if isinstance(row, Row)]


def bad(path: Path, **options: Any) -> list[Reject]:
    return [row for row in read(path, **options) if isinstance(row, Reject)]


@pytest.mark.parametrize(("shape", "row", "turns"), SHAPES)
def test_usual_shapes_are_recognised(
    tmp_path: Path, shape: str, row: dict[str, Any], turns: tuple[str, ...]
) -> None:
    path = write(tmp_path / "a.jsonl", row)
    assert recognise(path).shape == shape
    assert good(path)[0].instruction.turns == turns


def test_every_format_of_the_menu_is_covered() -> None:
    assert {shape for shape, _, _ in SHAPES} == set(FORMATS)


def test_categories_references_languages_and_moderation_are_kept(tmp_path: Path) -> None:
    question = good(write(tmp_path / "q.jsonl", SHAPES[5][1]))[0].instruction
    assert (question.category, question.reference) == ("writing", ("r",))
    talk = good(write(tmp_path / "l.jsonl", LMSYS))[0]
    assert (talk.instruction.language, talk.flagged) == ("English", True)


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "parquet"])
def test_all_kinds_of_files_give_the_same(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    rows = [
        {"instruction": 'Say "hi", please\nnow', "category": "x"},
        {"instruction": "Größe?", "category": "y"},
    ]
    if ending == "jsonl":
        write(path, *rows)
    elif ending == "json":
        path.write_text(json.dumps({"version": 1, "data": rows}, indent=2), "utf-8")
    elif ending == "csv":
        path.write_text('instruction,category\n"Say ""hi"", please\nnow",x\nGröße?,y\n', "utf-8")
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    found = [row.instruction for row in good(path)]
    assert [(i.turns, i.category) for i in found] == [(('Say "hi", please\nnow',), "x"), (("Größe?",), "y")]


def test_a_saved_dataset_folder_is_read(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([{"prompt": f"Question {n}?"} for n in range(3)])
    with (
        pa.OSFile(str(tmp_path / "data-00000.arrow"), "wb") as sink,
        pa.ipc.new_stream(sink, table.schema) as out,
    ):
        out.write_table(table)
    (tmp_path / "dataset_info.json").write_text("{}", "utf-8")
    (tmp_path / "state.json").write_text("{}", "utf-8")
    assert [row.instruction.turns[0] for row in good(tmp_path)] == [
        "Question 0?",
        "Question 1?",
        "Question 2?",
    ]


def test_a_file_that_breaks_off_gives_every_whole_row_before(tmp_path: Path) -> None:
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"prompt": "one"}\n{"prompt": "two"}\n{"prompt": "thr', "utf-8")
    as_list = tmp_path / "a.json"
    as_list.write_text('[{"prompt": "one"}, {"prompt": "two"}, {"prompt": "thr', "utf-8")
    as_csv = tmp_path / "a.csv"
    as_csv.write_text('prompt\none\ntwo\n"thr', "utf-8")
    for path, line in ((lines, 3), (as_list, 3), (as_csv, 4)):
        assert [row.instruction.turns[0] for row in good(path)] == ["one", "two"]
        (reject,) = bad(path)
        assert (reject.breaks, reject.line) == (True, line), path


def test_a_torn_parquet_file_says_that_it_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist([{"prompt": "one"}]), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadInput, match=r"damaged|breaks off"):
        recognise(path)


def test_a_line_in_another_encoding_is_rejected_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        '{"prompt": "café"}\n'.encode() + '{"prompt": "café"}\n'.encode("cp1252") + b'{"prompt": "tea"}\n'
    )
    assert [row.instruction.turns[0] for row in good(path)] == ["café", "tea"]
    assert (bad(path)[0].line, "UTF-8" in bad(path)[0].reason) == (2, True)
    layout = Layout("jsonl", "plain", {"instruction": "prompt"}, encoding="cp1252")
    assert good(path, layout=layout)[1].instruction.turns == ("café",)


def test_byte_order_marks_and_utf_16_are_understood(tmp_path: Path) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        path = tmp_path / f"{encoding}.jsonl"
        path.write_text('{"prompt": "Grüße"}\n', encoding)
        assert good(path)[0].instruction.turns == ("Grüße",)
    path = tmp_path / "list.json"
    path.write_text('[{"prompt": "Grüße"},\n {"prompt": "Ĩ 語 😀"}]', "utf-16")
    assert [row.instruction.turns[0] for row in good(path)] == ["Grüße", "Ĩ 語 😀"]


def test_a_5_mb_line_is_rejected_unread_and_the_next_is_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"prompt": "x" * 5_000_000}, {"prompt": "short"})
    assert [row.line for row in good(path)] == [2]
    assert "longer than 1,048,576 bytes" in bad(path)[0].reason
    as_list = tmp_path / "a.json"
    as_list.write_text(json.dumps([{"prompt": "x" * 5_000_000}, {"prompt": "short"}]), "utf-8")
    assert [row.line for row in good(as_list)] == [2]
    assert "longer than" in bad(as_list)[0].reason


def test_duplicate_ids_do_not_merge_different_questions(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl", {"question_id": 1, "turns": ["a?"]}, {"question_id": 1, "turns": ["b?"]}
    )
    assert len({row.instruction.id for row in good(path)}) == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"turns": []}, "missing or empty"),
        ({"turns": ["a", " "]}, "turn 2 is empty"),
        ({"turns": [3]}, "not text"),
        (3, "a JSON object was expected"),
        ({"turns": None}, "missing"),
    ],
)
def test_empty_and_odd_turns_are_rejected(tmp_path: Path, row: object, reason: str) -> None:
    path = write(tmp_path / "a.jsonl", {"turns": ["fine"]}, row)
    (reject,) = bad(path)
    assert (reject.line, reason in reject.reason) == (2, True), reject.reason


def test_a_conversation_that_begins_with_an_answer_is_rejected(tmp_path: Path) -> None:
    torn = {"conversations": [{"from": "gpt", "value": "..."}, {"from": "human", "value": "thanks"}]}
    path = write(tmp_path / "a.jsonl", SHAREGPT, torn)
    assert "begins with an answer" in bad(path)[0].reason


def test_lone_surrogates_are_mended(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"prompt": "bad \\ud800 end"}\n{"prompt": "null \\u0000"}\n{"prompt": "\\ud83d\\ude00"}\n', "utf-8"
    )
    rows = good(path)
    assert [row.instruction.turns[0] for row in rows] == ["bad � end", "null �", "😀"]
    assert [row.mended for row in rows] == [True, True, False]


def test_a_csv_without_header_keeps_its_first_prompt(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        '"name, age and city: explain this header",maths\nsecond prompt is here,writing\n', "utf-8"
    )
    assert recognise(path).header is False
    assert [row.instruction.turns[0] for row in good(path)] == [
        "name, age and city: explain this header",
        "second prompt is here",
    ]
    headed = tmp_path / "b.csv"
    headed.write_text("Prompt,Category\nsecond,writing\n", "utf-8")
    assert recognise(headed).header is True
    corrected = Layout("csv", "plain", {"instruction": "column 1"}, header=False)
    assert len(good(headed, layout=corrected)) == 2


def test_a_csv_row_with_missing_cells_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("prompt,category\none,x\ntwo\n", "utf-8")
    assert bad(path)[0].reason == "1 cells where 2 were expected"


def test_a_wrong_mapping_can_be_corrected(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"text": "the long context that is no prompt", "ask": "What?"})
    layout = Layout("jsonl", "plain", {"instruction": "ask"})
    assert good(path, layout=layout)[0].instruction.turns == ("What?",)
    assert preview(path).columns == ["text", "ask"]


def test_a_named_encoding_is_used_before_anything_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"prompt": "café"}\n{"prompt": "thé"}\n'.encode("cp1252"))
    with pytest.raises(BadInput, match="not UTF-8"):
        recognise(path)
    layout = recognise(path, Correction(encoding="cp1252"))
    assert [row.instruction.turns[0] for row in good(path, layout=layout)] == ["café", "thé"]


def test_a_correction_holds_for_every_file_of_a_folder(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.csv").write_bytes(f"café {name};x\n".encode("cp1252"))
    layout = recognise(tmp_path, Correction(encoding="cp1252", header=False))
    assert [row.instruction.turns[0] for row in good(tmp_path, layout=layout)] == ["café a", "café b"]


def test_another_shape_reads_the_column_that_was_recognised(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"ask": "What?", "id": 1})
    layout = recognise(path, Correction(shape="questions"))
    assert layout.columns["turns"] == "ask"
    assert good(path, layout=layout)[0].instruction.turns == ("What?",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04zip", "zip archive"),
        (b"\x80\x04pickle", "a pickle"),
        (b"\x1f\x8bgz", "gzip"),
        (b"[1, 2", "No instruction"),
        (b"{}", "No instruction"),
    ],
)
def test_what_cannot_be_read_at_all_is_refused_in_plain_words(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=reason):
        list(read(path))


def test_caps_on_rows_and_bytes_hold(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *({"prompt": f"p{n}"} for n in range(10)))
    assert len(good(path, caps=Caps(rows=4))) == 4
    assert "cap of 4 rows" in bad(path, caps=Caps(rows=4))[0].reason
    with pytest.raises(BadInput, match="more than the 10 allowed"):
        list(read(path, caps=Caps(bytes=10)))


def test_json_elements_survive_any_block_border(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"prompt": f'a "quoted\\" [bracket {{ {n} \\', "n": [n, {"x": "]"}]} for n in range(7)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(rows), "utf-8")
    for size in range(1, 60):
        monkeypatch.setattr("arena.testsets.json_list.BLOCK", size)
        assert [row.instruction.turns[0] for row in good(path)] == [str(row["prompt"]) for row in rows], size


def test_what_we_ship_is_whole_and_labelled() -> None:
    demo = reading.SHIPPED / "demo.jsonl"
    assert demo in shipped()
    rows = good(demo)
    assert len(rows) == 300 == len({row.instruction.id for row in rows})
    assert not bad(demo)
    assert all(row.instruction.category and row.instruction.language for row in rows)
    assert sum(len(row.instruction.turns) > 1 for row in rows) == 25
