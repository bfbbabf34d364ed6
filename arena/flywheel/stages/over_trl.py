"""What the stages over TRL's trainers share: config, model, rows that fit, reporting, checkpoints, saving."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from datasets import Dataset, load_from_disk
from transformers import AutoTokenizer, TrainerCallback

from arena.flywheel.stages.sharded import check_gatherable, engine, gathered
from arena.flywheel.task import Task
from arena.records import ArenaError, BadInput, Json
from arena.worker import Stopped

Message = dict[str, str]
RENAMED = {
    "gradient_checkpointing": "activation_checkpointing",
    "gradient_checkpointing_kwargs": "activation_checkpointing_kwargs",
}
"""Settings under the names that everybody still uses -> transformers' new ones."""


def arguments(kind: Any, task: Task) -> Any:
    """The stage's TRL config: our defaults for this machine, then the round's settings.

    Raises:
        BadInput: a setting the config does not have, or a value it refuses.
    """
    known = {f.name for f in dataclasses.fields(kind) if f.init}
    for name in task.settings:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3)
            meant = f"did you mean {', '.join(near)}?" if near else "its documentation lists them."
            raise BadInput(f"{kind.__name__} has no setting {name!r}; {meant}")
    gpu = torch.cuda.is_available()
    base: dict[str, Any] = {
        "output_dir": str(task.work),
        "use_cpu": not gpu and engine() != "DeepSpeed",  # it has a CPU engine of its own
        "bf16": gpu and torch.cuda.is_bf16_supported(),
        "activation_checkpointing": False,
        "save_strategy": "steps",
        "save_total_limit": 1,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # it would hide the NaN that we want to stop at
        "disable_tqdm": True,
        "report_to": "none",
        "seed": 0,
        "dataloader_pin_memory": gpu,
    }
    if task.aside:
        base |= {"eval_strategy": "steps", "eval_steps": 0.1, "eval_on_start": True}
    if not gpu and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        base["ddp_backend"] = "gloo"
    try:
        return kind(**{**base, **{RENAMED.get(k, k): v for k, v in task.settings.items()}})
    except (TypeError, ValueError) as error:
        raise BadInput(f"The settings do not go together: {error}") from error


def load_tokenizer(task: Task) -> Any:
    """The student's tokenizer.

    Raises:
        BadInput: no chat template or no pad token.
    """
    tokenizer = AutoTokenizer.from_pretrained(task.folder, local_files_only=True, trust_remote_code=False)
    if not tokenizer.chat_template:
        raise BadInput(f"The tokenizer in {task.folder} has no chat template.")
    if tokenizer.pad_token_id is None:
        raise BadInput(f"The tokenizer in {task.folder} has no pad token; set one, its eos token will do.")
    return tokenizer


def load_model(task: Task, auto: Any, **options: Any) -> Any:
    """The student's weights in float32 (mixed precision is the trainer's business), no remote code."""
    return auto.from_pretrained(
        task.folder, dtype=torch.float32,
        local_files_only=True, trust_remote_code=False, use_safetensors=True,
        **options,
    )  # fmt: skip


def lora_config(task: Task, task_type: str = "CAUSAL_LM") -> Any:
    """peft's LoraConfig, or None to train every weight."""
    if not task.lora:
        return None
    from peft import LoraConfig

    return LoraConfig(**{"task_type": task_type, "target_modules": "all-linear", **task.lora})


def conversation(task: Task, user: str) -> list[Message]:
    """The opening of a conversation as the student will meet it in battle."""
    system = [{"role": "system", "content": task.student.system_prompt}] if task.student.system_prompt else []
    return [*system, {"role": "user", "content": user}]


def fitting(
    task: Task, tokenizer: Any, rows: Iterable[dict[str, Any]], ends: tuple[str, ...], most: int | None
) -> list[dict[str, Any]]:
    """The rows whose conversation fits into `most` tokens; TRL would cut the others in silence.

    Args:
        ends: columns that each finish the prompt's conversation, e.g. ("chosen", "rejected").

    Raises:
        BadInput: none fits.
    """
    rows = list(rows)
    if most is None:
        return rows
    sizes = [max(_tokens(tokenizer, [*row["prompt"], *row[end]]) for end in ends) for row in rows]
    kept = [row for row, size in zip(rows, sizes, strict=True) if size <= most]
    if len(kept) < len(rows) and task.main:
        task.run.log(
            f"Left out {len(rows) - len(kept)} of {len(rows)} rows longer than max_length {most} tokens "
            f"(the longest has {max(sizes)})."
        )
    if not kept:
        raise BadInput(
            f"All {len(rows)} rows are longer than max_length {most} tokens (the shortest has {min(sizes)}); "
            "raise max_length or select shorter answers."
        )
    return kept


