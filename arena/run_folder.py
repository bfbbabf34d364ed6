"""The files through which the app and a job speak; nothing here knows more than lines and locks.

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
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from arena.records import Json

TAIL_BYTES = 65_536


def start_time(pid: int) -> str:
    """The kernel's start time of a process: with the id it names one process for ever."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
    except OSError:
        return ""


def is_held(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def append_event(folder: Path, event: str, **facts: Json) -> None:
    append(folder / "events.jsonl", {"event": event, **facts})


def append(path: Path, row: Mapping[str, Json]) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps({"at": time.time(), **row}) + "\n")


def tail(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            return file.read()
    except FileNotFoundError:
        return b""


def life_of(folder: Path) -> list[dict[str, Json]]:
    """The job's life, oldest first: a handful of lines, however long it lives."""
    try:
        return rows((folder / "events.jsonl").read_bytes())
    except FileNotFoundError:
        return []


def rows(lines: bytes) -> list[dict[str, Json]]:
    """The JSON lines among these; a torn one is none."""
    found = []
    for line in lines.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def whole_lines(path: Path) -> Iterator[dict[str, Json]]:
    """The rows of a journal; a torn last line does not count."""
    if not path.exists():
        return
    with open(path, "rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def cut_torn_line(path: Path) -> None:
    """Drop what a killed worker wrote of a line it never finished."""
    if not path.exists():
        return
    with open(path, "rb+") as file:
        data = file.read()
        file.truncate(data.rfind(b"\n") + 1)
