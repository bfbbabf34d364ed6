"""Settings of each stage by name; any field of the stage's TRL config may be added or overridden."""

from __future__ import annotations

from arena.records import BadInput, Settings

ROLLOUT: Settings = {
    "learning_rate": 1e-6,
    "num_train_epochs": 1,
    "per_device_train_batch_size": 8,
    "max_prompt_length": 512,
    "max_completion_length": 512,
    "temperature": 1.0,
    "top_p": 1.0,
    "beta": 0.05,
    "save_steps": 50,
}

PPO: Settings = {
    **ROLLOUT,
    "minibatch_size": 4,
    "ppo_epochs": 2,
    "clip": 0.2,
    "value_clip": 0.2,
    "value_coefficient": 0.1,
    "value_learning_rate": 1e-5,
    "gamma": 1.0,
    "lam": 0.95,
    "max_grad_norm": 1.0,
    "missing_eos_penalty": 1.0,
}

PRESETS: dict[str, dict[str, Settings]] = {
    "sft": {
        # Batch 128 as the paper's, on however many devices there are times 8 times accumulation.
        "paper": {
            "learning_rate": 5e-6,
            "num_train_epochs": 3,
            "per_device_train_batch_size": 8,
            "gradient_accumulation_steps": 16,
            "max_length": 4096,
            "lr_scheduler_type": "cosine",
            "warmup_steps": 0.03,
            "activation_checkpointing": True,
            "save_steps": 100,
        },
        "cpu": {
            "learning_rate": 5e-5,
            "num_train_epochs": 2,
            "per_device_train_batch_size": 4,
            "gradient_accumulation_steps": 1,
            "max_length": 512,
            "lr_scheduler_type": "linear",
            "save_steps": 50,
        },
    },
    "dpo": {
        "paper": {
            "learning_rate": 5e-7,
            "num_train_epochs": 2,
            "beta": 0.3,
            "per_device_train_batch_size": 4,
            "gradient_accumulation_steps": 32,
            "max_length": 4096,
            "activation_checkpointing": True,
            "save_steps": 100,
        },
        "cpu": {
            "learning_rate": 1e-5,
            "num_train_epochs": 2,
            "beta": 0.1,
            "per_device_train_batch_size": 4,
            "max_length": 512,
            "precompute_ref_log_probs": True,
            "save_steps": 50,
        },
    },
    "reward": {
        "paper": {
            "learning_rate": 1e-6,
            "num_train_epochs": 1,
            "per_device_train_batch_size": 8,
            "gradient_accumulation_steps": 16,
            "max_length": 4096,
            "activation_checkpointing": True,
            "save_steps": 100,
        },
        "cpu": {
            "learning_rate": 2e-5,
            "num_train_epochs": 2,
            "per_device_train_batch_size": 4,
            "max_length": 512,
            "save_steps": 50,
        },
    },
    "ppo": {
        "paper": {**PPO, "learning_rate": 1e-7, "beta": 0.4, "per_device_train_batch_size": 64},
        "cpu": {**PPO, "max_prompt_length": 192, "max_completion_length": 48},
    },
    "rloo": {
        "paper": {
            "learning_rate": 1e-7,
            "num_train_epochs": 1,
            "beta": 0.4,
            "num_generations": 4,
            "per_device_train_batch_size": 8,
            "gradient_accumulation_steps": 16,
            "max_completion_length": 1024,
            "save_steps": 50,
        },
        "cpu": {
            "learning_rate": 1e-6,
            "num_train_epochs": 1,
            "beta": 0.05,
            "num_generations": 4,
            "per_device_train_batch_size": 8,
            "max_completion_length": 48,
            "save_steps": 50,
        },
    },
}
"""Stage -> preset -> settings. "paper": section 5's figures; "cpu": a 135M model on two cores in minutes."""


def settings_for(stage: str, preset: str, changes: Settings) -> dict[str, object]:
    """The preset with the changes on top.

    Raises:
        BadInput: no such stage or preset, or a word where the preset has a number.
    """
    if stage not in PRESETS:
        raise BadInput(f"No stage {stage!r}; choose one of {', '.join(PRESETS)}.")
    if preset not in PRESETS[stage]:
        raise BadInput(f"No preset {preset!r} for {stage}; choose one of {', '.join(PRESETS[stage])}.")
    kept = PRESETS[stage][preset]
    for name, value in changes.items():
        if _is_number(kept.get(name)) and isinstance(value, (str, bool)):
            raise BadInput(f"{name} must be a number such as {kept[name]}, not {value!r}.")
    return {**kept, **changes}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
