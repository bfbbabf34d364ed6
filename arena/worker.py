"""What a job's own process does: take its turn, run its worker function, keep what it makes."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import IO, TypeVar

from arena.jobs import read
from arena.records import ArenaError, Json, Record, from_json, key_of, table_of, to_json
from arena.run_folder import append, append_event, cut_torn_line, life_of, start_time, whole_lines

R = TypeVar("R")


class Stopped(Exception):
    """The user wished the job to stop; raised at the next safe place."""


class Run:
    """What a worker function gets: its plan and inputs, its journals, and the wish to stop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder.parent.parent
        self.job = read(folder)
        self.settings = self.job.settings
        self.stopping = False
        """The user wants the job to stop; check it between steps or call `check`."""
        self._journals: dict[str, IO[str]] = {}
        self._last_progress = 0.0
        self._phase = ""

    def inputs(self, kind: type[R]) -> list[R]:
        """The input records of one class."""
        return [
            from_json(kind, row) for row in whole_lines(self.folder / "inputs" / f"{table_of(kind)}.jsonl")
        ]

    def emitted(self, kind: type[R]) -> list[R]:
        """The records of one class that this run has made so far, also before a resume."""
        return [from_json(kind, row) for row in whole_lines(self.folder / f"{table_of(kind)}.jsonl")]

    def held(self, kind: type[R]) -> set[tuple[Json, ...]]:
        """Keys of the records that this run has made so far."""
        return {key_of(record) for record in self.emitted(kind)}

    def emit(self, *records: Record) -> None:
        """Keep records: whole lines, flushed to the system before this returns."""
        for record in records:
            self._write(table_of(type(record)), to_json(record))

    def metric(self, **figures: Json) -> None:
        """One row of a curve, e.g. metric(step=3, loss=1.2)."""
        self._write("metrics", {"at": time.time(), **figures})

    def progress(
        self, done: int, total: int, phase: str = "", figures: Mapping[str, Json] | None = None
    ) -> None:
        """Tell how far the work is; written at most twice a second, and always at a phase's ends."""
        now = time.monotonic()
        if phase != self._phase or done >= total or now - self._last_progress > 0.5:
            self._last_progress, self._phase = now, phase
            facts: dict[str, Json] = {"phase": phase, "done": done, "total": total}
            if figures:
                facts["figures"] = dict(figures)
            append(self.folder / "progress.jsonl", facts)

    def log(self, text: str) -> None:
        print(time.strftime("%H:%M:%S"), text, flush=True)

    def check(self) -> None:
        """Raise `Stopped` when the user wants the job to stop."""
        if self.stopping:
            raise Stopped

    def close(self) -> None:
        for file in self._journals.values():
            file.close()

    def _write(self, name: str, row: Mapping[str, Json]) -> None:
        if name not in self._journals:
            path = self.folder / f"{name}.jsonl"
            cut_torn_line(path)
            self._journals[name] = open(path, "a", encoding="utf-8")  # noqa: SIM115 - open as long as the run
        file = self._journals[name]
        file.write(json.dumps(row) + "\n")
        file.flush()


def work(folder: Path) -> int:
    """Run the job of a folder in this process; the exit status is 0 unless it failed."""
    with open(folder / "alive.lock", "ab") as alive:
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("This run is already at work in another process.")
            return 1
        who = {"pid": os.getpid(), "start_time": start_time(os.getpid())}
        (folder / "process.json").write_text(json.dumps(who), "utf-8")
        for name in ("events", "progress"):
            cut_torn_line(folder / f"{name}.jsonl")
        run = Run(folder)
        run.stopping = _stopped_before_it_began(folder)

        def wish(_signal: int, _frame: FrameType | None) -> None:
            run.stopping = True

        before = signal.signal(signal.SIGTERM, wish)
        try:
            return _work(run)
        finally:
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)  # a caller must stay killable
            run.close()


def _stopped_before_it_began(folder: Path) -> bool:
    words = [event["event"] for event in life_of(folder) if event["event"] in {"spawned", "stop_requested"}]
    return bool(words) and words[-1] == "stop_requested"


def _work(run: Run) -> int:
    plan = json.loads((run.folder / "plan.json").read_text("utf-8"))
    module, _, name = plan["target"].partition(":")
    try:
        with open(run.home / "accelerator.lock", "ab") as lease:
            if run.job.lease:
                _take_turn(run, lease)
            append_event(run.folder, "started")
            getattr(import_module(module), name)(run)
    except Stopped:
        append_event(run.folder, "stopped")
        return 0
    except ArenaError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        append_event(run.folder, "failed", error=str(error))
        return 1
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        append_event(run.folder, "failed", error=f"The system refused: {error.strerror}{place}. See the log.")
        raise
    except Exception as error:  # the job's last word before it dies; the traceback goes to its log
        append_event(run.folder, "failed", error=f"{type(error).__name__}: {error}. The log has the details.")
        raise
    append_event(run.folder, "done")
    return 0


def _take_turn(run: Run, lease: IO[bytes]) -> None:
    """Wait until no other job of this arena holds the accelerator."""
    waiting = False
    while True:
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not waiting:
                append_event(run.folder, "queued")
                waiting = True
            run.check()
            time.sleep(0.3)


if __name__ == "__main__":
    from arena.worker import work as work_as_imported  # one `Stopped` for us and for the rooms

    sys.exit(work_as_imported(Path(sys.argv[1])))
