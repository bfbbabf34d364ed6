"""Ratings of difficulty: a strict number, or the mean of a small model's digits."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from arena.backends import Completion, embedded
from arena.records import Contender, Instruction, Outcome
from arena.testsets import difficulty

EASY = ("Hello!", "What is 2 + 2?", "What day comes after Monday?")
HARD = (
    "Prove that there are infinitely many primes of the form 4k+3.",
    "Design a distributed lock service that tolerates network partitions, and argue its correctness.",
    "Write a compiler pass in LLVM that hoists loop invariants, with tests.",
)


@pytest.mark.parametrize(
    ("text", "rating"),
    [
        ('{"difficulty": 7}', 7.0),
        ('{"difficulty": 11}', None),
        ('{"difficulty": 7.5}', None),
        ('{"difficulty": true}', None),
        ('{"difficulty": 7, "why": ""}', None),
        ("7", None),
        ("[7]", None),
    ],
)
def test_only_the_agreed_form_is_a_rating(text: str, rating: float | None) -> None:
    assert difficulty.parse(Completion("i", text, Outcome.OK)) == rating
    assert difficulty.parse(Completion("i", text, Outcome.FAILED)) is None


def test_digits_rate_by_their_mean_and_words_rate_nothing() -> None:
    logs = {"4": math.log(0.4), " 5": math.log(0.2), "5": math.log(0.2), "Sure": math.log(0.1)}
    assert difficulty.expected(Completion("i", "4", Outcome.TRUNCATED, logprobs=logs)) == 5.0
    words = {"Sure": math.log(0.9), "5": math.log(0.1)}
    assert difficulty.expected(Completion("i", "Sure", Outcome.TRUNCATED, logprobs=words)) is None
    assert difficulty.expected(Completion("i", "", Outcome.FAILED)) is None


def test_embedded_models_rate_by_digits_unless_told_otherwise() -> None:
    small = Contender(embedded.JUDGE, "llama_cpp")
    assert difficulty.by_digits(small)
    assert not difficulty.by_digits(Contender(embedded.JUDGE, "llama_cpp", options={"rating": "schema"}))
    assert not difficulty.by_digits(Contender("large", "openai_server"))
    assert difficulty.by_digits(Contender("large", "openai_server", options={"rating": "digits"}))


@pytest.mark.models
def test_the_embedded_judge_tells_easy_from_hard() -> None:
    home = Path(os.environ.get("ARENA_HOME", Path(__file__).parents[2] / ".arena")).resolve()
    judge = next(c for c in embedded.contenders(home) if c.name == embedded.JUDGE)
    asked = {Instruction.of(text).id: text in HARD for text in (*EASY, *HARD)}
    ratings = list(difficulty.judged([Instruction.of(text) for text in (*EASY, *HARD)], judge, ""))
    scores = {hard: [r.score for r in ratings if asked[r.instruction] == hard] for hard in (False, True)}
    assert all(score is not None for both in scores.values() for score in both), ratings
    right = sum(hard > easy for hard in scores[True] for easy in scores[False] if hard and easy)
    assert right >= 8, scores
