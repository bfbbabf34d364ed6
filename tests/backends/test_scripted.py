"""The scripted model does what its options say, in every process alike."""

from __future__ import annotations

import json

import pytest

from arena.backends import Completion, Message, Prompt, open_chat
from arena.records import BadInput, Contender, Json, Outcome, Sampling

SCORES: dict[str, Json] = {
    "type": "object",
    "properties": {
        "explanation": {"type": "string"},
        "score_a": {"type": "integer"},
        "score_b": {"type": "integer"},
    },
}


def say(asked: str, schema: dict[str, Json] | None = None, logprobs: int = 0, **options: Json) -> Completion:
    with open_chat(Contender("s", "scripted", options=options)) as chat:
        (done,) = chat.complete([Prompt("k", (Message("user", asked),), Sampling(), schema, logprobs)])
    return done


def test_it_echoes_by_default() -> None:
    assert say("hello").text == "Answer to: hello"


def test_answers_go_by_what_is_asked() -> None:
    assert say("the sea?", answers={"sea": "salt"}, text="?").text == "salt"
    assert say("the sky?", answers={"sea": "salt"}, text="?").text == "?"


def test_quality_is_marked_and_its_spread_is_the_same_every_time() -> None:
    assert say("x", quality=7).text == "[quality 7.00] Answer to: x"
    assert say("x", quality=7, spread=2).text == say("x", quality=7, spread=2).text
    assert say("x", quality=7, spread=2).text != say("y", quality=7, spread=2).text


def test_a_judge_reads_the_marks_into_the_schema() -> None:
    said = json.loads(say("[quality 3.00] no [quality 8.00] yes", SCORES, judge=True).text)
    assert said == {"explanation": "Scripted.", "score_a": 3, "score_b": 8}


def test_a_judge_without_marks_likes_length() -> None:
    text = (
        "[The Start of Assistant A's Answer]\nshort\n[The End of Assistant A's Answer]\n"
        "[The Start of Assistant B's Answer]\nmuch longer than that\n[The End of Assistant B's Answer]"
    )
    said = json.loads(say(text, SCORES, judge=True).text)
    assert said["score_a"] < said["score_b"]


def test_a_biased_judge_favours_the_first_seat() -> None:
    said = json.loads(say("[quality 5] [quality 5]", judge=True, seat_bias=2).text)
    assert (said["score_first"], said["score_second"]) == (7, 5)


def test_a_five_level_verdict_follows_the_gap() -> None:
    levels: list[Json] = ["A>>B", "A>B", "A=B", "B>A", "B>>A"]
    schema: dict[str, Json] = {
        "type": "object",
        "properties": {"verdict": {"type": "string", "enum": levels}},
    }
    marks = (
        "[quality 9] [quality 2]",
        "[quality 6] [quality 4]",
        "[quality 5] [quality 5]",
        "[quality 2] [quality 9]",
    )
    said = [json.loads(say(mark, schema, judge=True).text)["verdict"] for mark in marks]
    assert said == ["A>>B", "A>B", "A=B", "B>>A"]


def test_probabilities_follow_quality() -> None:
    logprobs = say("[quality 9] [quality 2]", judge=True, logprobs=2).logprobs
    assert logprobs["A"] > logprobs["B"]


def test_failures_and_outcomes_come_as_told() -> None:
    with open_chat(Contender("s", "scripted", options={"fail_every": 3})) as chat:
        prompts = [Prompt(str(n), (Message("user", "x"),), Sampling()) for n in range(6)]
        assert [c.outcome is Outcome.OK for c in chat.complete(prompts)] == [True, True, False] * 2
    assert say("a bomb", outcomes={"bomb": "refused"}).outcome is Outcome.REFUSED


def test_a_wrong_option_is_named() -> None:
    with pytest.raises(BadInput, match="option 'delay' is 'soon' but should be a number"):
        say("x", delay="soon")