def datasets(task: Task, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The rows as the trainer's data sets; those kept aside are spread over the whole, not its end."""
    kept = max(1, int(len(rows) * task.aside)) if task.aside else 0
    if not kept:
        return {"train_dataset": _shared(task, rows, "learnt")}
    places = {round((n + 0.5) * len(rows) / kept - 0.5) for n in range(kept)}
    aside = [row for n, row in enumerate(rows) if n in places]
    learnt = [row for n, row in enumerate(rows) if n not in places]
    return {
        "train_dataset": _shared(task, learnt, "learnt"),
        "eval_dataset": _shared(task, aside, "aside"),
    }


def _shared(task: Task, rows: list[dict[str, Any]], name: str) -> Dataset:
    """The rows in memory, or for several processes in one file: DPO's reference figures, which TRL keeps beside
    the rows, are computed by all of them and written by the first. In memory each would look for them in a
    folder of its own."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Dataset.from_list(rows)
    place = str(task.work / f"rows-{name}")
    if task.main:
        Dataset.from_list(rows).save_to_disk(place)
    PartialState().wait_for_everyone()
    return load_from_disk(place)


def _tokens(tokenizer: Any, messages: list[Message]) -> int:
    return len(tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True)["input_ids"])


def fit(trainer: Any, task: Task, saver: Callable[[Any, Path], None] | None = None) -> dict[str, float]:
    """Train from the latest whole checkpoint, save the model as the draft, and return its figures.

    Raises:
        Stopped: the user asked; a checkpoint was written after the current step.
        ArenaError: the loss is no number any more.
    """
    check_gatherable(trainer)
    trainer.add_callback(Reporter(task))
    checkpoint = latest_whole(task)
    result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if task.run.stopping and trainer.state.global_step < trainer.state.max_steps:
        raise Stopped
    save(trainer, task)
    figures = {k: float(v) for k, v in result.metrics.items() if isinstance(v, (int, float))}
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    if losses:
        figures |= {"first_loss": float(losses[0]), "last_loss": float(losses[-1])}
    return {**figures, "steps": float(trainer.state.global_step)}


def save(trainer: Any, task: Task) -> None:
    """The model and its tokenizer as one ordinary folder of safetensors."""
    pieces = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
    model = gathered(trainer, task) if pieces else trainer.accelerator.unwrap_model(trainer.model)
    if task.main:
        model = model.merge_and_unload() if task.lora else model
        model.to(kept_dtype(task)).save_pretrained(task.draft)
        trainer.processing_class.save_pretrained(task.draft)


def kept_dtype(task: Task) -> torch.dtype:
    """What the checkpoint's weights are stored in: float32, as they were trained, unless the round says otherwise.

    A bfloat16 weight of .12 has neighbours .0005 away, and a short training at 1e-5 moves it by less: stored in a
    bfloat16 student's own dtype, 91% of the weights after PPO or DPO came out as they had been before.
    """
    name = task.store_as
    if name == "student":
        config = json.loads((task.folder / "config.json").read_text("utf-8"))
        name = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    dtype = getattr(torch, name)
    assert isinstance(dtype, torch.dtype)
    return dtype


def latest_whole(task: Task) -> Path | None:
    """The newest trainer checkpoint that was written to its end; half-written ones are deleted."""
    found = sorted(task.work.glob("checkpoint-*"), key=lambda p: int(p.name.rpartition("-")[2]), reverse=True)
    for folder in found:
        if is_whole(folder):
            return folder
        if task.main:
            task.run.log(f"{folder.name} was not written to its end and is discarded.")
            shutil.rmtree(folder)
    return None


def is_whole(folder: Path) -> bool:
    """trainer_state.json, which is written last, is there, and the weights have the length they announce."""
    try:
        json.loads((folder / "trainer_state.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    weights = [
        *folder.glob("*.safetensors"),
        *folder.glob("pytorch_model_fsdp*"),
        *folder.glob("global_step*"),
    ]
    whole = all(_announced(file) == file.stat().st_size for file in folder.glob("*.safetensors"))
    return bool(weights) and whole and (folder / "scheduler.pt").is_file()


def _announced(file: Path) -> int:
    """Bytes a safetensors file must have by its own header."""
    with open(file, "rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        try:
            header = json.loads(opened.read(length))
        except ValueError:
            return -1
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    return 8 + length + max(ends, default=0)


class Reporter(TrainerCallback):
    """Writes the curves, reports progress, and turns the wish to stop into a checkpoint."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
        figures = {k: v for k, v in (logs or {}).items() if isinstance(v, (int, float))}
        loss = figures.get("loss")
        if loss is not None and not math.isfinite(loss):
            raise ArenaError(
                f"The loss became {loss} at step {state.global_step}. Lower learning_rate (now "
                f"{args.learning_rate:g}), set max_grad_norm to 1.0, or look for broken examples."
            )
        if self.task.main:
            finite: dict[str, Json] = {k: v for k, v in figures.items() if math.isfinite(v)}
            self.task.run.metric(step=state.global_step, **finite)

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        if self.task.main:
            self.task.run.log(f"Training to step {state.max_steps} with {args.world_size} process(es).")

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        if self.task.main:
            self.task.run.progress(state.global_step, state.max_steps, "training")
        if wish_to_stop(self.task):
            control.should_save = True
            control.should_training_stop = True


def wish_to_stop(task: Task) -> bool:
    """Whether any process was asked to stop: all must leave the loop at the same step."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return task.run.stopping
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else "cpu"
    wish = torch.tensor([float(task.run.stopping)], device=device)
    torch.distributed.all_reduce(wish)
    if wish.item() > 0:
        task.run.stopping = True
    return task.run.stopping
