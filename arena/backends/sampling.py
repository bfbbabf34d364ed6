"""What may be asked of a draw, and how one answer's tokens are drawn from logits, whatever shares its batch."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from typing import Any

from arena.backends import Prompt
from arena.records import BadInput, Json, Sampling, content_id

NUCLEUS = 512
"""Most likely tokens looked at first; the whole vocabulary is sorted only where top_p needs more."""


def check_sampling(sampling: Sampling) -> None:
    """Raise BadInput where nothing could be drawn so."""
    if not 0 <= sampling.temperature < math.inf:
        raise BadInput(f"The temperature is {sampling.temperature:g}; it should be 0 or more.")
    if not 0 < sampling.top_p <= 1:
        raise BadInput(f"top_p is {sampling.top_p:g}; it should be above 0 and at most 1.")
    if sampling.max_tokens < 1:
        raise BadInput(f"Most new tokens are {sampling.max_tokens}; an answer needs at least 1.")


@dataclass
class Drawer:
    temperature: float
    top_p: float
    generator: Any
    """A torch.Generator; None where nothing is drawn."""

    @staticmethod
    def of(prompt: Prompt, device: str) -> Drawer:
        """Seeded by the sampling's seed and the messages, so that two prompts don't share their luck."""
        import torch

        sampling = prompt.sampling
        if sampling.temperature <= 0:
            return Drawer(0.0, 1.0, None)
        said: list[Json] = [message.content for message in prompt.messages]
        mixed = int(content_id(sampling.seed, said), 16) >> 1
        generator = torch.Generator(device=device)
        generator.manual_seed(secrets.randbits(62) if sampling.seed is None else mixed)
        return Drawer(sampling.temperature, sampling.top_p, generator)

    def draw(self, logits: Any) -> int:
        """The next token's id.

        logits: one float per token of the vocabulary.
        """
        import torch

        if self.generator is None:
            return int(logits.argmax())
        scaled = logits / self.temperature
        if self.top_p >= 1:
            noise = torch.empty_like(scaled).exponential_(generator=self.generator)
            return int((scaled.softmax(-1) / noise).argmax())  # Gumbel-max: an exact draw
        shares = scaled.softmax(-1)
        top, ids = shares.topk(min(NUCLEUS, len(shares)))
        before = top.cumsum(-1) - top
        if float(before[-1] + top[-1]) < self.top_p and len(top) < len(shares):
            top, ids = shares.sort(descending=True)
            before = top.cumsum(-1) - top
        kept = top * (before < self.top_p)
        noise = torch.empty_like(kept).exponential_(generator=self.generator)
        return int(ids[(kept / noise).argmax()])
