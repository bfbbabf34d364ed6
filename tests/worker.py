"""Worker functions for the tests of jobs; run in processes of their own."""

from __future__ import annotations

import resource
import time

from arena.records import BadInput, Instruction
from arena.worker import Run


def count(run: Run) -> None:
    """Emit `n` instructions, one each `seconds`, skipping those that are there already."""
    total, pause = int(str(run.settings["n"])), float(str(run.settings.get("seconds", 0)))
    held = run.held(Instruction)
    for number in range(total):
        run.check()
        instruction = Instruction.of(f"instruction {number}")
        if (instruction.id,) not in held:
            time.sleep(pause)
            run.emit(instruction)
        run.progress(number + 1, total, "counting")
    run.metric(step=1, loss=0.5)


def count_within_a_limit(run: Run) -> None:
    """Count, while no file may grow beyond 4 KiB: what a disk quota does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    count(run)


def fail(run: Run) -> None:
    raise BadInput("The folder /nowhere is not there; name another.")
