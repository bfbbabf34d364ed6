"""GGUF files through llama.cpp's server, in a child process that ends with us: the light way on a CPU.

Options, all optional:
    n_ctx       tokens of context for each call, 4096
    parallel    calls at once, 4
    threads     CPU threads; all cores
    flags       {llama.cpp parameter: value}, e.g. {"n_gpu_layers": 99, "cpuparams.poll": 0}
    log         file for the server's output; default server-NAME.log in the run's folder
    wait        seconds it may take to load, 300
    and timeout, max_retries, extra_body of openai_server
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from arena.backends.llama_child import KEY_VARIABLE
from arena.backends.managed import HOST, Launch, log_path, open_managed
from arena.backends.openai_server import Server, ServerChat
from arena.backends.options import Options
from arena.records import BackendError, Contender, Json

CHILD = Path(__file__).with_name("llama_child.py")
MAGIC = b"GGUF"


def open_chat(contender: Contender) -> ServerChat:
    options = Options(contender)
    gguf = _checked(contender)
    parallel = max(1, options.whole("parallel", 4))
    parameters: dict[str, Json] = {
        "model.path": str(gguf),
        "model_alias": [contender.name],
        "hostnames": [HOST],
        # One pool of context that the calls share; a single call may never use more than n_ctx of it.
        "n_ctx": options.whole("n_ctx", 4096) * parallel,
        "n_parallel": parallel,
        "cpuparams.n_threads": max(1, options.whole("threads", _cores())),
        "cpuparams_batch.n_threads": max(1, options.whole("threads", _cores())),
        # Threads that spin while they wait cost 5 s a token where others compute too; sleeping ones don't.
        "cpuparams.poll": 0,
        "cpuparams_batch.poll": 0,
        "cache_prompt": True,
        "cache_ram_mib": 512,
        "ui": False,
        "fit_params": False,
        "endpoint_slots": False,
    }
    parameters |= options.mapping("flags")
    identity = json.dumps({k: v for k, v in parameters.items() if k != "model_alias"}, sort_keys=True)
    launch = Launch(
        title=f"llama.cpp's server for {gguf}",
        command=lambda port: [
            sys.executable,
            str(CHILD),
            json.dumps({**parameters, "port": port}),
        ],
        key_variable=KEY_VARIABLE,
        log=log_path(options.text("log"), contender),
        wait=options.number("wait", 300.0),
        advice="Check that the file is whole, that memory suffices, and the option `flags`.",
    )
    server = Server(
        contender.name,
        (),
        max_in_flight=parallel,
        start_in_flight=parallel,
        timeout=options.number("timeout", 900.0),
        max_retries=options.whole("max_retries", 3),
        extra=options.mapping("extra_body"),
    )
    return open_managed(contender, identity, launch, server)


def _checked(contender: Contender) -> Path:
    """The GGUF file.

    Raises:
        BackendError: it is not there or no GGUF file.
    """
    gguf = Path(contender.location).expanduser().resolve()
    if not gguf.is_file():
        raise BackendError(
            f"{contender.name}: there is no file {gguf}. Name an existing GGUF file, or fetch the embedded "
            "models with `python -m arena models fetch`."
        )
    with gguf.open("rb") as file:
        if file.read(4) != MAGIC:
            raise BackendError(f"{contender.name}: {gguf} is no GGUF file. Name a file that ends in .gguf.")
    return gguf


def _cores() -> int:
    """The 1.5B on 2 cores reads 43 tokens a second with one thread, 86 with two that sleep while they wait."""
    return max(1, len(os.sched_getaffinity(0)))
