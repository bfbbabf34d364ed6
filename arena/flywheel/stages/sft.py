"""Supervised fine-tuning: learn the winner's answers, loss on the answers alone."""

from __future__ import annotations

from typing import Any

from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer

from arena.flywheel.stages.over_trl import (
    Message,
    arguments,
    conversation,
    datasets,
    fit,
    fitting,
    load_model,
    load_tokenizer,
    lora_config,
)
from arena.flywheel.task import Task
from arena.records import Example


def train(task: Task) -> dict[str, float]:
    """One row for each answer, with the conversation before it as the prompt.

    `prompt` + `completion` rather than `messages`: a template without generation tags would train on the
    user's words too.
    """
    tokenizer = load_tokenizer(task)
    rows = [row for example in task.examples for row in turns(task, example)]
    args = arguments(SFTConfig, task)
    rows = fitting(task, tokenizer, rows, ("completion",), args.max_length)
    trainer = SFTTrainer(
        model=load_model(task, AutoModelForCausalLM),
        args=args,
        **datasets(task, rows),
        processing_class=tokenizer,
        peft_config=lora_config(task),
    )
    return fit(trainer, task)


def turns(task: Task, example: Example) -> list[dict[str, Any]]:
    """The rows of one example."""
    rows: list[dict[str, Any]] = []
    history: list[Message] = []
    for n, answer in enumerate(example.chosen):
        user = conversation(task, example.turns[n])
        history = [*history, *(user if not n else user[-1:])]
        reply = [{"role": "assistant", "content": answer}]
        rows.append({"prompt": list(history), "completion": reply})
        history += reply
    return rows
