"""What every page has on top: the tabs, the pill that tells what runs, light or dark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

import gradio as gr
from gradio.components.navbar import Navbar

from arena import jobs
from arena.store import Store
from pages.job_panel import facts
from pages.theme import when_ready

TOGGLE = (
    '<svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><circle cx="12" cy="12" r="8" '
    'fill="none" stroke="currentColor" stroke-width="2"/><path d="M12 4a8 8 0 0 1 0 16z" fill="currentColor"/></svg>'
)


def render(store: Store, titles: Mapping[str, str], current: str) -> None:
    """The bar. `titles` maps each page's path to its title in order; links are relative (proxies)."""
    Navbar(visible=False)
    links = "".join(
        f'<a href="./{path}"{" aria-current=page" if path == current else ""}>{escape(title)}</a>'
        for path, title in titles.items()
    )
    gr.HTML(
        html_template=(
            '<header class="bar"><a class="skip" href="#arena-content">Skip to content</a>'
            '<a class="brand" href="./"><img src="arena-assets/logo.svg" alt="" width="28" height="28">'
            f'<span>WizardArena</span></a><nav aria-label="Pages">{links}</nav>'
            '<details class="pill" data-state="idle"><summary><i></i><b>Quiet</b></summary>'
            '<div class="pill-list"></div></details>'
            f'<button class="theme" type="button" aria-label="Light or dark">{TOGGLE}</button>'
            '</header><div id="arena-content" tabindex="-1"></div>'
        ),
        js_on_load=when_ready("Arena.bar(element, server)"),
        server_functions=[running(store)],
        apply_default_css=False,
        elem_classes="bar-holder",
    )


def running(store: Store) -> Callable[[dict[str, object]], dict[str, object]]:
    """The server function behind the pill."""

    def running_jobs(asked: dict[str, object]) -> dict[str, object]:
        del asked
        found = [(job, jobs.status(job)) for job in jobs.jobs(store.home)[:20]]
        return {"jobs": [facts(job, status) for job, status in found if status.active]}

    return running_jobs
