"""Every setting of PPO, read from a round's."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields

from arena.flywheel.task import Task
from arena.records import BadInput


@dataclass(frozen=True)
class PPOConfig:
    """Every setting of this stage."""

    learning_rate: float = 1e-6
    value_learning_rate: float = 1e-5
    num_train_epochs: float = 1
    max_steps: int = -1
    """Stops here when it is positive, else after the epochs."""
    per_device_train_batch_size: int = 8
    """Answers drawn a step and process."""
    minibatch_size: int = 4
    ppo_epochs: int = 2
    """Passes over each batch of answers."""
    max_prompt_length: int = 512
    """Longer prompts are left out, and counted in the log."""
    max_completion_length: int = 64
    temperature: float = 1.0
    top_p: float = 1.0
    beta: float = 0.05
    """Price of one nat of KL; the paper's is 0.4."""
    clip: float = 0.2
    value_clip: float = 0.2
    value_coefficient: float = 0.1
    gamma: float = 1.0
    lam: float = 0.95
    max_grad_norm: float = 1.0
    """Of the policy's gradient and of the value model's, each by itself."""
    bf16: bool | None = None
    """Compute in bfloat16, weights and sums stay float32; None does where a GPU has it."""
    missing_eos_penalty: float = 1.0
    """Taken from the score of an answer that did not end."""
    save_steps: int = 50
    seed: int = 0


def read_config(task: Task) -> PPOConfig:
    """The settings.

    Raises:
        BadInput: a setting PPO does not have, or one out of its range.
    """
    known = [f.name for f in fields(PPOConfig)]
    for name in task.settings:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3)
            raise BadInput(f"PPO has no setting {name!r}; there are {', '.join(near or known)}.")
    config = PPOConfig(**task.settings)  # type: ignore[arg-type]  # names are checked, JSON gives the types
    if config.per_device_train_batch_size % config.minibatch_size:
        raise BadInput("per_device_train_batch_size must be a multiple of minibatch_size.")
    if config.temperature <= 0:
        raise BadInput("PPO draws answers; temperature must be above 0.")
    return config
