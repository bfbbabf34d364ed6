"""Any OpenAI-compatible server (vLLM, llama.cpp, Ollama, hosted), or several replicas of one model.

Speaks HTTP through aiohttp on an event loop in a thread of its own. Options, all optional:
    max_in_flight   most calls at once a server, 64; the limit starts at `start_in_flight`, 8, and adapts
    max_retries     tries after the first, 8
    timeout         seconds a call, 300; a call that times out three times has failed
    backoff         seconds before the first retry, 0.5; doubles up to 30, or what Retry-After says up to 60
    patience        seconds without any answer after which the whole run stops, 120
    extra_body      fields added to every request, e.g. {"top_k": 20}
    check           false: don't ask for the server's list of models at the start
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from urllib.parse import urlsplit

import aiohttp

from arena.backends import Completion, Prompt, openai_wire
from arena.backends.endpoints import Endpoint, Gate, urls_of
from arena.backends.openai_wire import Next, Trouble
from arena.backends.options import Options
from arena.records import BackendError, Contender, Outcome, Settings

MOST_TIMEOUTS = 3
LOST = (aiohttp.ClientError, OSError, asyncio.IncompleteReadError)


@dataclass(frozen=True)
class Server:
    """How to reach one model on one or more servers."""

    name: str
    """The contender's, for messages."""
    urls: tuple[str, ...]
    model: str = ""
    """Empty: the first model the server lists."""
    key: str = ""
    key_env: str = ""
    max_in_flight: int = 64
    start_in_flight: int = 8
    max_retries: int = 8
    timeout: float = 300.0
    backoff: float = 0.5
    patience: float = 120.0
    extra: Settings | None = None
    check: bool = True


