"""A model that several processes hold in pieces (FSDP, DeepSpeed): what cannot be put together again is refused
before the training, the rest is gathered when the model is saved."""

from __future__ import annotations

import os
from typing import Any

import torch

from arena.flywheel.task import Task
from arena.records import BadInput

ENGINES = {"ACCELERATE_USE_FSDP": "FSDP", "ACCELERATE_USE_DEEPSPEED": "DeepSpeed"}
"""What accelerate's launcher says of the engine -> its name."""


def engine() -> str:
    """What holds the model in pieces; empty where every process has the whole."""
    found = [name for variable, name in ENGINES.items() if os.environ.get(variable, "").lower() == "true"]
    return found[0] if found else ""


def refuse_engine(stage: str) -> None:
    """Raise BadInput where a model in pieces cannot take this stage."""
    if engine():
        raise BadInput(
            f"{stage} cannot run under {engine()}: it trains two models beside each other. Use torchrun, or an "
            "accelerate config without FSDP and DeepSpeed."
        )


def check_gatherable(trainer: Any) -> None:
    """Before the first step rather than after the last.

    Raises:
        BadInput: ZeRO-3 that was told to keep its pieces apart.
    """
    if trainer.is_deepspeed_enabled:
        zero = trainer.accelerator.state.deepspeed_plugin.deepspeed_config.get("zero_optimization", {})
        if zero.get("stage") == 3 and not zero.get("stage3_gather_16bit_weights_on_model_save"):
            raise BadInput(
                "ZeRO-3 keeps the model in pieces unless the accelerate config says zero3_save_16bit_model: true; "
                "without it no checkpoint could be saved."
            )


def gathered(trainer: Any, task: Task) -> Any:
    """The whole model on the CPU of the main process, None in the others; all of them must call this.

    TRL's own `save_model` writes nothing where the accelerate config asks for sharded state, its default.
    """
    pieces = trainer.deepspeed if trainer.is_deepspeed_enabled else trainer.model
    state = trainer.accelerator.get_state_dict(pieces)
    if not task.main:
        return None
    model = trainer.accelerator.unwrap_model(trainer.model)
    base = model.get_base_model() if task.lora else model
    kind: Any = next(k for k in type(base).__mro__ if k.__module__.startswith("transformers.models."))
    with torch.device("meta"):  # its weights come from the gathered ones, none is drawn
        whole = kind(base.config)
        if task.lora:
            from peft import get_peft_model

            whole = get_peft_model(whole, model.peft_config["default"])
    whole.load_state_dict(state, strict=False, assign=True)
    (whole.get_base_model() if task.lora else whole).tie_weights()
    lacking = [name for name, weight in whole.named_parameters() if weight.is_meta]
    assert not lacking, lacking
    return whole
