"""The prompts PPO draws answers to, and which of them a step takes."""

from __future__ import annotations

import random
from typing import Any

from arena.flywheel.stages.over_trl import conversation
from arena.flywheel.stages.ppo_config import PPOConfig
from arena.flywheel.task import Task
from arena.records import BadInput, Example


class Prompts:
    """The examples whose prompt fits.

    Raises:
        BadInput: none does.
    """

    def __init__(self, task: Task, config: PPOConfig, tokenizer: Any) -> None:
        self.task, self.config, self.tokenizer = task, config, tokenizer
        most = config.max_prompt_length
        self.examples = [e for e in task.examples if len(self.tokens(e)) <= most]
        left = len(task.examples) - len(self.examples)
        if not self.examples:
            raise BadInput(f"All {left} prompts are longer than max_prompt_length {most} tokens.")
        if left and task.main:
            task.run.log(f"Left out {left} prompts longer than max_prompt_length {most} tokens.")

    def tokens(self, example: Example) -> list[int]:
        messages = conversation(self.task, example.turns[0])
        found = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
        return list(found["input_ids"])

    def batch(self, place: int) -> list[Example]:
        """The examples of the batch at a place, counted over steps and processes: every epoch has an order of
        its own, the same after a resume."""
        size = self.config.per_device_train_batch_size
        chosen = []
        for number in range(place * size, (place + 1) * size):
            epoch, within = divmod(number, len(self.examples))
            order = list(range(len(self.examples)))
            random.Random(f"{self.config.seed} {epoch}").shuffle(order)
            chosen.append(self.examples[order[within]])
        return chosen
