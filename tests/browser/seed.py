"""A small arena for the browser tests: three contenders, a judge, twelve instructions, everything judged."""

from __future__ import annotations

from arena.records import (
    Battle,
    Contender,
    Instruction,
    Judge,
    Judgement,
    Pick,
    Record,
    Response,
    TestSet,
    Winner,
)
from arena.store import Store

NAMES = ("amber-1b", "basalt-3b", "student-i1")
QUESTIONS = (
    ("Explain why the sky is blue to a child.", "science"),
    ("Write a haiku about autumn rain.", "writing"),
    ("Sort a list in Python without sorted().", "coding"),
    ("What is the capital of Australia?", "knowledge"),
    ("Plan a week of vegetarian dinners.", "planning"),
    ("Solve 3x + 7 = 22 and show each step.", "maths"),
    ("Translate 'good morning' into French and Arabic.", "language"),
    ("Summarise the water cycle in three bullets.", "science"),
    ("Give a table of three planets and their moons.", "science"),
    ("Write a polite refusal to a meeting.", "writing"),
    ("What does HTTP status 404 mean?", "coding"),
    ("Name two uses of copper.", "knowledge"),
)


def records(texts: dict[str, str] | None = None) -> list[Record]:
    """Every record of the seeded arena; `texts` replaces what a contender answers (name -> text)."""
    texts = texts or {}
    found: list[Record] = [
        Contender("amber-1b", "recorded", organisation="Amber", licence="Apache-2.0", description="Small."),
        Contender("basalt-3b", "recorded", organisation="Basalt", licence="MIT", description="Larger."),
        Contender(
            "student-i1", "recorded", parent="amber-1b", stage="sft", iteration=1, licence="Apache-2.0"
        ),
        Judge("test-judge", "scores", "basalt-3b", "Which is better?", "p1"),
        TestSet("seed-mix", "mix", size=len(QUESTIONS), content_hash="x"),
    ]
    for position, (question, category) in enumerate(QUESTIONS):
        instruction = Instruction.of(question, category=category, language="en", source="seed")
        found += [instruction, Pick("seed-mix", instruction.id, position, position % 4, float(position % 10))]
        answers = {name: _answer(name, question, position, texts) for name in NAMES}
        responses = {
            name: Response(
                Response.key(name, instruction.id, "s"), name, instruction.id, "s", 0, (text,),
                tokens_in=20, tokens_out=len(text.split()), seconds=0.5, run="battle-seed",
            )
            for name, text in answers.items()
        }  # fmt: skip
        found += responses.values()
        for number, (a, b) in enumerate([(0, 1), (0, 2), (1, 2)]):
            found += _fought(instruction, responses[NAMES[a]], responses[NAMES[b]], position + number)
    return found


def _answer(name: str, question: str, position: int, texts: dict[str, str]) -> str:
    if name in texts:
        return texts[name]
    body = f"**Answer {NAMES.index(name)}** to: {question}\n\n- first point\n- second point number {position}\n\n"
    return body + "```python\nprint('hello')\n```\n\n| a | b |\n|---|---|\n| 1 | $x^2$ |\n"


def _fought(instruction: Instruction, a: Response, b: Response, turn: int) -> list[Record]:
    score_a, score_b = 4.0 + turn % 5, 3.0 + (turn * 3) % 7
    flipped = turn % 4 == 0
    games = [
        Judgement(
            Judgement.key("test-judge", "p1", first.id, second.id), "test-judge", "p1", instruction.id, first.id,
            second.id, one, two, f"The first is clearer about {instruction.category}; the second rambles.",
            run="battle-seed",
        )
        for first, second, one, two in ((a, b, score_a, score_b), (b, a, score_b, score_a))
    ]  # fmt: skip
    winner = Winner.A if score_a > score_b else Winner.B if score_b > score_a else Winner.TIE
    battle = Battle(
        Battle.key("test-judge", "p1", a.id, b.id), instruction.id, a.contender, b.contender, winner, "test-judge",
        "p1", a.id, b.id, score_a, score_b, score_a - score_b, flipped, category=instruction.category,
        language="en", run="battle-seed",
    )  # fmt: skip
    return [*games, battle]


def fill(store: Store, texts: dict[str, str] | None = None) -> None:
    store.save(records(texts))
