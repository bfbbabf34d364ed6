"""REINFORCE leave-one-out, TRL's maintained alternative to PPO: no value model, each answer judged against
its siblings. After a resume it draws other answers than an uninterrupted run would."""

from __future__ import annotations

import json
from typing import Any

from datasets import Dataset
from transformers import AutoModelForCausalLM
from trl import RLOOConfig, RLOOTrainer

from arena.flywheel.stages.over_trl import (
    arguments,
    conversation,
    fit,
    load_model,
    load_tokenizer,
    lora_config,
)
from arena.flywheel.stages.rewards import check_column, check_reward, load_reward_model
from arena.flywheel.task import Task


def train(task: Task) -> dict[str, float]:
    """Of a conversation with several turns the first is answered."""
    tokenizer = load_tokenizer(task)
    rows = [
        {"prompt": conversation(task, e.turns[0]), "check": check_column(task, e.instruction)}
        for e in task.examples
    ]
    rewards: Any = passed
    reward_tokenizers = None
    if task.reward_folder is not None:
        rewards, reward_tokenizers = load_reward_model(task, tokenizer)
    trainer = RLOOTrainer(
        model=load_model(task, AutoModelForCausalLM),
        reward_funcs=rewards,
        reward_processing_classes=reward_tokenizers,
        args=arguments(RLOOConfig, task),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=lora_config(task),
    )
    return fit(trainer, task)


def passed(completions: list[list[dict[str, str]]], check: list[str], **columns: Any) -> list[float]:
    """TRL's reward function: 1 for each answer that passes its check."""
    return [check_reward(json.loads(c), m[-1]["content"]) for m, c in zip(completions, check, strict=True)]
