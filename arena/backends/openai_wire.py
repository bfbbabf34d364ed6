"""What travels to and from an OpenAI-compatible server: prompts to JSON, replies to typed outcomes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from arena.backends import Completion, Prompt
from arena.records import Outcome, Settings

OVERFLOW = re.compile(
    r"context.?(length|size|window)|maximum context|exceed_context|too many tokens|prompt is too long"
    r"|max_model_len",
    re.IGNORECASE,
)
FILTERED = re.compile(r"content.?(filter|policy)|safety|moderation", re.IGNORECASE)
RENAMED = "max_completion_tokens"
"""Some hosted models want max_tokens under this name."""
OPTIONAL = ("response_format", "logprobs", "seed", "max_tokens")
"""Fields a server may refuse and the call can do without, or under another name."""
HINTS = {
    "response_format": re.compile(
        r"response_format|json_schema|schema|grammar|structured|guided", re.IGNORECASE
    ),
    "logprobs": re.compile(r"logprob", re.IGNORECASE),
    "seed": re.compile(r"\bseed\b", re.IGNORECASE),
    "max_tokens": re.compile(rf"max_tokens.*{RENAMED}", re.IGNORECASE | re.DOTALL),
}


class Next(StrEnum):
    """What a call does after a reply that is no answer."""

    RETRY = "retry"
    LATER = "later"
    """Retry, and send less at once."""
    REPHRASE = "rephrase"
    """Send again without the field the server refused."""
    GIVE_UP = "give up"
    """No call to this server can work: wrong key, unknown model."""


@dataclass(frozen=True)
class Trouble:
    next: Next
    error: str
    field: str = ""


def body(prompt: Prompt, model: str, dialect: set[str], extra: Settings) -> dict[str, Any]:
    """The request for one chat completion."""
    sampling = prompt.sampling
    request: dict[str, Any] = {
        "model": model,
        "messages": [{"role": m.role, "content": m.content} for m in prompt.messages],
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        (RENAMED if "max_tokens" in dialect else "max_tokens"): sampling.max_tokens,
    }
    if sampling.seed is not None and "seed" not in dialect:
        request["seed"] = sampling.seed
    if sampling.stop:
        request["stop"] = list(sampling.stop)
    if prompt.schema is not None and "response_format" not in dialect:
        shape = {"name": "answer", "schema": dict(prompt.schema), "strict": True}
        request["response_format"] = {"type": "json_schema", "json_schema": shape}
    if prompt.logprobs and "logprobs" not in dialect:
        request |= {"logprobs": True, "top_logprobs": prompt.logprobs}
    return request | dict(extra)


def read(key: str, status: int, raw: bytes, sent: dict[str, Any], dialect: set[str]) -> Completion | Trouble:
    """The reply as a completion with its outcome, or why there is none."""
    try:
        said = json.loads(raw)
    except ValueError:
        said = None
    if status == 200:
        completion = _completion(key, said)
        return completion or Trouble(Next.RETRY, f"the server's reply is no chat completion: {_cut(raw)}")
    message = _message(said) or _cut(raw)
    error = f"HTTP {status}: {message}"
    return _trouble(status, message, error, sent, dialect) or Completion(
        key, "", _outcome(message), error=error
    )


def _trouble(
    status: int, message: str, error: str, sent: dict[str, Any], dialect: set[str]
) -> Trouble | None:
    """None where the same call would end the same way again."""
    if status in {429, 503, 529}:
        return Trouble(Next.LATER, error)
    if OVERFLOW.search(message):
        return None
    if status in {408, 409, 425} or status >= 500:
        return Trouble(Next.RETRY, error)
    if status in {401, 404}:
        return Trouble(Next.GIVE_UP, error)
    refused = (n for n in OPTIONAL if n in sent and n not in dialect and HINTS[n].search(message))
    name = next(refused, "") if status in {400, 422} else ""
    return Trouble(Next.REPHRASE, error, name) if name else None


def _outcome(message: str) -> Outcome:
    if OVERFLOW.search(message):
        return Outcome.CONTEXT_OVERFLOW
    return Outcome.REFUSED if FILTERED.search(message) else Outcome.FAILED


def _completion(key: str, said: Any) -> Completion | None:
    """None where the shape is not a chat completion's."""
    try:
        choice = said["choices"][0]
        message = choice["message"]
        text = message.get("content") or ""
        finish = choice.get("finish_reason") or ""
        usage = said.get("usage") or {}
        details = usage.get("prompt_tokens_details") or {}
        refused = bool(message.get("refusal")) or finish == "content_filter"
        logprobs = _first_token(choice.get("logprobs"))
        completion = Completion(
            key,
            str(text),
            Outcome.OK,
            finish_reason=str(finish),
            tokens_in=int(usage.get("prompt_tokens") or 0),
            tokens_out=int(usage.get("completion_tokens") or 0),
            logprobs=logprobs,
            tokens_cached=int(details.get("cached_tokens") or 0),
        )
    except (TypeError, KeyError, IndexError, AttributeError, ValueError):
        return None
    if refused:
        why = str(message.get("refusal") or "the server's content filter stopped the answer")
        return replace(completion, outcome=Outcome.REFUSED, error=why)
    if not completion.text.strip():
        return replace(completion, outcome=Outcome.EMPTY, error="the answer is empty")
    return replace(completion, outcome=Outcome.TRUNCATED) if finish == "length" else completion


def _first_token(logprobs: Any) -> dict[str, float]:
    content = (logprobs or {}).get("content") or []
    return {t["token"]: float(t["logprob"]) for t in content[0]["top_logprobs"]} if content else {}


def _message(said: Any) -> str:
    """The words of an error in any of the shapes servers use."""
    if not isinstance(said, dict):
        return ""
    error = said.get("error", said)
    if isinstance(error, dict):
        facts = [error.get("message"), error.get("code"), error.get("type"), error.get("param")]
        return " ".join(str(fact) for fact in facts if fact) or str(error)[:300]
    return str(error)


def _cut(raw: bytes) -> str:
    return raw[:200].decode("utf-8", "replace")


def first_model(raw: bytes) -> str:
    """The first model of a server's list; empty where the list names none."""
    try:
        return str(json.loads(raw)["data"][0]["id"])
    except (ValueError, LookupError, TypeError):
        return ""


def piece(line: bytes) -> str:
    """What one line of a streamed answer adds to it; empty for lines that add nothing.

    Raises:
        ValueError: the line breaks off.
    """
    event = line.strip()
    if not event.startswith(b"data:") or event == b"data: [DONE]":
        return ""
    choices = json.loads(event[5:]).get("choices") or [{}]
    return (choices[0].get("delta") or {}).get("content") or ""


def pause(retry_after: str) -> float:
    """Seconds to wait by the Retry-After field, at most a minute; 0 where it names none."""
    return min(60.0, float(retry_after)) if retry_after.replace(".", "", 1).isdigit() else 0.0


def advice(error: str, model: str, key_env: str, has_key: bool) -> str:
    """What to do where no call to a server can work."""
    if "HTTP 404" in error:  # a port may hold these digits too
        return f"It may not serve the model {model!r}, or the URL lacks its /v1."
    if key_env and not has_key:
        return f"The environment variable {key_env} is not set; set it to the API key and start again."
    return (
        f"Check the key in {key_env}." if key_env else "Name the variable that holds the key: --key-env VAR."
    )
