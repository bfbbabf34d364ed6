"""What all commands share: the arena's folder, one JSON document, exit codes, progress bars."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from arena import jobs
from arena.collector import collect
from arena.records import ArenaError, Json
from arena.store import Store

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Subparsers = object

EXIT_BAD_INPUT = 2
EXIT_LOCKED = 3

Command = Callable[[argparse.Namespace], None]


def command(commands: Subparsers, name: str, run: Command, help: str) -> argparse.ArgumentParser:
    """A subcommand with the flags that every command has; `run` gets the parsed arguments."""
    parser = commands.add_parser(name, help=help, description=help)
    parser.add_argument("--home", type=Path, default=default_home(), help="folder of the arena (ARENA_HOME)")
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    parser.set_defaults(run=run)
    return parser


def group(commands: Subparsers, name: str, help: str) -> Subparsers:
    """A word with subcommands of its own, as in `testset build`."""
    return commands.add_parser(name, help=help, description=help).add_subparsers(
        required=True, metavar="COMMAND"
    )


def natural(text: str) -> int:
    """An argument that counts something: at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is less than 1")
    return value


def names(text: str) -> list[str]:
    """Names separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def default_home() -> Path:
    """$ARENA_HOME, or .arena in the working directory."""
    return Path(os.environ.get("ARENA_HOME", ".arena"))


def say(text: str) -> None:
    """Tell the person at the terminal; stdout is left to the result."""
    print(text, file=sys.stderr, flush=True)


def show(arguments: argparse.Namespace, document: Json, text: str) -> None:
    """Print the result: the document with --json, the text otherwise."""
    print(json.dumps(document, ensure_ascii=False, indent=1) if arguments.json else text, flush=True)


def wait(store: Store, job: jobs.Job) -> jobs.Status:
    """Follow a job to its end with a progress bar, taking in what it writes.

    Raises:
        ArenaError: it failed, was stopped or died.
    """
    bar: tqdm[Any] | None = None
    phase = None
    while True:
        status = jobs.status(job)
        collect(store)
        if status.phase != phase and status.total:
            if bar is not None:
                bar.close()
            phase = status.phase
            bar = tqdm(total=status.total, desc=phase or job.kind, file=sys.stderr, disable=None)
        if bar is not None:
            bar.total = status.total
            bar.update(status.done - bar.n)
        if not status.active:
            break
        time.sleep(0.2)
    if bar is not None:
        bar.close()
    collect(store)
    if status.state is not jobs.State.DONE:
        raise ArenaError(
            f"{job.title}: {status.state}. {status.error or 'Its log ends:'}\n{jobs.log_tail(job, 15)}\n"
            f"Run folder: {job.folder}"
        )
    return status
