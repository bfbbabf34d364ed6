"""The recorded arena that ships with the app: a real run of ours, kept as plain JSON lines and labelled."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from arena import jobs
from arena.backends import embedded
from arena.jobs import Job
from arena.records import (
    KEYS,
    TABLES,
    BadInput,
    Contender,
    Record,
    Response,
    Round,
    from_json,
    table_of,
    to_json,
)
from arena.run_folder import whole_lines
from arena.store import Store
from arena.terminal import Subparsers, command, group, show
from arena.worker import Run

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "recorded"
LEFT_OUT = ("reference", "alias", "vote", "snapshot", "reading", "hand_pick")
"""Reference rankings ship as tables of their own; the rest is for people to make."""


def export(store: Store, folder: Path = FOLDER) -> int:
    """Write every record as the recorded arena; paths of this machine are left out.

    Returns the number of records written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for kind in KEYS:
        name = table_of(kind)
        path = folder / f"{name}.jsonl"
        records: list[Record] = (
            [] if name in LEFT_OUT else store.load(kind, order=", ".join(f'"{k}"' for k in KEYS[kind]))
        )
        path.unlink(missing_ok=True)
        if not records:
            continue
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(to_json(_shippable(r)), ensure_ascii=False) + "\n" for r in records)
        written += len(records)
    _export_curves(store, folder / "curves")
    return written


def _export_curves(store: Store, folder: Path) -> None:
    """What each round told of its steps, without the hour, where its run is still here."""
    for past in store.load(Round):
        source = store.home / "runs" / past.run / "metrics.jsonl"
        if not (past.run and source.is_file()):
            continue
        folder.mkdir(exist_ok=True)
        with open(folder / f"{past.name}.jsonl", "w", encoding="utf-8") as file:
            for metric in whole_lines(source):
                metric.pop("at", None)
                file.write(json.dumps(metric) + "\n")


def _shippable(record: Record) -> Record:
    names = {field.name for field in dataclasses.fields(record)}
    changes: dict[str, object] = {"recorded": True} if "recorded" in names else {}
    if isinstance(record, Contender):
        changes |= {"location": "", "options": {}}
        if record.name not in embedded.EMBEDDED:
            changes |= {"backend": "recorded", "description": record.description + " Weights not included."}
    if isinstance(record, Response) and record.error:
        changes["error"] = ""
    return dataclasses.replace(record, **changes)


def load(store: Store, folder: Path = FOLDER) -> int:
    """Bring the recorded arena into a store; embedded models get their places under this home.

    Raises:
        BadInput: a file holds what is no record; names file and line.
    """
    live = {contender.name: contender for contender in embedded.contenders(store.home)}
    records = list(_read(folder))
    known = {contender.name for contender in store.load(Contender)}
    kept = [
        live.get(record.name, record) if isinstance(record, Contender) else record
        for record in records
        if not (isinstance(record, Contender) and record.name in known)
    ]
    return store.save(kept)


def _read(folder: Path) -> Iterator[Record]:
    for path in sorted(folder.glob("*.jsonl")):
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield from_json(TABLES[path.stem], json.loads(line))
                except (ValueError, TypeError, KeyError) as error:
                    raise BadInput(f"{path}, line {number}: not a {path.stem} record ({error}).") from error


def prepare(store: Store) -> None:
    """Make a new arena worth looking at: the embedded models, and the recorded run if it is empty."""
    known = {contender.name for contender in store.load(Contender)}
    store.save([c for c in embedded.contenders(store.home) if c.name not in known])
    if store.query("SELECT count(*) FROM battle").item() == 0 and FOLDER.is_dir():
        load(store)


def add(commands: Subparsers) -> None:
    words = group(commands, "sample", "the recorded arena that ships with the app")
    writer = command(words, "export", _export, "write this arena as the recorded one")
    writer.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    command(words, "load", _load, "bring the recorded arena into this one")
    saver = command(commands, "backup", _backup, "write a compact copy of the database")
    saver.add_argument("target", type=Path, help="a new .duckdb file")


def _export(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        written = export(store, arguments.folder)
    show(arguments, {"records": written}, f"{written} records written to {arguments.folder}.")


def _load(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        loaded = load(store)
    show(arguments, {"records": loaded}, f"{loaded} records loaded into {arguments.home}.")


def _backup(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        store.backup(arguments.target)
    show(arguments, {"backup": str(arguments.target)}, f"The arena is copied to {arguments.target}.")


def launch_fetch(store: Store) -> Job:
    """Fetch the embedded models as a job.

    Raises:
        BadInput: they are here already, or being fetched.
    """
    if all(embedded.is_ready(store.home, name) for name in embedded.EMBEDDED):
        raise BadInput("All embedded models are here already.")
    if any(job.kind == "models" and jobs.status(job).active for job in jobs.jobs(store.home)):
        raise BadInput("The embedded models are being fetched already.")
    return jobs.start(
        store.home, "models", "arena.sample:fetch", "Fetch the embedded models", {}, lease=False
    )


def fetch(run: Run) -> None:
    """The job: every embedded model, verified; a resumed one goes on with what is missing."""
    run.check()
    embedded.fetch(
        run.home, tuple(embedded.EMBEDDED), lambda text, share: run.progress(round(100 * share), 100, text)
    )
