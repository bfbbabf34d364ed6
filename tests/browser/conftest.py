"""A running app over a seeded arena, and a page that fails on any console error or foreign request."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from arena.store import Store
from tests.browser.seed import fill

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


expect.set_options(timeout=15_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return {"executable_path": "/usr/bin/chromium", "args": FLAGS.split()}


class App:
    """The app in a process of its own over one home."""

    def __init__(self, home: Path, *words: str) -> None:
        self.home, self.words = home, words
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.seconds = 0.0
        """From start to the first answer."""
        self.start()

    def start(self) -> None:
        began = time.monotonic()
        log = open(self.home.parent / "app.log", "ab")  # noqa: SIM115 - the process keeps it
        self.process = subprocess.Popen(
            [sys.executable, "app.py", "--home", str(self.home), "--port", str(self.port), *self.words],
            cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        log.close()
        while True:
            try:
                urllib.request.urlopen(self.url, timeout=5).read(1)
                break
            except OSError:
                said = (self.home.parent / "app.log").read_text()
                assert self.process.poll() is None, said
                assert time.monotonic() - began < 240, said
                time.sleep(0.1)
        self.seconds = time.monotonic() - began

    def stop(self, how: int = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app over the seeded arena, shared by all tests of a session: leave it as you found it."""
    home = tmp_path_factory.mktemp("browser") / "home"
    with Store.open(home) as store:
        fill(store)
    running = App(home)
    yield running
    running.stop()


@pytest.fixture
def make_app(tmp_path: Path) -> Iterator[Any]:
    """Start further apps: `make_app(fill)` fills a new home first; all end with the test."""
    started: list[App] = []

    def make(filling: Any = fill, *words: str) -> App:
        home = tmp_path / f"arena-{len(started)}" / "home"
        with Store.open(home) as store:
            filling(store)
        started.append(App(home, *words))
        return started[-1]

    yield make
    for one in started:
        if one.process.poll() is None:
            one.stop()


LEFT = ("AbortError", "Connection errored out", "Unexpected error 404")
"""What Gradio says when a page is left while an answer is on its way."""


class Watch:
    """What a page must not do; `expected` lists texts of console errors that a test provokes itself."""

    def __init__(self) -> None:
        self.trouble: list[str] = []
        self.traffic: list[str] = []
        self.expected: list[str] = []
        self.documents = 0

    def follow(self, page: Page) -> None:
        page.on("domcontentloaded", self._document)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.trouble.append(f"script error: {error}"))
        page.on("request", self._request)
        page.on("dialog", lambda dialog: (self.trouble.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def _document(self, _page: Page) -> None:
        self.documents += 1

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.trouble.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1", "data:", "blob:")):
            self.trouble.append(f"request to another host: {request.url}")

    def verdict(self) -> list[str]:
        known = [*self.expected, *(LEFT if self.documents > 1 else ())]
        return [text for text in self.trouble if not any(part in text for part in known)]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def page(context: BrowserContext, app: App, watch: Watch) -> Iterator[Page]:
    """A page of the shared app; `page.goto("/battles")` works, waits are 15 s."""
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    watch.follow(opened)
    yield opened
    assert watch.verdict() == []


def choose(page: Page, menu: Locator, option: str | re.Pattern[str]) -> None:
    """Open a menu and click an option. While the page still grows, an open list can move out of sight, so up to
    three times it is closed and opened again, as anybody would."""
    wanted = page.get_by_role("option", name=option, exact=isinstance(option, str))
    for _ in range(2):
        menu.click()
        try:
            wanted.click(timeout=10_000)
        except PlaywrightTimeout:
            page.keyboard.press("Escape")
        else:
            return
    menu.click()
    wanted.click()


@pytest.fixture(scope="session")
def base_url(app: App) -> str:
    return app.url
