"""The process that serves one GGUF file: llama.cpp's own HTTP server out of the xllamacpp wheel.

Takes its parameters as JSON in its one argument; dotted names reach into sub-objects.
"""

from __future__ import annotations

import json
import os
import signal
import sys

KEY_VARIABLE = "WIZARDARENA_LLAMA_KEY"


def main() -> None:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    for name, value in json.loads(sys.argv[1]).items():
        target = parameters
        *path, last = name.split(".")
        for step in path:
            target = getattr(target, step)
        setattr(target, last, value)
    parameters.api_keys = [os.environ[KEY_VARIABLE]]
    server = xllamacpp.Server(parameters)
    print(f"serving at {server.listening_address}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    os._exit(0)  # the server's threads end with the process


if __name__ == "__main__":
    main()
