"""The words of this room on the command line: fetch the embedded models, add and remove contenders."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from arena.backends import BACKENDS, embedded
from arena.backends.endpoints import urls_of
from arena.backends.sampling import check_sampling
from arena.records import BadInput, Contender, Json, Sampling
from arena.store import Store
from arena.terminal import Subparsers, command, group, say, show

NAME = re.compile(r"[\w.:+@-]{1,80}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")


def add(commands: Subparsers) -> None:
    models = group(commands, "models", "the embedded models")
    fetch = command(models, "fetch", run_fetch, "fetch, verify and unpack the embedded models; resumable")
    fetch.add_argument(
        "names", nargs="*", metavar="NAME", help=f"default all: {', '.join(embedded.EMBEDDED)}"
    )
    command(models, "list", run_models, "the embedded models and whether they are ready")
    contenders = group(commands, "contender", "models that battle or judge")
    one = command(contenders, "add", run_add, "add a model by folder, hub id, GGUF file or server")
    one.add_argument("name")
    where = one.add_mutually_exclusive_group(required=True)
    where.add_argument("--path", metavar="DIR", help="model folder (safetensors, tokenizer, chat template)")
    where.add_argument("--hub", metavar="ID", help="model id at a hub, ORGANISATION/MODEL")
    where.add_argument("--gguf", metavar="FILE", help="GGUF file, served by llama.cpp")
    where.add_argument("--url", nargs="+", help="OpenAI-compatible server, or several replicas of one model")
    where.add_argument("--recorded", action="store_true", help="answers made elsewhere, imported later")
    one.add_argument("--model", default="", metavar="ID", help="model id the server expects")
    one.add_argument("--key-env", default="", metavar="VAR", help="variable that holds the API key")
    one.add_argument("--backend", choices=list(BACKENDS), help="default: what the location calls for")
    one.add_argument("--system", default="", metavar="TEXT", help="system prompt")
    one.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="backend option")
    one.add_argument("--temperature", type=float, default=0.7)
    one.add_argument("--top-p", type=float, default=1.0)
    one.add_argument("--max-tokens", type=int, default=512)
    one.add_argument("--seed", type=int, default=0, help="of its draws; -1: another one each time")
    one.add_argument("--stop", action="append", default=[], metavar="TEXT", help="ends an answer; repeatable")
    one.add_argument("--organisation", default="")
    one.add_argument("--licence", default="")
    one.add_argument("--description", default="")
    listed = command(contenders, "list", run_list, "all contenders")
    listed.add_argument("--all", action="store_true", help="the removed ones too")
    removed = command(contenders, "remove", run_remove, "hide a contender; what it fought stays")
    removed.add_argument("name")


def run_fetch(arguments: argparse.Namespace) -> None:
    names = arguments.names or list(embedded.EMBEDDED)
    with tqdm(total=100, unit="%", disable=None, bar_format="{desc} {bar} {elapsed}") as bar:

        def tell(text: str, share: float) -> None:
            if bar.disable:
                say(text)
            bar.set_description_str(text)
            bar.update(round(100 * share) - bar.n)

        embedded.fetch(arguments.home, names, tell)
    run_models(arguments)


def run_models(arguments: argparse.Namespace) -> None:
    rows: list[Json] = []
    lines = []
    for model in embedded.EMBEDDED.values():
        ready = embedded.is_ready(arguments.home, model.name)
        place = str(embedded.folder(arguments.home, model.name))
        rows.append(
            {
                "name": model.name,
                "role": model.role,
                "ready": ready,
                "folder": place,
                "licence": model.licence,
            }
        )
        state = "ready" if ready else "not fetched"
        lines.append(f"{model.name:<20} {model.role:<10} {state:<12} {model.licence:<11} {place}")
    show(arguments, rows, "\n".join(lines))


def run_add(arguments: argparse.Namespace) -> None:
    contender = described(arguments)
    with Store.open(arguments.home) as store:
        held = store.get(Contender, contender.name)
        if held is not None and not held.hidden:
            raise BadInput(
                f"There is a contender {contender.name!r} already; remove it first or choose another name. "
                "A new sampling or prompt deserves a new name: its answers differ."
            )
        store.save([contender])
    show(arguments, summary(contender), f"Added {line(contender)}")


def run_list(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        found = [c for c in store.load(Contender) if arguments.all or not c.hidden]
    empty = "No contenders yet; add one with `python -m arena contender add`."
    show(arguments, [summary(c) for c in found], "\n".join(line(c) for c in found) or empty)


def run_remove(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        held = store.get(Contender, arguments.name)
        if held is None:
            raise BadInput(f"There is no contender {arguments.name!r}; see `python -m arena contender list`.")
        hidden = replace(held, hidden=True)
        store.save([hidden])
    show(arguments, summary(hidden), f"Removed {arguments.name} from the menus; its battles stay.")


def described(arguments: argparse.Namespace) -> Contender:
    """The contender these words describe, its place checked as far as that is quick.

    Raises:
        BadInput: a name that is none, a file or folder that is not there, a bad URL or option.
    """
    if not NAME.fullmatch(arguments.name):
        raise BadInput(f"{arguments.name!r} is no contender name; use letters, digits and . _ - : + @ only.")
    backend, location = _place(arguments)
    if arguments.key_env and not VARIABLE.fullmatch(arguments.key_env):
        raise BadInput(
            "That is no name of an environment variable. Put the key into a variable and name it, as in "
            "--key-env MY_KEY; keys themselves are never stored."
        )
    contender = Contender(
        name=arguments.name,
        backend=arguments.backend or backend,
        location=location,
        model=arguments.model,
        key_env=arguments.key_env,
        system_prompt=arguments.system,
        sampling=Sampling(
            arguments.temperature,
            arguments.top_p,
            arguments.max_tokens,
            None if arguments.seed < 0 else arguments.seed,
            tuple(text for text in arguments.stop if text),
        ),
        options=dict(_option(words) for words in arguments.option if words.strip()),
        licence=arguments.licence,
        organisation=arguments.organisation,
        description=arguments.description,
    )
    check_sampling(contender.sampling)
    if contender.backend == "openai_server":
        urls_of(contender)
    return contender


def _place(arguments: argparse.Namespace) -> tuple[str, str]:
    """Backend and location."""
    if arguments.path is not None:
        folder = Path(arguments.path).expanduser().resolve()
        if not (folder / "config.json").is_file():
            raise BadInput(f"{folder} is no model folder: it holds no config.json.")
        return "local_transformers", str(folder)
    if arguments.gguf is not None:
        file = Path(arguments.gguf).expanduser().resolve()
        if not file.is_file():
            raise BadInput(f"There is no GGUF file {file}.")
        with file.open("rb") as start:
            if start.read(4) != b"GGUF":
                raise BadInput(f"{file} is no GGUF file: its first four bytes are not GGUF.")
        return "llama_cpp", str(file)
    if arguments.hub is not None:
        if arguments.hub.count("/") != 1:
            raise BadInput(f"{arguments.hub!r} is no hub id; write ORGANISATION/MODEL.")
        return "local_transformers", arguments.hub
    if arguments.recorded:
        return "recorded", ""
    return "openai_server", " ".join(arguments.url)


def _option(words: str) -> tuple[str, Json]:
    """NAME=VALUE; the value is JSON where it reads as JSON, else a text."""
    name, separator, value = words.partition("=")
    if not separator or not name:
        raise BadInput(f"--option {words!r} should be NAME=VALUE.")
    return name, parsed(value)


def parsed(value: str) -> Json:
    try:
        found: Json = json.loads(value)
    except ValueError:
        return value
    return found


def summary(contender: Contender) -> Json:
    """What a list shows; never a key, only the name of its variable."""
    return {
        "name": contender.name,
        "backend": contender.backend,
        "location": contender.location,
        "model": contender.model,
        "key_env": contender.key_env,
        "organisation": contender.organisation,
        "licence": contender.licence,
        "parent": contender.parent,
        "stage": contender.stage,
        "hidden": contender.hidden,
    }


def line(contender: Contender) -> str:
    origin = f" from {contender.parent} by {contender.stage}" if contender.parent else ""
    removed = " (removed)" if contender.hidden else ""
    where = f"{contender.location} {contender.model}".strip()
    return f"{contender.name:<24} {contender.backend:<19} {where}{origin}{removed}"
