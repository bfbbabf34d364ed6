"""A reward model: the student's body with one score on the end token, learnt from ranked pairs."""

from __future__ import annotations

from transformers import AutoModelForSequenceClassification
from trl import RewardConfig, RewardTrainer

from arena.flywheel.stages.dpo import pair
from arena.flywheel.stages.over_trl import (
    arguments,
    datasets,
    fit,
    fitting,
    load_model,
    load_tokenizer,
    lora_config,
)
from arena.flywheel.task import Task


def train(task: Task) -> dict[str, float]:
    tokenizer = load_tokenizer(task)
    args = arguments(RewardConfig, task)
    rows = fitting(
        task, tokenizer, [pair(task, e) for e in task.examples], ("chosen", "rejected"), args.max_length
    )
    model = load_model(task, AutoModelForSequenceClassification, num_labels=1)
    model.config.pad_token_id = tokenizer.pad_token_id
    trainer = RewardTrainer(
        model=model,
        args=args,
        **datasets(task, rows),
        processing_class=tokenizer,
        peft_config=lora_config(task, "SEQ_CLS"),
    )
    return fit(trainer, task)
