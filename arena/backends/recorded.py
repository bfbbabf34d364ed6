"""Answers made elsewhere: a contender that is only what was imported for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from arena.backends import Completion, Prompt
from arena.records import BackendError, Contender, Outcome


class RecordedChat:
    """Can't say anything new; the run takes what the store holds before it asks."""

    def __init__(self, contender: Contender) -> None:
        self._missing = (
            f"{contender.name} is known by recorded answers only and has none for this instruction; import "
            f"more with `python -m arena import answers FILE --contender {contender.name} --testset T`."
        )

    def complete(self, prompts: Iterable[Prompt]) -> Iterator[Completion]:
        for prompt in prompts:
            yield Completion(prompt.key, "", Outcome.FAILED, error=self._missing)

    def stream(self, prompt: Prompt) -> Iterator[str]:
        raise BackendError(self._missing)

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> RecordedChat:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_chat(contender: Contender) -> RecordedChat:
    return RecordedChat(contender)
