"""Takes in what jobs wrote: new journal lines go into the store, each once."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from arena.jobs import State, jobs, reap, status
from arena.records import TABLES, ArenaError, Record, from_json
from arena.store import Store

BATCH_BYTES = 4 * 2**20


def collect(store: Store) -> int:
    """Copy new journal lines of all runs into the store, each with its byte offset in one transaction."""
    saved = 0
    for folder in sorted((store.home.resolve() / "runs").glob("*")):
        known: dict[str, int] | None = None
        for path in sorted(folder.glob("*.jsonl")):
            if path.stem not in TABLES:
                continue
            size = path.stat().st_size
            if _taken.get(path) == size:
                continue
            known = store.journal_offsets(folder.name) if known is None else known
            saved += _take_in(store, folder.name, path, known.get(path.name, 0))
    return saved


_taken: dict[Path, int] = {}
"""Journal -> size at which it was last read whole; only saves asking the store again."""


def _take_in(store: Store, run: str, path: Path, offset: int) -> int:
    saved = 0
    kind = TABLES[path.stem]
    with open(path, "rb") as file:
        file.seek(offset)
        while lines := file.readlines(BATCH_BYTES):
            whole = [line for line in lines if line.endswith(b"\n")]
            offset += sum(map(len, whole))
            if whole:
                rows: list[Record] = [from_json(kind, json.loads(line)) for line in whole]
                saved += store.save_from_journal(run, path.name, offset, rows)
            if len(whole) < len(lines):
                return saved
    _taken[path] = offset
    return saved


class Collector:
    """A thread of the app that collects twice a second and reaps what would not stop."""

    def __init__(self, store: Store, seconds: float = 0.5) -> None:
        self.error = ""
        """Why the latest attempt failed, for the status pill; empty when all is well."""
        self._store, self._seconds = store, seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="collector", daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                collect(self._store)
                for job in jobs(self._store.home):
                    if status(job).state is State.STOPPING:
                        reap(job)
                self.error = ""
            except ArenaError as error:  # a full disk: say so, and try again when it may have passed
                self.error = str(error)

    def close(self) -> None:
        self._ended.set()
        self._thread.join(timeout=10)
