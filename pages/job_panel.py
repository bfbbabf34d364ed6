"""Watch a job from any page: state, counts, rate, time left, log; stop it, resume it. Survives reloads."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from arena import jobs
from arena.jobs import Job, State, Status
from arena.records import ArenaError
from arena.store import Store
from pages.theme import when_ready

Facts = dict[str, object]
LOG_LINES = 80
RESUMABLE = (State.STOPPED, State.FAILED, State.INTERRUPTED)


def facts(job: Job, status: Status) -> Facts:
    """What the browser shows of a job, as plain values; the texts are set as text, never as markup."""
    return {
        "id": job.id,
        "kind": job.kind,
        "title": job.title,
        "state": str(status.state),
        "active": status.active,
        "phase": status.phase,
        "done": status.done,
        "total": status.total,
        "rate": round(status.rate, 3),
        "seconds_left": status.seconds_left,
        "error": status.error,
        "created": job.created,
        "figures": {name: str(value) for name, value in status.figures.items()},
        "resumable": status.state in RESUMABLE,
        "folder": str(job.folder),
    }


def render(store: Store, kinds: tuple[str, ...] = (), title: str = "Runs", most: int = 6) -> gr.HTML:
    """A panel of the newest jobs of some kinds (all when empty). It polls itself; nothing to wire.

    Start a job in any handler and it appears here within two seconds. From a handler's `.then(js=...)`,
    `Arena.refresh()` shows it at once.
    """
    return gr.HTML(
        html_template='<section class="jobs"><h2></h2><div class="jobs-list" aria-live="polite"></div></section>',
        js_on_load=when_ready(f"Arena.jobs(element, server, {{title: {title!r}}})"),
        server_functions=[watcher(store, kinds, most), stopper(store), resumer(store)],
        apply_default_css=False,
    )


def watcher(store: Store, kinds: tuple[str, ...], most: int) -> Callable[[Facts], Facts]:
    """The server function that tells where the jobs stand."""

    def watch_jobs(asked: Facts) -> Facts:
        chosen = [job for job in jobs.jobs(store.home) if not kinds or job.kind in kinds][:most]
        opened = str(asked.get("log", ""))
        return {
            "jobs": [
                facts(job, jobs.status(job))
                | ({"log": jobs.log_tail(job, LOG_LINES)} if job.id == opened else {})
                for job in chosen
            ]
        }

    return watch_jobs


def stopper(store: Store) -> Callable[[Facts], Facts]:
    def stop_job(asked: Facts) -> Facts:
        return _told(lambda: jobs.stop(jobs.find(store.home, str(asked.get("id", "")))))

    return stop_job


def resumer(store: Store) -> Callable[[Facts], Facts]:
    def resume_job(asked: Facts) -> Facts:
        return _told(lambda: jobs.resume(jobs.find(store.home, str(asked.get("id", "")))))

    return resume_job


def _told(act: Callable[[], None]) -> Facts:
    try:
        act()
    except ArenaError as error:
        return {"error": str(error)}
    return {}
