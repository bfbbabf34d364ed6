"""What went wrong in a training, in the user's words: memory and disk fail under many names."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from arena.records import ArenaError

MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory")
DISK = ("no space left", "file too large", "quota exceeded", "pytorchstreamwriter failed", "unexpected pos")
"""As the kernel, safetensors and torch's writer say it."""
FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what memory and disk refuse into an ArenaError that says what to change; let the rest pass."""
    try:
        yield
    except ArenaError:
        raise
    except Exception as error:
        found = explain(error)
        if found is None:
            raise
        raise found from error


def explain(error: BaseException) -> ArenaError | None:
    """The error in the user's words; None for one that is neither about memory nor about the disk."""
    said = str(error).lower()
    # safetensors and torch's writer raise errors of their own around the system's: only their words tell.
    if isinstance(error, MemoryError) or any(words in said for words in MEMORY):
        return ArenaError(
            "Out of memory. Halve per_device_train_batch_size (and double gradient_accumulation_steps to keep "
            f"the batch), shorten max_length, switch gradient_checkpointing on, or train with LoRA. ({error})"
        )
    if getattr(error, "errno", None) in FULL or any(words in said for words in DISK):
        return ArenaError(
            "The disk is full: the model could not be written. Free some space or prune old checkpoints, "
            f"then resume; it goes on from the last whole checkpoint. ({error})"
        )
    return None
