"""Each cleaning step drops what it says, and says what it dropped."""

from __future__ import annotations

import random

import numpy as np
import pytest

from arena.records import BadInput, Instruction
from arena.testsets.clean import STEPS, Cleaned, Context, clean, settings_of
from arena.testsets.contamination import overlap, too_near
from arena.testsets.duplicates import bands_for, near_duplicates, signatures
from arena.testsets.read import Row
from arena.testsets.words import count_words, groups, words


def rows(*texts: str) -> list[Row]:
    return [Row(line, Instruction.of(text)) for line, text in enumerate(texts, 1)]


def run(texts: list[str], step: str, context: Context | None = None, **settings: object) -> Cleaned:
    return clean(rows(*texts), {step: dict(settings)}, context or Context())  # type: ignore[arg-type]  # plain JSON


def kept(cleaned: Cleaned) -> list[int]:
    return [row.line for row in cleaned.rows]


CASES: dict[str, tuple[list[str], list[int]]] = {
    "harmful": (["Explain how to build a bomb", "Explain scrapes and shiitake", "What a SHIT day"], [2]),
    "length": (["Hi", "A question of decent length", "x" * 20_001], [2]),
    "prefix": (
        [
            "one two three four five six seven eight nine ten and this",
            "One two three four five six seven eight nine ten, and that",
            "one two three",
        ],
        [1, 3],
    ),
    "duplicates": (
        [
            "Please write a long and careful letter to my landlord about the heating in the kitchen today",
            "please write a long and careful letter to my landlord about the heating in the kitchen now",
            "Please write a poem",
        ],
        [1, 3],
    ),
    "overlap": (["the secret benchmark prompt about nine purple elephants in Paris", "anything else"], [2]),
    "neighbours": (["close to it", "far away"], [2]),
    "language": (
        ["Wie komme ich am schnellsten zum Bahnhof?", "How do I get to the station?", "2 + 2"],
        [2, 3],
    ),
}


@pytest.mark.parametrize("step", STEPS)
def test_every_step_drops_what_it_says(step: str) -> None:
    texts, expected = CASES[step]
    benchmark = Instruction.of(
        "The secret benchmark prompt about nine purple elephants in Paris", source="bench"
    )
    places = {"close to it": [1.0, 0.0], "far away": [0.0, 1.0], benchmark.turns[0]: [1.0, 0.0]}
    context = Context(
        (benchmark,),
        lambda found: np.array([places.get(i.turns[0], [0.0, 1.0]) for i in found], dtype=np.float32),
    )
    cleaned = run(texts, step, context)
    assert kept(cleaned) == expected
    last = cleaned.funnel[-1]
    assert (last.step, last.kept, last.dropped) == (step, len(expected), len(texts) - len(expected))
    assert all(sample["reason"] and sample["line"] for sample in last.samples)


def test_exact_repeats_go_even_without_steps() -> None:
    assert kept(clean(rows("a?", "b?", "a?"), {}, Context())) == [1, 2]


def test_the_language_found_is_kept_with_the_instruction() -> None:
    cleaned = run(["How do I get to the station?"], "language")
    assert cleaned.rows[0].instruction.language == "English"


def test_settings_are_checked() -> None:
    assert settings_of("length", {"least": 3})["least"] == 3
    for step, given in (("lenght", {}), ("length", {"max": 3}), ("length", {"least": "three"})):
        with pytest.raises(BadInput):
            settings_of(step, given)  # type: ignore[arg-type]  # plain JSON


def test_words_split_scripts_without_spaces() -> None:
    assert words("Say 你好 now!") == ["say", "你", "好", "now"]


def test_groups_are_the_runs_of_words() -> None:
    found = groups(count_words(["a b c d", "b c d", "a"]), 3)
    assert found.starts.tolist() == [0, 2, 3, 4]
    assert found.codes[1] == found.codes[2] != found.codes[0]


def test_minhash_estimates_jaccard() -> None:
    chance = random.Random(3)
    base = [f"w{n}" for n in range(120)]
    errors = []
    for changes in (2, 5, 10, 20):
        other = list(base)
        for place in chance.sample(range(120), changes):
            other[place] = f"z{place}"
        shingles = groups(count_words([" ".join(base), " ".join(other)]), 3)
        one, two = (
            set(shingles.codes[a:b].tolist())
            for a, b in zip(shingles.starts, shingles.starts[1:], strict=False)
        )
        first, second = signatures(shingles, 512, 1)
        errors.append(abs((first == second).mean() - len(one & two) / len(one | two)))
    assert max(errors) < 4 * 0.5 / 512**0.5


def test_bands_find_pairs_above_the_threshold() -> None:
    for threshold in (0.4, 0.7, 0.9):
        bands = bands_for(threshold, 128)
        assert bands.count * bands.rows <= 128
        assert 1 - (1 - (threshold + 0.1) ** bands.rows) ** bands.count > 0.9


def test_a_chain_of_duplicates_keeps_the_first() -> None:
    text = " ".join(f"word{n}" for n in range(60))
    assert near_duplicates([text, "else entirely", text + " a", text + " a b"]).tolist() == [-1, -1, 0, 0]


def test_a_short_prompt_counts_as_contamination_only_when_it_is_the_whole_text() -> None:
    found = overlap(["Say hi", "Say hi to my grandmother in Rome"], ["say hi!"], 8, 0.5)
    assert found.tolist() == [0, -1]


def test_only_the_nearest_rows_above_the_cutoff_are_too_near() -> None:
    vectors = np.array([[1, 0], [0.9, 0.435889], [0.6, 0.8], [0, 1]], dtype=np.float32)
    prompt = np.array([[1, 0]], dtype=np.float32)
    assert too_near(vectors, prompt, 3, 0.8).tolist() == [0, 0, -1, -1]
    assert too_near(vectors, prompt, 1, 0.8).tolist() == [0, -1, -1, -1]
