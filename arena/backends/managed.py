"""Model servers that we start and stop: on loopback, behind a key of their own, with a log.

One process holds each model once: whoever opens the same server again shares it.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from arena.backends.openai_server import Server, ServerChat
from arena.records import BackendError, Contender

HOST = "127.0.0.1"
WARDEN = Path(__file__).with_name("warden.py")


@dataclass(frozen=True)
class Launch:
    """A server's command and how to tell that it is ready."""

    title: str
    """For messages: what is served by what."""
    command: Callable[[int], list[str]]
    """Port -> the command line."""
    key_variable: str
    """Environment variable through which the server takes its API key."""
    log: Path
    wait: float
    """Seconds it may take to become healthy."""
    advice: str
    """What to do when it does not start."""
    environment: dict[str, str] = field(default_factory=dict)


@dataclass
class _Running:
    process: subprocess.Popen[bytes]
    url: str
    key: str
    users: int = 1


_running: dict[str, _Running] = {}
_lock = threading.Lock()


def open_managed(contender: Contender, identity: str, launch: Launch, server: Server) -> ServerChat:
    """Talk to the server called `identity`, starting it if this process has not; closing frees it.

    `server` says how to speak to it; its URL and key are filled in here.
    """
    with _lock:
        running = _running.get(identity)
        if running is not None and running.process.poll() is None:
            running.users += 1
        else:
            running = _start(contender, launch)
            _running[identity] = running
    filled = Server(**{**vars(server), "urls": (running.url,), "key": running.key})
    try:
        return ServerChat(filled, on_close=lambda: _leave(identity, running))
    except BackendError:
        _leave(identity, running)
        raise


def log_path(text: str, contender: Contender) -> Path:
    """The option's file, else one in the run's folder, else one in the home's or the working folder."""
    if text:
        return Path(text)
    folder = os.environ.get("WIZARDARENA_RUN") or os.environ.get("ARENA_HOME") or ".arena"
    safe = "".join(c if c.isalnum() or c in "-._" else "_" for c in contender.name)
    return Path(folder) / f"server-{safe}.log"


def _leave(identity: str, running: _Running) -> None:
    with _lock:
        running.users -= 1
        if running.users:
            return
        if _running.get(identity) is running:
            del _running[identity]
    _stop(running.process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.wait()


def _start(contender: Contender, launch: Launch) -> _Running:
    launch.log.parent.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    key = secrets.token_hex(16)
    environment = {**os.environ, **launch.environment, launch.key_variable: key}
    command = [sys.executable, "-I", str(WARDEN), *launch.command(port)]
    with launch.log.open("ab") as log:
        began = log.tell()
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True
        )
    try:
        _wait_until_healthy(contender, launch, process, port, began)
    except BaseException:
        _stop(process)
        raise
    return _Running(process, f"http://{HOST}:{port}/v1", key)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(
    contender: Contender, launch: Launch, process: subprocess.Popen[bytes], port: int, began: int
) -> None:
    until = time.monotonic() + launch.wait
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < until:
        if process.poll() is not None:
            trouble = f"ended with code {process.returncode} before it was ready"
            break
        try:
            with direct.open(f"http://{HOST}:{port}/health", timeout=5) as reply:
                if reply.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    else:
        trouble = f"was not ready after {launch.wait:g} s"
    raise BackendError(
        f"{contender.name}: {launch.title} {trouble}. {launch.advice}\n"
        f"Its log {launch.log} ends:\n{_tail(launch.log, began)}"
    )


def _tail(log: Path, began: int, lines: int = 15) -> str:
    with log.open("rb") as file:
        file.seek(began)
        text = file.read().decode("utf-8", "replace")
    return "\n".join(text.splitlines()[-lines:])
