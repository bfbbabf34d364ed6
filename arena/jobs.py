"""Long work in its own process: start, watch, stop and resume a job.

A job never opens the database. It writes whole JSON lines into its run folder, which is also the audit
trail; the app copies them into the store. So nothing is lost when the page, the app or the job dies.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, TypeVar

from arena.records import (
    BadInput,
    Json,
    Record,
    Settings,
    table_of,
    to_json,
)
from arena.run_folder import append_event, is_held, life_of, rows, start_time, tail, whole_lines

R = TypeVar("R")
GRACE_SECONDS = 60.0
"""From the wish to stop to the kill: a training step on a CPU takes its time."""
FULL_BYTES = 2**20


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
    """Ask a job to stop at its next safe place; after a grace `reap` kills it.

    A job whose process has not begun yet reads the wish when it does.
    """
    if not status(job).active:
        return
    append_event(job.folder, "stop_requested")
    process = process_of(job)
    if process is not None:
        os.kill(process, signal.SIGTERM)


def reap(job: Job, grace: float = GRACE_SECONDS) -> None:
    """Kill a job, and all it started, that was asked to stop more than `grace` seconds ago."""
    asked = [e for e in life_of(job.folder) if e["event"] == "stop_requested"]
    process = process_of(job)
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
    events = life_of(job.folder)
    alive = is_held(job.folder / "alive.lock")
    state = _state(events, alive)
    starts = [_number(e["at"]) for e in events if e["event"] == "started"]
    since = starts[-1] if starts else 0.0
    progress = [row for row in rows(tail(job.folder / "progress.jsonl")) if _number(row["at"]) >= since]
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
    return "\n".join(tail(job.folder / "log.txt").decode("utf-8", "replace").splitlines()[-lines:])


def metrics(job: Job) -> list[dict[str, Json]]:
    """Every row the job gave to `Run.metric`, oldest first."""
    return list(whole_lines(job.folder / "metrics.jsonl"))


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
        lives = [event for event in events if event["event"] in {"spawned", "queued", "started"}]
        if not lives:
            return State.QUEUED
        # Just spawned: the worker has not taken its lock yet.
        if (
            lives[-1]["event"] == "spawned"
            and last not in _FINAL
            and time.time() - _number(lives[-1]["at"]) < 30
        ):
            return State.QUEUED
        return _FINAL.get(last, State.INTERRUPTED)
    running = [e for e in events if e["event"] in {"spawned", "stop_requested"}]
    if running and running[-1]["event"] == "stop_requested":
        return State.STOPPING
    words = [e["event"] for e in events if e["event"] in {"spawned", "queued", "started"}]
    return State.RUNNING if words and words[-1] == "started" else State.QUEUED


def _spawn(job: Job) -> None:
    append_event(job.folder, "spawned")
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
            [sys.executable, "-m", "arena.worker", str(job.folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        )
    # Waiting in a thread keeps an ended worker from lingering as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()


def process_of(job: Job) -> int | None:
    """The worker's process id while it lives, checked against its lock and start time."""
    if not is_held(job.folder / "alive.lock"):
        return None
    try:
        who = json.loads((job.folder / "process.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return int(who["pid"]) if start_time(int(who["pid"])) == who["start_time"] else None
