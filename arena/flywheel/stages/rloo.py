"""REINFORCE leave-one-out, TRL's maintained alternative to PPO: no value model, each answer judged against
its siblings."""

from __future__ import annotations

import json
from typing import Any

from datasets import Dataset
from transformers import AutoModelForCausalLM
from trl import RLOOConfig, RLOOTrainer
from trl.trainer.utils import RepeatSampler

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
    trainer = _Trainer(
        model=load_model(task, AutoModelForCausalLM),
        reward_funcs=rewards,
        reward_processing_classes=reward_tokenizers,
        args=arguments(RLOOConfig, task),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=lora_config(task),
    )
    return fit(trainer, task)


class _Sampler(RepeatSampler):
    """Each epoch's order from (seed, epoch). TRL's goes on from where one generator stands, which a resumed
    run can't know: it would meet other prompts from its second epoch on."""

    def set_epoch(self, epoch: int) -> None:
        if self.shuffle:
            self.generator.manual_seed(int(self.seed or 0) + epoch)


class _Trainer(RLOOTrainer):
    def _get_train_sampler(self, dataset: Any = None) -> RepeatSampler:
        t = super()._get_train_sampler(dataset)
        return _Sampler(t.data_source, t.mini_repeat_count, t.batch_size, t.repeat_count, t.shuffle, t.seed)


def passed(completions: list[list[dict[str, str]]], check: list[str], **columns: Any) -> list[float]:
    """TRL's reward function: 1 for each answer that passes its check."""
    return [check_reward(json.loads(c), m[-1]["content"]) for m, c in zip(completions, check, strict=True)]
