"""What PPO and RLOO are paid for: answers that pass their check, or a reward model's score."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from arena.checks import passes
from arena.flywheel.task import Task
from arena.records import BadInput

Score = Callable[[list[str], list[str]], torch.Tensor]
"""(instruction ids with "\\n" and the user's words, answers) -> one reward each, (n,)."""


def check_reward(check: dict[str, Any], answer: str) -> float:
    """1 for an answer that does what was asked, 0 otherwise."""
    return float(passes(check, answer))


def load_reward_model(task: Task, tokenizer: Any) -> tuple[Any, Any]:
    """The reward model and its tokenizer.

    Raises:
        BadInput: its vocabulary is not the student's.
    """
    assert task.reward_folder is not None
    model = AutoModelForSequenceClassification.from_pretrained(
        task.reward_folder, dtype=torch.float32, local_files_only=True, trust_remote_code=False, num_labels=1
    )
    own = AutoTokenizer.from_pretrained(task.reward_folder, local_files_only=True, trust_remote_code=False)
    if own.get_vocab() != tokenizer.get_vocab():
        raise BadInput(
            f"The reward model {task.reward_folder.name} has another vocabulary than the student's "
            f"{len(tokenizer)} tokens; "
            "train a reward model from this student."
        )
    model.config.pad_token_id = tokenizer.pad_token_id
    return model.eval(), own


def check_column(task: Task, instruction: str) -> str:
    """The instruction's check as text, for a data set's column."""
    return json.dumps(dict(task.checks.get(instruction, {})))
