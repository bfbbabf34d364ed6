"""A small OpenAI-compatible server on loopback whose every reply a test decides: instant, slow, faulty.

HTTP/1.1 with keep-alive on bare asyncio, so that it costs little beside the client it measures.
`python -m tests.fake_server [SECONDS]` serves the same reply, at once or after so many seconds, and prints
its port, for benchmarks.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import TracebackType
from typing import Any

Request = dict[str, Any]
"""The body of a chat completion request as it came."""


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    """Seconds before the reply."""
    drop: bool = False
    """Close the connection instead of replying."""
    hang: bool = False
    """Never reply."""
    events: tuple[bytes, ...] = ()
    """Server-sent events instead of a body."""


def answer(text: str, finish: str = "stop", tokens_in: int = 7, tokens_out: int = 3, **choice: Any) -> Reply:
    """A whole chat completion."""
    body = {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "fake",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": text},
                **choice,
            }
        ],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        },
    }
    return Reply(body=json.dumps(body).encode())


def refusal(status: int, message: str, headers: tuple[tuple[str, str], ...] = (), **error: str) -> Reply:
    """An error in OpenAI's shape."""
    return Reply(status, json.dumps({"error": {"message": message, **error}}).encode(), headers)


def pieces(*texts: str) -> Reply:
    """A streamed answer, one event a text."""
    events = [json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}).encode() for text in texts]
    return Reply(events=(*events, b"[DONE]"))


Behave = Callable[[Request], Reply]


def echo(request: Request) -> Reply:
    """The last user message back."""
    if request.get("stream"):
        return pieces(*(word + " " for word in request["messages"][-1]["content"].split()))
    return answer(request["messages"][-1]["content"])


@dataclass
class FakeServer:
    """Runs in a thread of its own between `with` and its end."""

    behave: Behave = echo
    requests: list[Request] = field(default_factory=list)
    keep: bool = True
    """Remember the requests."""
    authorization: str = ""
    """The header last seen."""
    most_at_once: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._now = 0
        self._links: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> FakeServer:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._link, "127.0.0.1", self.port, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.split("\r\n")
        fields = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines[1:])}
        body = await reader.readexactly(int(fields.get("content-length", "0")))
        self.authorization = fields.get("authorization", "")
        if lines[0].startswith("GET"):
            models = b'{"object":"list","data":[{"id":"fake","object":"model","created":0,"owned_by":"x"}]}'
            return await self._send(writer, Reply(body=models))
        request = json.loads(body)
        if self.keep:
            self.requests.append(request)
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            return await self._send(writer, self.behave(request))
        finally:
            self._now -= 1

    async def _send(self, writer: asyncio.StreamWriter, reply: Reply) -> bool:
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.hang:
            await asyncio.sleep(3600)
        if reply.drop:
            return False
        kind = "text/event-stream" if reply.events else "application/json"
        body = b"".join(b"data: " + event + b"\n\n" for event in reply.events) or reply.body
        head = f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\ncontent-type: {kind}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        return True


def main() -> None:
    """Serve one and the same reply until stdin closes."""
    reply = replace(answer("ok", tokens_out=64), delay=float(sys.argv[1]) if len(sys.argv) > 1 else 0.0)
    with FakeServer(lambda request: reply, keep=False) as server:
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
