"""Disk that checkpoints take, and giving it back; what a pruned checkpoint fought and learnt from stays."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

from arena import jobs
from arena.records import BadInput, Contender
from arena.store import Store


def disk_use(store: Store) -> dict[str, int]:
    """Checkpoint -> bytes of its folder, for the checkpoints trained here that are still on the disk."""
    trained = store.load(Contender, "parent <> ''", order="made_at")
    folders = {c.name: Path(c.location) for c in trained if _is_ours(store, c)}
    return {
        name: sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        for name, folder in folders.items()
        if folder.is_dir()
    }


def prune(store: Store, name: str) -> int:
    """Delete a checkpoint's folder and hide its contender; returns the bytes freed.

    Raises:
        BadInput: it was not trained here, is gone already, or an active job reads it.
    """
    contender = store.get(Contender, name)
    if contender is None or not contender.parent or not _is_ours(store, contender):
        raise BadInput(f"{name!r} is not a checkpoint trained in {store.home}; only those can be pruned.")
    size = disk_use(store).get(name)
    if size is None:
        raise BadInput(f"The folder of {name} is gone already.")
    for job in jobs.jobs(store.home):
        if _names(job, name) and jobs.status(job).active:
            raise BadInput(f"{job.title} is reading {name}; wait for it or stop it first.")
    shutil.rmtree(contender.location)
    store.save([dataclasses.replace(contender, hidden=True)])
    return size


def _names(job: jobs.Job, name: str) -> bool:
    """Whether a job was given the contender: training, battles, evaluation or a chat."""
    given = job.folder / "inputs" / "contender.jsonl"
    texts = [json.dumps(dict(job.settings)), given.read_text("utf-8") if given.is_file() else ""]
    return any(json.dumps(name) in text for text in texts)


def _is_ours(store: Store, contender: Contender) -> bool:
    """Its folder lies directly in this arena's models: nothing else is ever deleted."""
    return Path(contender.location) == store.home.resolve() / "models" / contender.name