class ServerChat:
    """A model behind HTTP."""

    def __init__(self, server: Server, on_close: Callable[[], None] = lambda: None) -> None:
        self._server = server
        self._model = server.model
        self._on_close = on_close
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._endpoints = [Endpoint(url, server.max_in_flight, server.start_in_flight) for url in server.urls]
        self._window = 2 * server.max_in_flight * len(server.urls)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="calls", daemon=True)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        except BaseException:
            self.close()
            raise

    def complete(self, prompts: Iterable[Prompt]) -> Iterator[Completion]:
        done: queue.SimpleQueue[Completion | BackendError] = queue.SimpleQueue()
        source = iter(prompts)
        waiting = 0
        more = True
        try:
            while True:
                if more and waiting <= self._window * 3 // 4:
                    batch = list(islice(source, self._window - waiting))
                    more = bool(batch)
                    waiting += len(batch)
                    self._loop.call_soon_threadsafe(self._launch, batch, done)
                if not waiting:
                    return
                ended = done.get()
                waiting -= 1
                if isinstance(ended, BackendError):
                    raise ended
                yield ended
        finally:
            if waiting:
                self._loop.call_soon_threadsafe(self._cancel)

    def stream(self, prompt: Prompt) -> Iterator[str]:
        said: queue.SimpleQueue[str | BackendError | None] = queue.SimpleQueue()
        asyncio.run_coroutine_threadsafe(self._stream(prompt, said), self._loop)
        while (piece := said.get()) is not None:
            if isinstance(piece, BackendError):
                raise piece
            yield piece

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._on_close()

    def __enter__(self) -> ServerChat:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # From here on everything runs in the event loop's thread.

    async def _open(self) -> None:
        loopback = all(
            urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"} for url in self._server.urls
        )
        headers = {"Content-Type": "application/json", "User-Agent": "WizardArena"}
        if self._server.key:
            headers["Authorization"] = f"Bearer {self._server.key}"
        self._session = aiohttp.ClientSession(
            headers=headers,
            trust_env=not loopback,  # the proxy settings of the environment
            timeout=aiohttp.ClientTimeout(total=self._server.timeout),
            connector=aiohttp.TCPConnector(limit=0),
        )
        self._gate = Gate(self._endpoints)
        self._last_answer = self._loop.time()
        if self._server.check or not self._model:
            await self._ask_for_models()

    async def _ask_for_models(self) -> None:
        troubles = []
        for endpoint in self._endpoints:
            try:
                async with self._session.get(
                    f"{endpoint.url}/models", timeout=aiohttp.ClientTimeout(total=10)
                ) as reply:
                    if reply.status in {401, 403}:
                        raise self._stopped(f"{endpoint.url} answers HTTP {reply.status}")
                    self._model = self._model or openai_wire.first_model(await reply.read())
            except (*LOST, TimeoutError) as error:
                troubles.append(f"{endpoint.url}: {error or type(error).__name__}")
        if len(troubles) == len(self._endpoints):
            raise BackendError(
                f"{self._server.name}: no server answers at {'; '.join(troubles)}. Start it, or mend the "
                "contender's URL (for example http://127.0.0.1:8000/v1)."
            )
        if not self._model:
            raise BackendError(
                f"{self._server.name}: the server lists no model; name one with --model or in the contender."
            )

    def _stopped(self, error: str) -> BackendError:
        server = self._server
        advice = openai_wire.advice(error, self._model, server.key_env, bool(server.key))
        return BackendError(f"{server.name}: {error}. {advice}")

    def _launch(self, batch: list[Prompt], done: queue.SimpleQueue[Completion | BackendError]) -> None:
        for prompt in batch:
            task = self._loop.create_task(self._finish(prompt, done))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _finish(self, prompt: Prompt, done: queue.SimpleQueue[Completion | BackendError]) -> None:
        try:
            done.put(await self._call(prompt))
        except BackendError as error:
            done.put(error)

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _shut(self) -> None:
        self._cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if hasattr(self, "_session"):
            await self._session.close()

    async def _call(self, prompt: Prompt) -> Completion:
        """One prompt to its end: tried, tried again, rephrased, or failed with the last error."""
        tries = timeouts = 0
        endpoint: Endpoint | None = None
        while True:
            endpoint = await self._gate.enter(failed=endpoint)
            began = self._loop.time()
            wait = 0.0
            try:
                ended, wait = await self._try(endpoint, prompt)
            except TimeoutError:
                timeouts += 1
                endpoint.was_congested(began, self._loop.time())
                endpoint.broke(self._loop.time())
                ended = Trouble(Next.RETRY, f"no answer within {self._server.timeout:g} s")
            except LOST as error:
                endpoint.broke(self._loop.time())
                ended = Trouble(Next.RETRY, f"{endpoint.url}: {error or type(error).__name__}")
            finally:
                self._gate.leave(endpoint)
            now = self._loop.time()
            if isinstance(ended, Completion):
                endpoint.succeeded()
                self._last_answer = now
                return replace(ended, seconds=now - began)
            if ended.next is Next.GIVE_UP:
                raise self._stopped(ended.error)
            if ended.next is Next.REPHRASE:
                endpoint.dialect.add(ended.field)
                continue
            if ended.next is Next.LATER:
                endpoint.was_congested(began, now)
            elif ended.error.startswith("HTTP 5"):
                endpoint.broke(now)
            tries += 1
            if now - self._last_answer > self._server.patience and all(e.failures for e in self._endpoints):
                raise BackendError(
                    f"{self._server.name}: no answer for {self._server.patience:g} s ({ended.error}). "
                    "What is finished is kept; start the server again and resume the run."
                )
            if tries > self._server.max_retries or timeouts >= MOST_TIMEOUTS:
                return Completion(
                    prompt.key, "", Outcome.FAILED, error=f"{ended.error} (tried {tries} times)"
                )
            pause = min(30.0, self._server.backoff * 2 ** (tries - 1)) * random.uniform(0.5, 1.0)
            await asyncio.sleep(max(pause, wait))

    async def _try(self, endpoint: Endpoint, prompt: Prompt) -> tuple[Completion | Trouble, float]:
        """One request; the seconds are what Retry-After asks for."""
        sent = openai_wire.body(prompt, self._model, endpoint.dialect, self._server.extra or {})
        async with self._session.post(f"{endpoint.url}/chat/completions", data=json.dumps(sent)) as reply:
            raw = await reply.read()
            wait = openai_wire.pause(reply.headers.get("Retry-After", ""))
            return openai_wire.read(prompt.key, reply.status, raw, sent, endpoint.dialect), wait

    async def _stream(self, prompt: Prompt, said: queue.SimpleQueue[str | BackendError | None]) -> None:
        endpoint = await self._gate.enter()
        try:
            async for piece in self._pieces(endpoint, prompt):
                said.put(piece)
            said.put(None)
        except BackendError as error:
            said.put(error)
        except (*LOST, TimeoutError, ValueError) as error:
            said.put(
                BackendError(f"{self._server.name}: the answer broke off: {error or type(error).__name__}")
            )
        finally:
            self._gate.leave(endpoint)

    async def _pieces(self, endpoint: Endpoint, prompt: Prompt) -> AsyncIterator[str]:
        sent = openai_wire.body(prompt, self._model, endpoint.dialect, self._server.extra or {})
        sent["stream"] = True
        async with self._session.post(f"{endpoint.url}/chat/completions", data=json.dumps(sent)) as reply:
            if reply.status != 200:
                ended = openai_wire.read(
                    prompt.key, reply.status, await reply.read(), sent, set(openai_wire.OPTIONAL)
                )
                raise BackendError(f"{self._server.name}: {ended.error}")
            async for line in reply.content:
                if piece := openai_wire.piece(line):
                    yield piece


def open_chat(contender: Contender) -> ServerChat:
    options = Options(contender)
    most = max(1, options.whole("max_in_flight", 64))
    return ServerChat(
        Server(
            contender.name,
            urls_of(contender),
            contender.model,
            key=os.environ.get(contender.key_env, "") if contender.key_env else "",
            key_env=contender.key_env,
            max_in_flight=most,
            start_in_flight=options.whole("start_in_flight", min(8, most)),
            max_retries=options.whole("max_retries", 8),
            timeout=options.number("timeout", 300.0),
            backoff=options.number("backoff", 0.5),
            patience=options.number("patience", 120.0),
            extra=options.mapping("extra_body"),
            check=options.flag("check", True),
        )
    )
