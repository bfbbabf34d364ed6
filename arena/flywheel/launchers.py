"""The exact commands that do a training job's work outside the app, from one process to a cluster."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from arena.jobs import Job

ROOT = Path(__file__).resolve().parent.parent.parent
"""Where `python -m arena...` is found."""

LAUNCHERS = {
    "one process": "cd {root} && {programs}/python -m {module}",
    "several processes of one machine": (
        "cd {root} && {programs}/torchrun --standalone --nproc-per-node 2 -m {module}"
    ),
    "several GPUs, FSDP or DeepSpeed, as your `accelerate config` says": (
        "cd {root} && {programs}/accelerate launch -m {module}"
    ),
    "Slurm": "sbatch --chdir {root} --output {folder}/slurm-%j.txt --ntasks 1 --gpus-per-task 4 --wrap {wrapped}",
}
"""How to start it -> the command; all of them run `arena.flywheel.train` on the same run folder.

On a machine without GPU accelerate 1.15 starts a single process unless it is told --multi_gpu; torchrun starts several.
"""


def shell_command(job: Job, how: str = "one process") -> str:
    """The command, of `LAUNCHERS`, that trains or resumes a job; its numbers of processes are yours to change.

    Stopped by SIGTERM, Ctrl-C or `scancel`, it leaves a checkpoint; the same command goes on from there.
    """
    root, folder = shlex.quote(str(ROOT)), shlex.quote(str(job.folder))
    programs = shlex.quote(str(Path(sys.executable).parent))
    module = f"arena.flywheel.train {folder}"
    # exec: Slurm's signals reach the launcher, not a shell that would keep them to itself
    wrapped = shlex.quote(f"exec {programs}/accelerate launch -m {module}")
    return LAUNCHERS[how].format(root=root, programs=programs, module=module, folder=folder, wrapped=wrapped)
