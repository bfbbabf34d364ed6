"""PPO's arithmetic on masked tensors of shape (batch, answer tokens), a function a sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

Tensor = torch.Tensor


@dataclass(frozen=True)
class Rollout:
    """Answers drawn together: (batch, prompt + answer) tokens, (batch, answer) the rest."""

    tokens: Tensor
    attention: Tensor
    """1 on prompt and answer tokens, 0 on padding."""
    mask: Tensor
    """1 on answer tokens up to and with the end token."""
    log_probs: Tensor
    values: Tensor
    advantages: Tensor
    returns: Tensor


def log_probs_of(
    model: Any, tokens: Tensor, attention: Tensor, width: int, temperature: float
) -> tuple[Tensor, Tensor]:
    """Log probability of each of the last `width` tokens, and the entropy at its place: (batch, width)."""
    logits = model(
        input_ids=tokens,
        attention_mask=attention,
        position_ids=(attention.cumsum(-1) - 1).clamp(min=0),
        logits_to_keep=width + 1,
    ).logits[:, :-1]
    every = functional.log_softmax(logits.float() / temperature, dim=-1)
    chosen = every.gather(-1, tokens[:, -width:].unsqueeze(-1)).squeeze(-1)
    return chosen, -(every.exp() * every).sum(-1)


def values_of(model: Any, tokens: Tensor, attention: Tensor, width: int) -> Tensor:
    """What the value model expects before each of the last `width` tokens: (batch, width)."""
    places = (attention.cumsum(-1) - 1).clamp(min=0)
    logits = model(input_ids=tokens, attention_mask=attention, position_ids=places).logits
    return torch.as_tensor(logits[:, -width - 1 : -1, 0].float())


def answer_mask(ended: Tensor) -> Tensor:
    """1 up to and with the first end token of each row; all ones where none ended."""
    before = ended.long().cumsum(dim=1) - ended.long()
    return (before == 0).long()


def token_rewards(score: Tensor, kl: Tensor, mask: Tensor, beta: float) -> Tensor:
    """-beta KL on every answer token, the score on the last one."""
    rewards = -beta * kl * mask
    last = (mask.sum(dim=1) - 1).unsqueeze(1)
    return rewards.scatter_add(1, last, score.unsqueeze(1).to(rewards.dtype))


def gae(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> tuple[Tensor, Tensor]:
    """Generalised advantages and returns over the answer's tokens (Schulman et al. 2016), 0 after its end.

    A_t = sum_l (gamma lam)^l delta_{t+l}, delta_t = r_t + gamma V_{t+1} - V_t, and V is 0 after the end.
    """
    values = values * mask
    advantages = torch.zeros_like(rewards)
    ahead = torch.zeros_like(rewards[:, 0])
    for t in range(rewards.shape[1] - 1, -1, -1):
        after = values[:, t + 1] if t + 1 < rewards.shape[1] else torch.zeros_like(ahead)
        delta = rewards[:, t] + gamma * after - values[:, t]
        ahead = (delta + gamma * lam * ahead) * mask[:, t]
        advantages[:, t] = ahead
    return advantages, (advantages + values) * mask


def mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the answer tokens."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


def whiten(values: Tensor, mask: Tensor) -> Tensor:
    """Mean 0 and variance 1 over the answer tokens."""
    centre = mean(values, mask)
    spread = mean((values - centre) ** 2, mask)
    return (values - centre) * torch.rsqrt(spread + 1e-8) * mask


def policy_objective(
    new: Tensor, old: Tensor, advantages: Tensor, mask: Tensor, clip: float
) -> tuple[Tensor, Tensor]:
    """The clipped surrogate's loss, and the share of tokens at which the clip held."""
    ratio = torch.exp((new - old) * mask)
    plain, held = advantages * ratio, advantages * ratio.clamp(1 - clip, 1 + clip)
    return -mean(torch.minimum(plain, held), mask), mean((held < plain).float(), mask).detach()
