"""The same work without a browser: python -m arena COMMAND. Exits 2 on bad input, 3 on a held store."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from importlib import import_module

from arena.records import ArenaError, Locked
from arena.terminal import EXIT_BAD_INPUT, EXIT_LOCKED, Subparsers, say

COMMANDS = (
    "arena.backends.commands",
    "arena.testsets.commands",
    "arena.battles.commands",
    "arena.ratings.commands",
    "arena.flywheel.commands",
    "arena.loop",
    "arena.conductor",
    "arena.sample",
)
"""Modules whose `add(commands)` brings their words to the command line."""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m arena", description="WizardArena without a browser.")
    commands: Subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        add: Callable[[Subparsers], None] = import_module(module).add
        add(commands)
    return parser


def main(words: list[str] | None = None) -> int:
    arguments = build_parser().parse_args(words)
    try:
        arguments.run(arguments)
    except Locked as error:
        _fail(arguments, error, owner=error.owner)
        return EXIT_LOCKED
    except ArenaError as error:
        _fail(arguments, error)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        say("Interrupted; finished work is kept, the same command goes on from there.")
        return 130
    except BrokenPipeError:  # the reader, e.g. head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _fail(arguments: argparse.Namespace, error: ArenaError, owner: int | None = None) -> None:
    if arguments.json:
        print(json.dumps({"error": str(error), **({"owner": owner} if owner else {})}))
    say(f"Error: {error}")


if __name__ == "__main__":
    sys.exit(main())
