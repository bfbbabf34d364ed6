"""Every reply of a server means one thing: an answer with its outcome, or what to do next."""

from __future__ import annotations

import json

import pytest

from arena.backends import Completion, openai_wire
from arena.backends.openai_wire import Next, Trouble
from arena.records import Outcome

SENT = {"model": "m", "messages": [], "seed": 0, "response_format": {}}


def said(status: int, message: str) -> Completion | Trouble:
    body = json.dumps({"error": {"message": message}}).encode()
    return openai_wire.read("k", status, body, SENT, set())


@pytest.mark.parametrize(
    ("status", "message", "next_step"),
    [
        (429, "slow down", Next.LATER),
        (503, "busy", Next.LATER),
        (500, "oops", Next.RETRY),
        (408, "timeout", Next.RETRY),
        (400, "unknown field response_format", Next.REPHRASE),
        (400, "seed is not supported", Next.REPHRASE),
    ],
)
def test_trouble_that_passes_says_what_to_do_next(status: int, message: str, next_step: Next) -> None:
    found = said(status, message)
    assert isinstance(found, Trouble)
    assert found.next is next_step
    assert found.error == f"HTTP {status}: {message}"


@pytest.mark.parametrize(
    ("status", "message", "outcome"),
    [
        (400, "This model's maximum context length is 4096 tokens", Outcome.CONTEXT_OVERFLOW),
        (500, "the request exceeds the available context size", Outcome.CONTEXT_OVERFLOW),
        (400, "blocked by the content filter", Outcome.REFUSED),
        (400, "broken for good", Outcome.FAILED),
    ],
)
def test_what_would_fail_again_is_an_outcome(status: int, message: str, outcome: Outcome) -> None:
    found = said(status, message)
    assert isinstance(found, Completion)
    assert found.outcome is outcome


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b'data: {"choices": [{"delta": {"content": "Hi"}}]}', "Hi"),
        (b'data: {"choices": [{"delta": {"role": "assistant"}}]}', ""),
        (b'data: {"choices": []}', ""),
        (b"data: [DONE]", ""),
        (b": keep-alive", ""),
        (b"", ""),
    ],
)
def test_a_streamed_line_adds_its_text(line: bytes, text: str) -> None:
    assert openai_wire.piece(line) == text


@pytest.mark.parametrize(
    ("field", "seconds"), [("2", 2.0), ("0.5", 0.5), ("600", 60.0), ("", 0.0), ("Wed, 21 Oct", 0.0)]
)
def test_retry_after_is_kept_up_to_a_minute(field: str, seconds: float) -> None:
    assert openai_wire.pause(field) == seconds


@pytest.mark.parametrize(
    ("error", "key_env", "has_key", "words"),
    [
        ("HTTP 404: no", "", False, "may not serve the model 'm'"),
        ("http://127.0.0.1:4040/v1 answers HTTP 401", "MY_KEY", True, "Check the key"),
        ("HTTP 401: no", "MY_KEY", False, "MY_KEY is not set"),
        ("HTTP 401: no", "MY_KEY", True, "Check the key in MY_KEY"),
        ("HTTP 401: no", "", False, "--key-env VAR"),
    ],
)
def test_a_server_that_refuses_all_calls_comes_with_advice(
    error: str, key_env: str, has_key: bool, words: str
) -> None:
    assert words in openai_wire.advice(error, "m", key_env, has_key)
