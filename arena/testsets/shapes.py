"""The usual shapes of instruction data: which columns hold what, and how a row becomes turns.

We keep the user's turns (contenders answer them one by one); answers and system prompts are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


class BadRow(ValueError):
    """Why one row cannot be taken."""


Turns = Callable[[Mapping[str, Any], Mapping[str, str]], tuple[str, ...]]


@dataclass(frozen=True)
class Format:
    """A usual shape of instruction data."""

    title: str
    columns: Mapping[str, tuple[str, ...]]
    """Our word -> the names it usually has."""
    turns: Turns
    main: str = "instruction"
    """Which of our words holds what is asked."""


def _cell(row: Mapping[str, Any], columns: Mapping[str, str], word: str) -> Any:
    value = row.get(columns.get(word, ""))
    if isinstance(value, str) and value[:1] == "[" and word in {"conversation", "turns"}:
        try:
            return json.loads(value)
        except ValueError:
            raise BadRow(f"its column {columns[word]!r} begins like a list but is not JSON") from None
    return value


def _words(value: Any, what: str) -> str:
    """The text of one turn: a string, or OpenAI's list of parts."""
    if isinstance(value, list):
        parts = [p.get("text", "") for p in value if isinstance(p, dict) and p.get("type") == "text"]
        if len(parts) < len(value):
            raise BadRow(f"{what} holds something other than text")
        value = "\n".join(parts)
    if value is None:
        raise BadRow(f"{what} is missing")
    if not isinstance(value, str):
        raise BadRow(f"{what} is {type(value).__name__}, not text")
    if not value.strip():
        raise BadRow(f"{what} is empty")
    return value.strip()


def _plain(row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, ...]:
    return (_words(_cell(row, columns, "instruction"), "the instruction"),)


def _alpaca(row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, ...]:
    instruction = _words(_cell(row, columns, "instruction"), "the instruction")
    extra = _cell(row, columns, "input")
    if extra is None or not str(extra).strip() or str(extra).strip().lower() in {"<noinput>", "nan"}:
        return (instruction,)
    return (f"{instruction}\n\n{_words(extra, 'the input')}",)


_USER = {"user", "human", "prompter"}
_ANSWER = {"assistant", "gpt", "chatgpt", "bot", "bard", "bing", "model", "tool", "function", "observation"}


def _conversation(row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, ...]:
    messages = _cell(row, columns, "conversation")
    if not isinstance(messages, list) or not messages:
        raise BadRow("its conversation is missing or empty")
    turns: list[str] = []
    for number, message in enumerate(messages, 1):
        if not isinstance(message, dict):
            raise BadRow(f"message {number} is not an object")
        role = str(message.get("role", message.get("from", ""))).lower()
        if role in _USER:
            content = message["content"] if "content" in message else message.get("value")
            turns.append(_words(content, f"message {number}"))
        elif role in _ANSWER and not turns:
            raise BadRow("it begins with an answer: what was asked is missing")
        elif role not in _ANSWER | {"system", "developer"}:
            raise BadRow(f"message {number} has the unknown role {role!r}")
    if not turns:
        raise BadRow("it has no message by a user")
    return tuple(turns)


def _question(row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, ...]:
    turns = _cell(row, columns, "turns")
    if isinstance(turns, str):
        turns = [turns]
    if not isinstance(turns, list) or not turns:
        raise BadRow("its turns are missing or empty")
    return tuple(
        _words(turn.get("content") if isinstance(turn, dict) else turn, f"turn {n}")
        for n, turn in enumerate(turns, 1)
    )


_FACTS: Mapping[str, tuple[str, ...]] = {
    "category": ("category", "topic", "domain", "task_type"),
    "language": ("language", "lang"),
    "check": ("check",),
}
_TALK = ("conversation", "conversations", "messages", "items")

FORMATS: dict[str, Format] = {
    "questions": Format(
        "MT-Bench or Arena-Hard questions",
        {"turns": ("turns",), "reference": ("reference", "references"), **_FACTS},
        _question,
        "turns",
    ),
    "sharegpt": Format(
        "ShareGPT conversations", {"conversation": _TALK, **_FACTS}, _conversation, "conversation"
    ),
    "lmsys": Format(
        "LMSYS-Chat-1M",
        {"conversation": _TALK, "moderation": ("openai_moderation",), **_FACTS},
        _conversation,
        "conversation",
    ),
    "openai": Format("OpenAI messages", {"conversation": _TALK, **_FACTS}, _conversation, "conversation"),
    "alpaca": Format("Alpaca", {"instruction": ("instruction",), "input": ("input",), **_FACTS}, _alpaca),
    "plain": Format(
        "Plain instructions",
        {
            "instruction": ("instruction", "prompt", "question", "query", "text", "content", "input"),
            "reference": ("reference", "references"),
            **_FACTS,
        },
        _plain,
    ),
}
"""Shape -> how its rows become instructions."""


def shape_of(values: Mapping[str, Any]) -> str:
    """The shape of one row, or "" when none fits."""
    if "turns" in values:
        return "questions"
    for name in _TALK:
        messages = values.get(name)
        if isinstance(messages, str) and messages.startswith("["):
            try:
                messages = json.loads(messages)
            except ValueError:
                continue
        if isinstance(messages, list) and messages and isinstance(messages[0], dict):
            if "from" in messages[0]:
                return "sharegpt"
            return "lmsys" if name == "conversation" or "openai_moderation" in values else "openai"
    if "instruction" in values and ("input" in values or "output" in values):
        return "alpaca"
    return "plain" if any(isinstance(value, str) for value in values.values()) else ""


def columns_for(shape: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Our words -> this file's columns, by their usual names, whatever their case."""
    by_name = {str(name).strip().lower(): str(name) for name in values}
    found = {
        word: by_name[name]
        for word, names in FORMATS[shape].columns.items()
        if (name := next((n for n in names if n in by_name), ""))
    }
    if shape == "plain" and "instruction" not in found:
        texts = {name: value for name, value in values.items() if isinstance(value, str)}
        found["instruction"] = max(texts, key=lambda name: len(texts[name]), default="")
    return found
