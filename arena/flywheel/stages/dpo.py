"""Direct preference optimisation: make the winner's answer likelier than the loser's, near the student.

TRL loads the reference from the student's folder again, so that folder must never be overwritten; the
first loss is ln 2 because student and reference still agree.
"""

from __future__ import annotations

from typing import Any

from transformers import AutoModelForCausalLM
from trl import DPOConfig, DPOTrainer

from arena.flywheel.stages.over_trl import (
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
    tokenizer = load_tokenizer(task)
    args = arguments(DPOConfig, task)
    rows = fitting(
        task, tokenizer, [pair(task, e) for e in task.examples], ("chosen", "rejected"), args.max_length
    )
    trainer = DPOTrainer(
        model=load_model(task, AutoModelForCausalLM),
        args=args,
        **datasets(task, rows),
        processing_class=tokenizer,
        peft_config=lora_config(task),
    )
    return fit(trainer, task)


def pair(task: Task, example: Example) -> dict[str, Any]:
    """The first user turn as the prompt, then both conversations; the later user turns stand in both."""
    sides: dict[str, list[dict[str, str]]] = {"chosen": [], "rejected": []}
    for name, answers in (("chosen", example.chosen), ("rejected", example.rejected)):
        for n, answer in enumerate(answers):
            if n:
                sides[name].append({"role": "user", "content": example.turns[n]})
            sides[name].append({"role": "assistant", "content": answer})
    return {"prompt": conversation(task, example.turns[0]), **sides}
