"""The commands that train outside the app."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from arena.flywheel.launchers import LAUNCHERS, shell_command
from arena.jobs import Job


@pytest.mark.parametrize("how", list(LAUNCHERS))
def test_every_command_names_the_run_as_one_word(how: str, tmp_path: Path) -> None:
    folder = tmp_path / "it's a run"
    words = shlex.split(shell_command(Job("id", "train", "title", folder, 0.0, {}, lease=True), how))
    if "--wrap" in words:
        words = shlex.split(words[-1])
    assert words[-3:] == ["-m", "arena.flywheel.train", str(folder)]
