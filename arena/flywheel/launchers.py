"""The exact commands that do a training job's work outside the app, from one process to a cluster."""

from __future__ import annotations

import shlex

from arena.jobs import Job

LAUNCHERS = {
    "one process": "python {module}",
    "several processes of one machine": "torchrun --standalone --nproc-per-node 2 {module}",
    "several GPUs, FSDP or DeepSpeed, as your `accelerate config` says": "accelerate launch {module}",
    "Slurm": "sbatch --ntasks=1 --gpus-per-task=4 --wrap {wrapped}",
}
"""How to start it -> the command; all of them run `arena.flywheel.train` on the same run folder."""


def shell_command(job: Job, how: str = "one process") -> str:
    """The command, of `LAUNCHERS`, that trains or resumes a job; its numbers of processes are yours to change."""
    module = f"-m arena.flywheel.train {shlex.quote(str(job.folder))}"
    return LAUNCHERS[how].format(module=module, wrapped=shlex.quote(f"accelerate launch {module}"))
