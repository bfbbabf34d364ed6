"""Long work in its own process: start, watch, stop, resume a job, and take in what it wrote.

A job never opens the database. It writes whole JSON lines into its run folder, which is also the audit
trail; the app copies them into the store. So nothing is lost when the page, the app or the job dies.

    home/runs/ID/plan.json         what to do; never changes
                 inputs/x.jsonl    records it needs
                 x.jsonl           records it made, one journal a class
                 events.jsonl      spawned, queued, started, stop_requested, and one final event
                 progress.jsonl    how far it is; only its end is read
                 metrics.jsonl     curves: losses, rewards, rates
                 log.txt           what it printed
                 alive.lock        flock held as long as it lives; process.json says who holds it
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import IO, TypeVar

from arena.records import (
    TABLES,
    ArenaError,
    BadInput,
    Json,
    Record,
    Settings,
    from_json,
    key_of,
    table_of,
    to_json,
)
from arena.store import Store

R = TypeVar("R")
GRACE_SECONDS = 60.0
"""From the wish to stop to the kill: a training step on a CPU takes its time."""
FULL_BYTES = 2**20
TAIL_BYTES = 65_536
BATCH_BYTES = 4 * 2**20


class State(StrEnum):
    QUEUED = "queued"
    """Waits for the accelerator that another job holds."""
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """Its process died without a last word (kill -9, power); resume goes on from its journals."""


ACTIVE = (State.QUEUED, State.RUNNING, State.STOPPING)
_FINAL = {"done": State.DONE, "stopped": State.STOPPED, "failed": State.FAILED}


class Stopped(Exception):
    """The user wished the job to stop; raised at the next safe place."""


@dataclass(frozen=True)
class Job:
    """A run folder as others see it."""

    id: str
    kind: str
    """battle, train, testset, ...: the menu word for what it does."""
    title: str
    folder: Path
    created: float
    settings: Settings
    lease: bool
    """Takes its turn on the accelerator."""


@dataclass(frozen=True)
class Status:
    """Where a job stands; counts are 0 until it first reports."""

    state: State
    phase: str = ""
    done: int = 0
    total: int = 0
    rate: float = 0.0
    """Items a second in this phase."""
    seconds_left: float | None = None
    started: float | None = None
    ended: float | None = None
    error: str = ""
    """What went wrong and what to do, in the user's words."""
    figures: Settings = field(default_factory=dict)
    """Latest figures beside the counts: tokens, failures by kind, loss."""

    @property
    def active(self) -> bool:
        return self.state in ACTIVE


# --- the app's side ---------------------------------------------------------------------------------


def start(
    home: Path,
    kind: str,
    target: str,
    title: str,
    settings: Settings,
    inputs: Iterable[Record] = (),
    lease: bool = True,
) -> Job:
    """Start a job in a process of its own.

    Args:
        target: the worker function as "arena.room.module:function"; it is called with a `Run`.
        inputs: records the worker will read with `Run.inputs`.
        lease: wait for the accelerator (the GPUs, or the CPU where there is none) to be free.
    """
    assert ":" in target, target
    stamp = time.strftime("%Y%m%d-%H%M%S")
    job_id = f"{kind}-{stamp}-{uuid.uuid4().hex[:4]}"
    folder = home.resolve() / "runs" / job_id
    (folder / "inputs").mkdir(parents=True)
    open_files: dict[str, IO[str]] = {}
    try:
        for record in inputs:
            name = table_of(type(record))
            if name not in open_files:
                open_files[name] = open(folder / "inputs" / f"{name}.jsonl", "w", encoding="utf-8")  # noqa: SIM115
            open_files[name].write(json.dumps(to_json(record)) + "\n")
    finally:
        for file in open_files.values():
            file.close()
    plan = {
        "id": job_id,
        "kind": kind,
        "target": target,
        "title": title,
        "created": time.time(),
        "lease": lease,
        "settings": dict(settings),
    }
    # The plan comes last: a folder without one was never started.
    unfinished = folder / "plan.json.part"
    unfinished.write_text(json.dumps(plan, indent=1), "utf-8")
    unfinished.rename(folder / "plan.json")
    job = read(folder)
    _spawn(job)
    return job


def resume(job: Job) -> None:
    """Start a job that has ended again; it skips whatever its journals already hold."""
    if status(job).active:
        raise BadInput(f"{job.title} is still running.")
    _spawn(job)


def stop(job: Job) -> None:
    """Ask a job to stop at its next safe place; after a grace `reap` kills it."""
    process = _process(job)
    if process is not None:
        _append_event(job.folder, "stop_requested")
        os.kill(process, signal.SIGTERM)


