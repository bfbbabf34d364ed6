"""A model made of rules, instant and the same in every process: for tests and for trying the app.

Options, all optional:
    text         what it always answers; default "Answer to: " and the last user message
    answers      {part of the last user message: answer}; the first part found wins
    quality      marks each answer "[quality N]", which a scripted judge reads
    spread       standard deviation added to the quality, drawn from the hash of the prompt
    judge        true: reads the first two "[quality N]" marks of its prompt (else the lengths between
                 MT-Bench's "[The Start of Assistant A's Answer]" marks) and scores them 1-10 in the shape
                 of the prompt's schema, or as {"explanation", "score_first", "score_second"}
    seat_bias    added to the first seat's score
    delay        seconds a call
    fail_every   every n-th call of this process ends FAILED
    outcomes     {part of the last user message: outcome}, e.g. {"bomb": "refused"}
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from random import Random

from arena.backends import Completion, Prompt
from arena.backends.options import Options
from arena.records import Contender, Json, Outcome, content_id

QUALITY = re.compile(r"\[quality (-?\d+(?:\.\d+)?)\]")
SEATS = re.compile(r"\[The Start of Assistant .{1,3}s? .*?\](.*?)\[The End", re.DOTALL)


class ScriptedChat:
    """Answers by rule."""

    def __init__(self, contender: Contender) -> None:
        options = Options(contender)
        self._name = contender.name
        self._text = options.text("text")
        self._answers = {part: str(text) for part, text in options.mapping("answers").items()}
        self._quality = options.number("quality", math.nan)
        self._spread = options.number("spread", 0.0)
        self._judge = options.flag("judge")
        self._seat_bias = options.number("seat_bias", 0.0)
        self._delay = options.number("delay", 0.0)
        self._fail_every = options.whole("fail_every", 0)
        self._outcomes = {part: Outcome(str(o)) for part, o in options.mapping("outcomes").items()}
        self._calls = 0

    def complete(self, prompts: Iterable[Prompt]) -> Iterator[Completion]:
        for prompt in prompts:
            yield self._one(prompt)

    def _one(self, prompt: Prompt) -> Completion:
        self._calls += 1
        if self._delay:
            time.sleep(self._delay)
        if self._fail_every and self._calls % self._fail_every == 0:
            return Completion(prompt.key, "", Outcome.FAILED, error=f"scripted failure, call {self._calls}")
        asked = prompt.messages[-1].content
        outcome = next((o for part, o in self._outcomes.items() if part in asked), Outcome.OK)
        usable = outcome in {Outcome.OK, Outcome.TRUNCATED, Outcome.UNREADABLE}
        text = self._say(prompt) if usable else ""
        return Completion(
            prompt.key,
            text,
            outcome,
            finish_reason="length" if outcome is Outcome.TRUNCATED else "stop",
            tokens_in=sum(len(m.content.split()) for m in prompt.messages),
            tokens_out=len(text.split()),
            seconds=self._delay,
            error="" if usable else f"scripted {outcome}",
            logprobs=_seat_logprobs(self._seats(prompt)) if prompt.logprobs else {},
        )

    def _say(self, prompt: Prompt) -> str:
        asked = prompt.messages[-1].content
        for part, answer in self._answers.items():
            if part in asked:
                return self._marked(answer, prompt)
        if self._judge:
            return json.dumps(_verdict(self._seats(prompt), prompt.schema))
        return self._marked(self._text or f"Answer to: {asked}", prompt)

    def _marked(self, answer: str, prompt: Prompt) -> str:
        if math.isnan(self._quality):
            return answer
        draw = self._random(prompt).gauss(0, self._spread) if self._spread else 0.0
        return f"[quality {self._quality + draw:.2f}] {answer}"

    def _random(self, prompt: Prompt) -> Random:
        said: list[Json] = [message.content for message in prompt.messages]
        return Random(content_id(self._name, said, prompt.sampling.seed))

    def _seats(self, prompt: Prompt) -> tuple[float, float]:
        """The worth of both answers, 1 to 10; equal where nothing tells them apart."""
        text = "\n".join(message.content for message in prompt.messages)
        worth = [float(mark) for mark in QUALITY.findall(text)]
        if len(worth) < 2:
            worth = [1 + math.log1p(len(answer.strip())) for answer in SEATS.findall(text)] or [5.0]
        first, second = worth[0] + self._seat_bias, worth[-1]
        return min(10.0, max(1.0, first)), min(10.0, max(1.0, second))

    def stream(self, prompt: Prompt) -> Iterator[str]:
        for word in re.findall(r"\S+\s*", self._say(prompt)):
            time.sleep(self._delay)
            yield word

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> ScriptedChat:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _verdict(seats: tuple[float, float], schema: Mapping[str, Json] | None) -> dict[str, Json]:
    """Both scores in the fields the schema names, numbers in seat order, texts as explanations."""
    properties = (schema or {}).get("properties")
    if not isinstance(properties, dict):
        return {
            "explanation": "Scripted.",
            "score_first": round(seats[0]),
            "score_second": round(seats[1]),
        }
    scores = list(seats)
    said: dict[str, Json] = {}
    for name, shape in properties.items():
        kind = shape if isinstance(shape, dict) else {}
        choices = kind.get("enum")
        if isinstance(choices, list) and kind.get("type") != "integer":
            said[name] = choices[_level(seats, len(choices))]
        elif kind.get("type") in {"integer", "number"} or isinstance(choices, list):
            said[name] = round(scores.pop(0) if len(scores) > 1 else scores[0])
        else:
            said[name] = "Scripted."
    return said


def _level(seats: tuple[float, float], levels: int) -> int:
    """Place on a scale from "first is much better" to "second is much better"."""
    lead = max(-1.0, min(1.0, (seats[1] - seats[0]) / 4))
    return round((lead + 1) / 2 * (levels - 1))


def _seat_logprobs(seats: tuple[float, float]) -> dict[str, float]:
    """A Bradley-Terry choice between the seats, under the names judges use for them."""
    first = -math.log1p(math.exp(seats[1] - seats[0]))
    second = -math.log1p(math.exp(seats[0] - seats[1]))
    return {"A": first, "B": second, "1": first, "2": second, "Yes": first, "No": second}


def open_chat(contender: Contender) -> ScriptedChat:
    return ScriptedChat(contender)
