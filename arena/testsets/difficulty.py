"""How hard an instruction is, 0 to 10: by a judge model with a strict schema or by the probabilities of its digits,
or by a cheap baseline."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import exp, log1p

from arena.backends import Completion, Message, Prompt, embedded, open_chat
from arena.records import Contender, Difficulty, Instruction, Json, Outcome, Sampling, content_id
from arena.testsets.words import words

BASELINE = "baseline"
READ = 4000
"""Characters of an instruction that the judge sees."""

PROMPT = """Rate how difficult it is to answer the following user instruction well.
Think of the knowledge, the steps of reasoning, the constraints and the length of work it asks for.
0 means trivial (a greeting, a well-known fact), 5 means that a good student needs some thought, \
10 means that only an expert with much time would do it well.

[The Start of the Instruction]
{instruction}
[The End of the Instruction]

Answer with JSON only, for example {{"difficulty": 4}}."""
"""The paper's prompt is unpublished; this one is ours."""

DIGIT_PROMPT = """How difficult is it to answer the user's instruction well?
Think of the knowledge, the steps of reasoning, the constraints and the length of work it asks for.
0 means trivial (a greeting, a well-known fact), 5 means that a good student needs some thought, \
9 means that only an expert with much time would do it well.

[The Start of the Instruction]
{instruction}
[The End of the Instruction]

Reply with one digit from 0 to 9 and nothing else."""
"""For models too small to choose a number: each digit's probability still moves with the difficulty."""
PROMPT_HASH = content_id(PROMPT)

_SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {"difficulty": {"type": "integer", "minimum": 0, "maximum": 10}},
    "required": ["difficulty"],
    "additionalProperties": False,
}
_SAMPLING = Sampling(temperature=0.0, max_tokens=24, seed=0)
_ONE_TOKEN = Sampling(temperature=0.0, max_tokens=1, seed=0)
_LIKELY = 20
"""Likely first tokens asked for: the ten digits and what else a small model thinks of."""

_DEMANDS = re.compile(
    r"\b(?:prove|derive|design|implement|optimi[sz]e|analy[sz]e|compare|contrast|critique|evaluate|justify|debug"
    r"|refactor|simulate|integral|theorem|algorithm|complexity|probability|constraints?|trade-?offs?|strategy"
    r"|step[ -]by[ -]step|in detail|essay|report|at least|at most"
    r"|exactly|without|must|only if|assuming|suppose)\b",
    re.IGNORECASE,
)
_SIGNS = re.compile(r"```|[{};=<>^∑∫√]|\\[a-z]+|\b\d+(?:\.\d+)?\b")


def baseline(instruction: Instruction) -> float:
    """A guess from the text alone: its length, its turns, words that demand work, code and numbers.

    It orders instructions roughly and instantly; it knows nothing of their content.
    """
    text = "\n".join(instruction.turns)
    length = 1.1 * log1p(len(words(text)) / 6)
    demands = 0.9 * min(4, len(_DEMANDS.findall(text)))
    signs = 0.5 * log1p(len(_SIGNS.findall(text)))
    turns = 0.6 * min(3, len(instruction.turns) - 1)
    return round(min(10.0, length + demands + signs + turns), 2)


def by_digits(rater: Contender) -> bool:
    """Whether a rater is asked for the probabilities of its digits: the embedded models, and any contender with the
    option `rating: digits` (`rating: schema` asks an embedded one for a number)."""
    usual = "digits" if rater.name in embedded.EMBEDDED else "schema"
    return rater.options.get("rating", usual) == "digits"


def prompt_for(instruction: Instruction, digits: bool = False) -> Prompt:
    text = instruction.turns[0]
    if len(instruction.turns) > 1:
        text = "\n\n".join(f"(turn {n}) {turn}" for n, turn in enumerate(instruction.turns, 1))
    message = Message("user", (DIGIT_PROMPT if digits else PROMPT).format(instruction=text[:READ]))
    if digits:
        return Prompt(instruction.id, (message,), _ONE_TOKEN, logprobs=_LIKELY)
    return Prompt(instruction.id, (message,), _SAMPLING, schema=_SCHEMA)


def expected(completion: Completion) -> float | None:
    """The mean digit by its probability, times 10/9; None where digits are not what the model would write."""
    likely = [(token.strip(), exp(value)) for token, value in completion.logprobs.items()]
    digits = [(int(token), chance) for token, chance in likely if re.fullmatch("[0-9]", token)]
    total = sum(chance for _, chance in digits)
    if total < 0.5:
        return None
    return round(sum(digit * chance for digit, chance in digits) / total * 10 / 9, 2)


def parse(completion: Completion) -> float | None:
    """The rating; None unless the answer is one JSON object with just our key and a whole number 0-10."""
    if completion.outcome is not Outcome.OK:
        return None
    try:
        value = json.loads(completion.text)
    except ValueError:
        return None
    if not isinstance(value, dict) or set(value) != {"difficulty"}:
        return None
    rating = value["difficulty"]
    if not isinstance(rating, int) or isinstance(rating, bool) or not 0 <= rating <= 10:
        return None
    return float(rating)


def judged(instructions: Sequence[Instruction], rater: Contender, run: str) -> Iterator[Difficulty]:
    """Ratings as the model gives them, in any order; an unreadable one is kept as such, without a score.

    Raises:
        BackendError: the model cannot be loaded or reached at all.
    """
    digits = by_digits(rater)
    with open_chat(rater) as chat:
        for done in chat.complete(prompt_for(i, digits) for i in instructions):
            score = expected(done) if digits else parse(done)
            outcome = done.outcome
            if score is not None:
                outcome = Outcome.OK  # a digit is the whole answer, though the token limit cut it there
            elif outcome in {Outcome.OK, Outcome.TRUNCATED}:
                outcome = Outcome.UNREADABLE
            note = "" if score is not None else (done.error or done.text)[:500]
            yield Difficulty(done.key, rater.name, score, note, outcome, run)


def rate(
    instructions: Sequence[Instruction],
    rater: Contender | None,
    known: Iterable[Difficulty],
    run: str,
    keep: Callable[[Difficulty], None],
    progress: Callable[[int, int, str], None],
) -> dict[str, float]:
    """Scores by instruction id; what `known` rates already is not rated again. None as rater: the baseline.

    `keep` is called with every new rating as it arrives.
    """
    if rater is None:
        return {i.id: baseline(i) for i in instructions}
    scores = {d.instruction: d.score for d in known if d.rater == rater.name and d.score is not None}
    todo = [i for i in instructions if i.id not in scores]
    progress(len(instructions) - len(todo), len(instructions), "rate difficulty")
    for rating in judged(todo, rater, run) if todo else ():
        keep(rating)
        if rating.score is not None:
            scores[rating.instruction] = rating.score
        progress(len(scores), len(instructions), "rate difficulty")
    return {i.id: scores[i.id] for i in instructions if i.id in scores}
