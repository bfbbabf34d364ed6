"""Fixtures every room's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from arena.store import Store


@pytest.fixture
def store() -> Iterator[Store]:
    """An empty arena in memory."""
    with Store.open(None) as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for an arena on disk."""
    return tmp_path / "arena-home"
