"""How we speak to a language model: one protocol, one menu; each backend loads its library when used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol, cast

from arena.records import BadInput, Contender, Json, Outcome, Sampling


@dataclass(frozen=True)
class Message:
    role: str
    """system, user or assistant."""
    content: str


@dataclass(frozen=True)
class Prompt:
    """One call to make."""

    key: str
    """Given back with the completion, so that answers may arrive in any order."""
    messages: tuple[Message, ...]
    sampling: Sampling
    schema: Mapping[str, Json] | None = None
    """JSON schema the answer must meet, enforced where the backend can; always validate locally."""
    logprobs: int = 0
    """How many alternatives of the first new token to report."""


@dataclass(frozen=True)
class Completion:
    """How one call ended."""

    key: str
    text: str
    outcome: Outcome
    finish_reason: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    error: str = ""
    logprobs: Mapping[str, float] = field(default_factory=dict)
    """First new token's alternatives -> natural log probability."""
    tokens_cached: int = 0
    """How many of `tokens_in` the server took from its prefix cache, where it says so."""


class Chat(Protocol):
    """A model that is ready to talk. Use as a context manager: leaving it frees server and memory."""

    def complete(self, prompts: Iterable[Prompt]) -> Iterator[Completion]:
        """Answer the prompts, each once, yielding as they finish in any order.

        Prompts are drawn lazily, so memory stays flat whatever their number. A call that fails is
        a completion with a typed outcome; BackendError only when no call can work at all.
        """
        ...

    def stream(self, prompt: Prompt) -> Iterator[str]:
        """Pieces of one answer as they are made."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Chat: ...

    def __exit__(self, *exc: object) -> None: ...


BACKENDS: dict[str, str] = {
    "local_transformers": "arena.backends.local_transformers:open_chat",
    "llama_cpp": "arena.backends.llama_cpp:open_chat",
    "openai_server": "arena.backends.openai_server:open_chat",
    "vllm_server": "arena.backends.vllm_server:open_chat",
    "recorded": "arena.backends.recorded:open_chat",
    "scripted": "arena.backends.scripted:open_chat",
}
"""Name -> where its `open_chat(contender) -> Chat` lives; imported only when a job needs it."""


def open_chat(contender: Contender) -> Chat:
    """The contender's model, loaded or connected.

    Raises:
        BadInput: no such backend.
        BackendError: the folder, file or server is not there; the text says what to do.
    """
    if contender.backend not in BACKENDS:
        raise BadInput(
            f"Contender {contender.name!r} names the backend {contender.backend!r}; "
            f"choose one of {', '.join(BACKENDS)}."
        )
    module, name = BACKENDS[contender.backend].split(":")
    opener = cast("Callable[[Contender], Chat]", getattr(import_module(module), name))
    return opener(contender)
