"""The words of this room on the command line."""

from __future__ import annotations

from arena.terminal import Subparsers


def add(commands: Subparsers) -> None:
    """None yet."""
