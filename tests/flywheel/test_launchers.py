"""The commands that train outside the app."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from arena.flywheel.launchers import LAUNCHERS, shell_command
from arena.jobs import Job


@pytest.mark.parametrize("how", list(LAUNCHERS))
def test_every_command_names_the_run_and_a_program_that_is_there(how: str, tmp_path: Path) -> None:
    folder = tmp_path / "it's a run"
    words = shlex.split(shell_command(Job("id", "train", "title", folder, 0.0, {}, lease=True), how))
    assert Path(words[words.index("--chdir" if how == "Slurm" else "cd") + 1], "arena", "flywheel").is_dir()
    if how == "Slurm":
        assert words[words.index("--output") + 1] == f"{folder}/slurm-%j.txt"
        words = shlex.split(words[-1])
    assert words[-3:] == ["-m", "arena.flywheel.train", str(folder)]
    assert any(
        os.access(word, os.X_OK) and Path(word).is_absolute() for word in words if Path(word).is_file()
    )