def reap(job: Job, grace: float = GRACE_SECONDS) -> None:
    """Kill a job, and all it started, that was asked to stop more than `grace` seconds ago."""
    asked = [e for e in _events(job.folder) if e["event"] == "stop_requested"]
    process = _process(job)
    if process is not None and asked and time.time() - _number(asked[-1]["at"]) > grace:
        os.killpg(process, signal.SIGKILL)


def read(folder: Path) -> Job:
    """The job of a run folder."""
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    return Job(
        plan["id"], plan["kind"], plan["title"], folder, plan["created"], plan["settings"], plan["lease"]
    )


def find(home: Path, job_id: str) -> Job:
    """The job with this id.

    Raises:
        BadInput: there is none.
    """
    folder = home.resolve() / "runs" / job_id
    if folder.parent != home.resolve() / "runs" or not (folder / "plan.json").is_file():
        raise BadInput(f"There is no run {job_id!r} in {home}.")
    return read(folder)


def jobs(home: Path) -> list[Job]:
    """All jobs of an arena, newest first."""
    found = [read(plan.parent) for plan in (home.resolve() / "runs").glob("*/plan.json")]
    return sorted(found, key=lambda job: job.created, reverse=True)


def status(job: Job) -> Status:
    """Where the job stands, from its files alone: right after any restart of the app."""
    events = _events(job.folder)
    alive = _is_held(job.folder / "alive.lock")
    state = _state(events, alive)
    starts = [_number(e["at"]) for e in events if e["event"] == "started"]
    since = starts[-1] if starts else 0.0
    progress = [row for row in _rows(_tail(job.folder / "progress.jsonl")) if _number(row["at"]) >= since]
    last = progress[-1] if progress else {}
    final = events[-1] if events and events[-1]["event"] in _FINAL else {}
    rate, left = _pace(progress)
    return Status(
        state=state,
        phase=str(last.get("phase", "")),
        done=int(_number(last.get("done", 0))),
        total=int(_number(last.get("total", 0))),
        rate=rate,
        seconds_left=left if state is State.RUNNING else None,
        started=starts[-1] if starts else None,
        ended=_number(final["at"]) if final and not alive else None,
        error=_why(job, state, final) if not alive else "",
        figures=last.get("figures") or {},  # type: ignore[arg-type]  # a JSON object by construction
    )


def _why(job: Job, state: State, final: Mapping[str, Json]) -> str:
    """What ended the job, in the user's words; empty where nothing went wrong."""
    if state is not State.INTERRUPTED:
        return str(final.get("error", ""))
    if shutil.disk_usage(job.folder).free < FULL_BYTES:
        return (
            f"The disk of {job.folder} is full. Free some space, then resume: nothing that was done is lost."
        )
    return "Its process died without a last word (killed, out of memory, power). Resume goes on from what it has."


def log_tail(job: Job, lines: int = 200) -> str:
    """The last lines that the job printed."""
    return "\n".join(_tail(job.folder / "log.txt").decode("utf-8", "replace").splitlines()[-lines:])


def metrics(job: Job) -> list[dict[str, Json]]:
    """Every row the job gave to `Run.metric`, oldest first."""
    return list(_whole_lines(job.folder / "metrics.jsonl"))


def _number(value: Json) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _pace(progress: list[dict[str, Json]]) -> tuple[float, float | None]:
    """Items a second and seconds left, measured within the current phase."""
    if not progress:
        return 0.0, None
    same = [e for e in progress if e.get("phase") == progress[-1].get("phase")]
    items = _number(same[-1]["done"]) - _number(same[0]["done"])
    seconds = _number(same[-1]["at"]) - _number(same[0]["at"])
    if items <= 0 or seconds <= 0:
        return 0.0, None
    rate = items / seconds
    return rate, (_number(same[-1]["total"]) - _number(same[-1]["done"])) / rate


def _state(events: list[dict[str, Json]], alive: bool) -> State:
    last = str(events[-1]["event"]) if events else ""
    if not alive:
        if not events:  # just spawned: the worker has not taken its lock yet
            return State.QUEUED
        if last == "spawned" and time.time() - _number(events[-1]["at"]) < 30:
            return State.QUEUED
        return _FINAL.get(last, State.INTERRUPTED)
    running = [e for e in events if e["event"] in {"spawned", "stop_requested"}]
    if running and running[-1]["event"] == "stop_requested":
        return State.STOPPING
    words = [e["event"] for e in events if e["event"] in {"spawned", "queued", "started"}]
    return State.RUNNING if words and words[-1] == "started" else State.QUEUED


