"""Builds the app: one route a page, one store, nothing else."""

from __future__ import annotations

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import argparse
import sys
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast
from unittest.mock import patch

import fastapi
import gradio as gr
import gradio.routes
import uvicorn
from fastapi.staticfiles import StaticFiles
from gradio.data_classes import BlocksConfigDict

from arena import sample
from arena.collector import Collector
from arena.records import ArenaError, BadInput, Locked
from arena.store import Store
from arena.terminal import EXIT_BAD_INPUT, EXIT_LOCKED, default_home, say
from pages import navigation
from pages.theme import ASSETS, CONTENT_SECURITY_POLICY, HEAD, theme

WEB = Path(__file__).resolve().parent / "assets" / "web"


@dataclass(frozen=True)
class Page:
    title: str
    module: str
    tab: bool = True
    """Stands in the navigation bar."""


PAGES = {
    "": Page("Home", "pages.home"),
    "testsets": Page("Test sets", "pages.testsets"),
    "contenders": Page("Contenders", "pages.contenders"),
    "launch": Page("Battle", "pages.launch"),
    "battles": Page("Battles", "pages.battles"),
    "leaderboard": Page("Leaderboard", "pages.leaderboard"),
    "consistency": Page("Consistency", "pages.consistency"),
    "judges": Page("Judges", "pages.judges"),
    "flywheel": Page("Flywheel", "pages.flywheel"),
    "chat": Page("Chat", "pages.chat"),
    "battle": Page("Inspect a battle", "pages.inspect", tab=False),
    "compare": Page("Compare runs", "pages.compare", tab=False),
}
"""Path -> page, in the order of the navigation bar."""


class Pages(gr.Blocks):
    """Gradio describes and serves all pages anew at the end of each one, half of the time of a start; ours do it once,
    when they are mounted."""

    complete = False

    def get_config_file(self) -> BlocksConfigDict:
        return super().get_config_file() if self.complete else cast("BlocksConfigDict", {})


def build(store: Store) -> gr.Blocks:
    """All pages over one store, to be mounted."""
    tabs = {path: page.title for path, page in PAGES.items() if page.tab}
    pages: Pages
    with patch.object(gradio.routes.App, "create_app"):
        with Pages(title="WizardArena", fill_width=True) as pages:
            _fill(store, "", tabs)
        for path, page in PAGES.items():
            if path:
                with pages.route(page.title, path):
                    _fill(store, path, tabs)
        pages.queue(default_concurrency_limit=8)
        # Gradio looks for work a thousand times a second, which takes 4% of a core while nobody is there.
        pages._queue.sleep_when_free = 0.01
        pages._queue.progress_update_sleep_when_free = 0.1
    pages.complete = True
    return pages


def _fill(store: Store, path: str, tabs: dict[str, str]) -> None:
    navigation.render(store, tabs, {"battle": "battles", "compare": "battles"}.get(path, path))
    with gr.Column(elem_classes="page"):
        import_module(PAGES[path].module).render(store)


def mounted(
    store: Store, root_path: str = "", logins: list[tuple[str, str]] | None = None
) -> fastapi.FastAPI:
    """The app as a web server runs it: pages, our own files, the security header."""
    server = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @server.middleware("http")
    async def secured(
        request: fastapi.Request, answer: Callable[[fastapi.Request], Awaitable[fastapi.Response]]
    ) -> fastapi.Response:
        response = await answer(request)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    server.mount(f"/{ASSETS}", StaticFiles(directory=WEB), name="arena-assets")
    blocks = build(store)
    # Gradio says of every app with several pages that it leaves out the rendering we did not ask for.
    warnings.filterwarnings("ignore", "SSR mode is not supported", UserWarning)
    gr.mount_gradio_app(
        server,
        blocks,
        path="/",
        root_path=root_path or None,
        auth=logins,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        show_error=True,
        max_file_size="200mb",
        theme=theme(),
        head=HEAD,
    )
    return server


@contextmanager
def opened(home: Path, bare: bool = False) -> Iterator[Store]:
    """The arena's store with the thread that takes in what jobs write."""
    with Store.open(home) as store:
        if not bare:
            sample.prepare(store)
        collector = Collector(store)
        try:
            yield store
        finally:
            collector.close()


def serve(
    home: Path,
    host: str = "127.0.0.1",
    port: int = 7860,
    logins: list[tuple[str, str]] | None = None,
    root_path: str = "",
    bare: bool = False,
) -> None:
    """Open the arena and answer until interrupted.

    Raises:
        Locked: another process has the arena open.
    """
    with opened(home, bare) as store:
        say(f"WizardArena: http://{host}:{port}{root_path}   arena: {home.resolve()}")
        server = mounted(store, root_path, logins)
        # Forwarded headers are what makes links right behind a proxy.
        uvicorn.run(
            server,
            host=host,
            port=port,
            log_level="warning",
            proxy_headers=True,
            timeout_graceful_shutdown=3,  # open pages hold event streams that never end by themselves
        )


def read_logins(path: Path) -> list[tuple[str, str]]:
    """name:password, one a line.

    Raises:
        BadInput: no such file, or a line without a colon.
    """
    if not path.is_file():
        raise BadInput(f"There is no file {path}; write one line name:password for each person.")
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        name, colon, password = line.partition(":")
        if line.strip() and not (colon and name.strip() and password):
            raise BadInput(f"{path}, line {number}: expected name:password.")
        if line.strip():
            found.append((name.strip(), password))
    if not found:
        raise BadInput(f"{path} names nobody; write one line name:password for each person.")
    return found


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="app.py", description="WizardArena in the browser.")
    parser.add_argument("--home", type=Path, default=default_home(), help="folder of the arena (ARENA_HOME)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="0.0.0.0 serves the network; then use --auth-file"
    )
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument(
        "--root-path", default="", help="path under which a proxy serves the app, e.g. /arena"
    )
    parser.add_argument("--auth-file", type=Path, help="ask for a login; one line name:password a person")
    parser.add_argument("--bare", action="store_true", help="a new arena starts without the recorded run")
    arguments = parser.parse_args(words)
    try:
        logins = read_logins(arguments.auth_file) if arguments.auth_file else None
        serve(arguments.home, arguments.host, arguments.port, logins, arguments.root_path, arguments.bare)
    except Locked as error:
        say(f"Error: {error}")
        return EXIT_LOCKED
    except ArenaError as error:
        say(f"Error: {error}")
        return EXIT_BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
