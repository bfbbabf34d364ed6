"""What a stage is given: the student's folder, the examples, settings, and where to leave the new model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from arena.records import Contender, Example, Settings
from arena.worker import Run


@dataclass(frozen=True)
class Task:
    run: Run
    student: Contender
    folder: Path
    """The student's model folder: read, never written."""
    work: Path
    """Trainer checkpoints, inside the run folder; deleted when the model is published."""
    draft: Path
    """Where the stage saves the finished model; it becomes the checkpoint by one rename."""
    examples: tuple[Example, ...]
    checks: Mapping[str, Settings]
    """Instruction -> how code verifies its answers."""
    settings: Mapping[str, object]
    lora: Mapping[str, object]
    """peft's LoraConfig; empty trains every weight."""
    reward_folder: Path | None
    """A reward model's folder; None rewards by `checks`."""
    aside: float
    """Share of the examples kept from training for the eval curve."""
    store_as: str
    """The checkpoint's dtype; "student" takes the student's own."""
    main: bool
    """True in the one process (of several) that reports and saves."""


Train = Callable[[Task], dict[str, float]]
"""Train, save into `task.draft`, and return the figures of the round; raises `Stopped` after a checkpoint."""
