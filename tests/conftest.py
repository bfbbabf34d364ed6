"""Fixtures every room's tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from arena.store import Store


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes share the tests, those with the longest timeouts come first: no core waits for them."""

    def patience(item: pytest.Item) -> float:
        mark = item.get_closest_marker("timeout")
        return float(mark.args[0]) if mark else 0.0

    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=patience, reverse=True)


@pytest.fixture
def store() -> Iterator[Store]:
    """An empty arena in memory."""
    with Store.open(None) as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for an arena on disk."""
    return tmp_path / "arena-home"