def _spawn(job: Job) -> None:
    _append_event(job.folder, "spawned")
    root = Path(__file__).resolve().parent.parent
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")])),
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "WIZARDARENA_RUN": str(job.folder),
    }
    with open(job.folder / "log.txt", "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "arena.jobs", str(job.folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        )
    # Waiting in a thread keeps an ended worker from lingering as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()


def _process(job: Job) -> int | None:
    """The worker's process id while it lives, checked against its lock and start time."""
    if not _is_held(job.folder / "alive.lock"):
        return None
    try:
        who = json.loads((job.folder / "process.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return int(who["pid"]) if _start_time(int(who["pid"])) == who["start_time"] else None


def _start_time(pid: int) -> str:
    """The kernel's start time of a process: with the id it names one process for ever."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _is_held(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _append_event(folder: Path, event: str, **facts: Json) -> None:
    _append(folder / "events.jsonl", {"event": event, **facts})


def _append(path: Path, row: Mapping[str, Json]) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps({"at": time.time(), **row}) + "\n")


def _tail(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            return file.read()
    except FileNotFoundError:
        return b""


def _events(folder: Path) -> list[dict[str, Json]]:
    """The job's life, oldest first: a handful of lines, however long it lives."""
    try:
        return _rows((folder / "events.jsonl").read_bytes())
    except FileNotFoundError:
        return []


def _rows(lines: bytes) -> list[dict[str, Json]]:
    """The JSON lines among these; a torn one is none."""
    found = []
    for line in lines.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def _whole_lines(path: Path) -> Iterator[dict[str, Json]]:
    """The rows of a journal; a torn last line does not count."""
    if not path.exists():
        return
    with open(path, "rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


# --- taking in what jobs wrote ----------------------------------------------------------------------


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


# --- the worker's side ------------------------------------------------------------------------------


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
            from_json(kind, row) for row in _whole_lines(self.folder / "inputs" / f"{table_of(kind)}.jsonl")
        ]

    def emitted(self, kind: type[R]) -> list[R]:
        """The records of one class that this run has made so far, also before a resume."""
        return [from_json(kind, row) for row in _whole_lines(self.folder / f"{table_of(kind)}.jsonl")]

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
            _append(self.folder / "progress.jsonl", facts)

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
            _cut_torn_line(path)
            self._journals[name] = open(path, "a", encoding="utf-8")  # noqa: SIM115 - open as long as the run
        file = self._journals[name]
        file.write(json.dumps(row) + "\n")
        file.flush()


def _cut_torn_line(path: Path) -> None:
    """Drop what a killed worker wrote of a line it never finished."""
    if not path.exists():
        return
    with open(path, "rb+") as file:
        data = file.read()
        file.truncate(data.rfind(b"\n") + 1)


def work(folder: Path) -> int:
    """Run the job of a folder in this process; the exit status is 0 unless it failed."""
    with open(folder / "alive.lock", "ab") as alive:
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("This run is already at work in another process.")
            return 1
        who = {"pid": os.getpid(), "start_time": _start_time(os.getpid())}
        (folder / "process.json").write_text(json.dumps(who), "utf-8")
        for name in ("events", "progress"):
            _cut_torn_line(folder / f"{name}.jsonl")
        run = Run(folder)

        def wish(_signal: int, _frame: FrameType | None) -> None:
            run.stopping = True

        before = signal.signal(signal.SIGTERM, wish)
        try:
            return _work(run)
        finally:
            signal.signal(signal.SIGTERM, before or signal.SIG_DFL)  # a caller must stay killable
            run.close()


def _work(run: Run) -> int:
    plan = json.loads((run.folder / "plan.json").read_text("utf-8"))
    module, _, name = plan["target"].partition(":")
    try:
        with open(run.home / "accelerator.lock", "ab") as lease:
            if run.job.lease:
                _take_turn(run, lease)
            _append_event(run.folder, "started")
            getattr(import_module(module), name)(run)
    except Stopped:
        _append_event(run.folder, "stopped")
        return 0
    except ArenaError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        _append_event(run.folder, "failed", error=str(error))
        return 1
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        _append_event(
            run.folder, "failed", error=f"The system refused: {error.strerror}{place}. See the log."
        )
        raise
    except Exception as error:  # the job's last word before it dies; the traceback goes to its log
        _append_event(
            run.folder, "failed", error=f"{type(error).__name__}: {error}. The log has the details."
        )
        raise
    _append_event(run.folder, "done")
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
                _append_event(run.folder, "queued")
                waiting = True
            run.check()
            time.sleep(0.3)


if __name__ == "__main__":
    from arena.jobs import work as work_as_imported  # one `Stopped` for us and for the rooms

    sys.exit(work_as_imported(Path(sys.argv[1])))
