"""Servers that we start share one model, and none outlives the process that started it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from arena.backends import Message, Prompt, managed, open_chat
from arena.records import BackendError, Contender, Sampling

WARDEN = Path(managed.__file__).with_name("warden.py")
ROOT = Path(__file__).parents[2]
SMOLLM2 = ROOT / ".arena/models/smollm2-135m/model.gguf"
here = pytest.mark.skipif(not SMOLLM2.is_file(), reason="run `python -m arena models fetch smollm2-135m`")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_end(pid: int, seconds: float = 15.0) -> bool:
    until = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return not is_alive(pid)


def test_a_server_ends_when_its_starter_is_killed() -> None:
    child = "import os,time; print(os.getpid(), flush=True); time.sleep(600)"
    starter = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, {str(WARDEN)!r}, sys.executable, "-c", {child!r}],
                 stdin=subprocess.PIPE, start_new_session=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        server = int(process.stdout.readline())
        assert is_alive(server)
        os.kill(process.pid, signal.SIGKILL)
        assert wait_for_end(server)


def test_a_server_that_ignores_the_request_to_end_is_killed() -> None:
    child = (
        "import os,signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print(os.getpid(), flush=True); time.sleep(600)"
    )
    command = [sys.executable, str(WARDEN), sys.executable, "-c", child]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as warden:
        assert warden.stdout is not None
        server = int(warden.stdout.readline())
        assert warden.stdin is not None
        warden.stdin.close()
        assert wait_for_end(server)


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_text("hello")
    with pytest.raises(BackendError, match="is no GGUF file"):
        open_chat(Contender("x", "llama_cpp", str(tmp_path / "x.gguf")))


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"GGUF" + b"\0" * 100)
    options = {"log": str(tmp_path / "log"), "wait": 60}
    with pytest.raises(BackendError, match=r"before it was ready(.|\n)*log ends"):
        open_chat(Contender("x", "llama_cpp", str(tmp_path / "x.gguf"), options=options))  # type: ignore[arg-type]


@pytest.mark.models
@here
def test_one_process_serves_a_model_once_and_its_answers_fit_a_schema(tmp_path: Path) -> None:
    options = {"threads": 1, "parallel": 2, "n_ctx": 1024, "log": str(tmp_path / "log")}
    one = Contender("one", "llama_cpp", str(SMOLLM2), options=options)  # type: ignore[arg-type]  # plain JSON
    two = Contender("two", "llama_cpp", str(SMOLLM2), options=options)  # type: ignore[arg-type]
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "enum": [1, 2, 3]}},
        "required": ["n"],
    }
    with open_chat(one) as first:
        with open_chat(two) as second:
            assert len(managed._running) == 1
            (running,) = managed._running.values()
            asked = Prompt("a", (Message("user", "Pick a number."),), Sampling(0.0, max_tokens=20), schema)
            assert all(json.loads(c.text)["n"] in {1, 2, 3} for c in second.complete([asked]))
        assert running.process.poll() is None
        (again,) = first.complete([Prompt("b", asked.messages, asked.sampling)])
        assert again.tokens_cached > 0
    assert running.process.poll() is not None
    assert not managed._running
