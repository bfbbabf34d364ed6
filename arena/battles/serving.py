"""A job that serves one contender while somebody chats with it: no model is ever loaded into the app.

The job speaks the OpenAI protocol on loopback behind a key of its own; port and key stand in its run folder.
It ends by itself when nobody has asked for a while, so that an app that died leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from arena import jobs
from arena.backends import Chat, Message, Prompt, open_chat
from arena.backends.openai_server import Server, ServerChat
from arena.jobs import Job
from arena.records import ArenaError, BackendError, Contender, Json, Sampling, to_json
from arena.store import Store
from arena.worker import Run

IDLE_SECONDS = 300.0
WAIT_SECONDS = 400.0
"""How long a model may take to load."""
ADDRESS = "server.json"
KIND = "serve"


def wake(store: Store, contender: Contender) -> Job:
    """The job that serves the contender: one that runs already, also from before a restart, or a new one.

    It does not queue for the accelerator: somebody waits for the answer.
    """
    plain = {"contender": json.dumps(to_json(contender), sort_keys=True)}
    for job in jobs.jobs(store.home):
        if job.kind == KIND and job.settings == plain and jobs.status(job).active:
            return job
    title = f"{contender.name} answers in the chat arena"
    return jobs.start(store.home, KIND, "arena.battles.serving:work", title, plain, [contender], lease=False)


def connect(job: Job, contender: Contender) -> ServerChat:
    """Talk to the job as soon as its model is loaded.

    Raises:
        BackendError: it ended before that; its own words are in the text.
    """
    until = time.monotonic() + WAIT_SECONDS
    address = job.folder / ADDRESS
    while not address.is_file():
        status = jobs.status(job)
        if not status.active or time.monotonic() > until:
            raise BackendError(f"{contender.name} could not be loaded: {status.error or status.state}.")
        time.sleep(0.1)
    found = json.loads(address.read_text("utf-8"))
    return ServerChat(
        Server(contender.name, (found["url"],), contender.name, found["key"], timeout=900.0, check=False)
    )


# --- the worker -------------------------------------------------------------------------------------


class _Served:
    """The loaded model, when it last spoke, and how often."""

    def __init__(self, chat: Chat, name: str, alone: bool) -> None:
        self.chat, self.name = chat, name
        self.key = secrets.token_hex(16)
        self.turn: contextlib.AbstractContextManager[object] = (
            threading.Lock() if alone else contextlib.nullcontext()
        )
        self.used = time.monotonic()
        self.answers = 0
        self.busy = 0


def work(run: Run) -> None:
    """Load, serve, and leave when idle or asked to."""
    contender = run.inputs(Contender)[0]
    address = run.folder / ADDRESS
    address.unlink(missing_ok=True)
    run.progress(0, 0, "Waking the model")
    with open_chat(contender) as chat:
        served = _Served(chat, contender.name, alone=contender.backend == "local_transformers")
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": served}))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _tell(address, {"url": f"http://127.0.0.1:{server.server_address[1]}/v1", "key": served.key})
        try:
            told = -1
            while not run.stopping and (served.busy or time.monotonic() - served.used < IDLE_SECONDS):
                if told != served.answers:
                    told = served.answers
                    run.progress(told, 0, "Listening", {"answers": told})
                time.sleep(0.2)
        finally:
            address.unlink(missing_ok=True)
            server.shutdown()
            server.server_close()
    run.log(f"{served.answers} answers; nobody asks any more.")


def _tell(path: Path, facts: dict[str, Json]) -> None:
    """Write the address whole, for the eyes of this user alone."""
    part = path.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(facts), "utf-8")
    part.rename(path)


class _Handler(BaseHTTPRequestHandler):
    """One chat completion, streamed; `served` is set on a subclass."""

    protocol_version = "HTTP/1.1"
    served: _Served

    def do_POST(self) -> None:
        said = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {self.served.key}":
            self._refuse(401, "wrong key")
            return
        self.served.busy += 1
        try:
            self._answer(_prompt(json.loads(said)))
        except OSError:  # the listener has gone
            self.close_connection = True
        finally:
            self.served.busy -= 1
            self.served.answers += 1
            self.served.used = time.monotonic()

    def _answer(self, prompt: Prompt) -> None:
        begun = False
        with self.served.turn:
            try:
                for piece in self.served.chat.stream(prompt):
                    if not begun:
                        self._begin()
                        begun = True
                    self._send(json.dumps({"choices": [{"delta": {"content": piece}}]}))
            except ArenaError as error:
                if not begun:
                    self._refuse(500, str(error))
                self.close_connection = True  # a chunked answer that breaks off is seen as such
                return
        if not begun:
            self._begin()
        self._send("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _send(self, text: str) -> None:
        event = f"data: {text}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        self.wfile.flush()

    def _refuse(self, status: int, text: str) -> None:
        body = json.dumps({"error": {"message": text}}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """What people ask stays out of the log."""


def _prompt(asked: dict[str, Json]) -> Prompt:
    """A chat completion request as a prompt; openai_wire.body writes it."""
    messages = tuple(Message(str(m["role"]), str(m["content"])) for m in asked["messages"])  # type: ignore[union-attr, call-overload, index]  # our own client wrote it
    known = {k: asked[k] for k in ("temperature", "top_p", "max_tokens") if k in asked}
    stop = asked.get("stop")
    sampling = Sampling(
        **known,  # type: ignore[arg-type]  # numbers of our own client
        seed=asked.get("seed"),  # type: ignore[arg-type]  # as above
        stop=tuple(map(str, stop)) if isinstance(stop, list) else (),
    )
    return Prompt("live", messages, sampling)
