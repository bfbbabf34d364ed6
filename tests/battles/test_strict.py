"""What a judge says is read exactly or not at all."""

from __future__ import annotations

import json
import random

import pytest

from arena.battles.judges import scores, verdict
from arena.battles.judges.strict import Unreadable, read, schema

GOOD = '{"right_answer": "A is right.", "score_a": 9, "score_b": 2}'


def test_the_agreed_form_is_read() -> None:
    found = read(GOOD, scores.SHAPE)
    assert (found.numbers["score_a"], found.numbers["score_b"]) == (9, 2)
    assert found.texts["right_answer"] == "A is right."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A: 9, B: 2",
        f"Sure! {GOOD}",
        f"{GOOD} {GOOD}",
        f"```json\n{GOOD}\n```",
        GOOD.replace("9", "9.5"),
        GOOD.replace("9", "11"),
        GOOD.replace("9", "0"),
        GOOD.replace("9", "true"),
        GOOD.replace("9", '"9"'),
        GOOD.replace("9", "null"),
        GOOD.replace("9", "NaN"),
        GOOD.replace("score_b", "score_c"),
        GOOD[:-1] + ', "score_a": 3}',
        GOOD[:-1] + ', "winner": "A"}',
        GOOD[:-1],
        "[" + GOOD + "]",
        "[" * 100_000,
        '{"score_a": 9, "score_b": 2}',
        '{"right_answer": 5, "score_a": 9, "score_b": 2}',
    ],
)
def test_anything_else_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text, scores.SHAPE)


def test_ten_thousand_fuzzed_outputs_crash_nothing_and_none_is_misread() -> None:
    """Every reading is checked against an independent statement of the form."""
    draw = random.Random(5)
    pieces = ['{"', '"}', "right_answer", "score_a", "score_b", '": ', ", ", "9", "1", "10", "-1", "true", "\\", "“",
              "null", "\n", " ", "{", "}", "[", "]", '"', "1e1", "0x9", "９", "\u0000", "A is better"]  # fmt: skip
    readable = 0
    for _ in range(10_000):
        text = list(
            json.dumps({"right_answer": draw.choice(pieces), "score_a": draw.randint(-2, 13), "score_b": 5})
        )
        for _ in range(draw.choice([0, 0, 1, 2, 5])):
            place = draw.randrange(len(text) + 1)
            action = draw.randrange(3)
            if action == 0:
                text.insert(place, draw.choice(pieces))
            elif action == 1 and text:
                text.pop(min(place, len(text) - 1))
            elif text:
                other = draw.randrange(len(text))
                place = min(place, len(text) - 1)
                text[place], text[other] = text[other], text[place]
        said = "".join(text)
        try:
            found = read(said, scores.SHAPE)
        except Unreadable:
            continue
        readable += 1
        again = json.loads(said)
        assert sorted(again) == ["right_answer", "score_a", "score_b"]
        for name in ("score_a", "score_b"):
            assert type(again[name]) is int
            assert 1 <= again[name] <= 10
            assert found.numbers[name] == again[name]
        assert found.texts["right_answer"] == again["right_answer"]
    assert 1_000 < readable < 9_000


def test_the_schema_keeps_the_order_of_the_fields_and_forbids_others() -> None:
    made = schema(verdict.SHAPE, 40)
    assert made["required"] == ["explanation", "verdict"]
    assert made["additionalProperties"] is False
    properties = made["properties"]
    assert isinstance(properties, dict)
    assert properties["verdict"] == {"type": "string", "enum": ["A>>B", "A>B", "A=B", "B>A", "B>>A"]}
