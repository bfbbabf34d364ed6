"""A contender's servers and how many calls each gets at once: limits that adapt, a breaker for those that are down."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from arena.records import BadInput, Contender

BREAK_AFTER = 5
"""Failures in a row after which a server is left alone for a while."""
LONGEST_PAUSE = 30.0
"""Seconds."""


@dataclass
class Endpoint:
    """One server URL and what we have learnt about it."""

    url: str
    most: int
    """Never more calls in flight than this."""
    limit: float = 8.0
    in_flight: int = 0
    failures: int = 0
    """In a row."""
    closed_until: float = 0.0
    pause: float = 1.0
    last_cut: float = 0.0
    doubling: bool = True
    """Until the first refusal the limit doubles a round trip, then it creeps (TCP's slow start)."""
    dialect: set[str] = field(default_factory=set)
    """Request fields this server refuses; never sent again."""

    def __post_init__(self) -> None:
        self.limit = min(self.limit, self.most)

    def has_room(self, now: float) -> bool:
        if now < self.closed_until:
            return False
        return self.in_flight < (1 if self.failures >= BREAK_AFTER else int(self.limit))

    def succeeded(self) -> None:
        self.failures = 0
        self.pause = 1.0
        self.limit = min(self.most, self.limit + (1.0 if self.doubling else 1.0 / self.limit))

    def was_congested(self, began: float, now: float) -> None:
        """The server said "too many" or timed out: fewer at once, but one cut for one jam."""
        self.doubling = False
        if began >= self.last_cut:
            self.limit = max(1.0, self.limit * 0.7)
            self.last_cut = now

    def broke(self, now: float) -> None:
        """No reply, or a server error."""
        self.failures += 1
        if self.failures >= BREAK_AFTER and now >= self.closed_until:
            self.closed_until = now + self.pause
            self.pause = min(LONGEST_PAUSE, self.pause * 2)


class Gate:
    """Hands each call the least busy server that has room; lives in one event loop."""

    def __init__(self, endpoints: list[Endpoint]) -> None:
        self.endpoints = endpoints
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self, failed: Endpoint | None = None) -> Endpoint:
        """The least busy server with room; the one at which this call just failed only where no other has any: a
        server that is down is never busy."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            open_ones = [e for e in self.endpoints if e.has_room(now)]
            if open_ones:
                chosen = min(open_ones, key=lambda e: (e is failed, e.in_flight / e.limit))
                chosen.in_flight += 1
                return chosen
            turn = loop.create_future()
            self._waiting.append(turn)
            wakes = [e.closed_until - now for e in self.endpoints if e.closed_until > now]
            try:
                await asyncio.wait_for(turn, min(wakes) if wakes else None)
            except TimeoutError:
                if turn in self._waiting:
                    self._waiting.remove(turn)

    def leave(self, endpoint: Endpoint) -> None:
        endpoint.in_flight -= 1
        free = 2  # one place came free, and the limit may have grown by one
        while self._waiting and free:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1


def urls_of(contender: Contender) -> tuple[str, ...]:
    """The contender's URLs, each ending where /chat/completions begins.

    Raises:
        BadInput: none, or one that is no http(s) URL.
    """
    urls = []
    for url in contender.location.split():
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise BadInput(
                f"Contender {contender.name!r}: {url!r} is no server URL; write http://HOST:PORT/v1."
            )
        urls.append(url.rstrip("/") + ("" if parts.path.strip("/") else "/v1"))
    if not urls:
        raise BadInput(f"Contender {contender.name!r} needs a server URL such as http://127.0.0.1:8000/v1.")
    return tuple(urls)
