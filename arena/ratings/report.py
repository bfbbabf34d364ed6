"""A report for stakeholders: one HTML file whose charts live offline, and its PDF by Chromium."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
import tempfile
from html import escape
from pathlib import Path

import plotly.io
from plotly.offline import get_plotlyjs

from arena.ratings import charts, consistency_markup, exhibits, markup
from arena.ratings.consistency import compare
from arena.ratings.intervals import INTERVALS
from arena.ratings.leaderboard import DEFAULTS, Leaderboard, Settings
from arena.ratings.methods import METHODS
from arena.ratings.references import aliases, named, rankings
from arena.ratings.slices import ALL, Slice, board, cells, content
from arena.ratings.tables import as_table
from arena.records import BadInput, Contender
from arena.store import Store

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def write(
    store: Store,
    out: Path,
    chosen: Slice = ALL,
    reference: str = "",
    settings: Settings = DEFAULTS,
    choice: exhibits.Choice = exhibits.DEFAULT,
) -> list[Path]:
    """Write the report; with `out` ending in .pdf, the HTML beside it and the PDF.

    Raises:
        BadInput: another ending, an empty slice, an unknown reference or battle, or no Chromium for a PDF.
    """
    if out.suffix.lower() not in (".html", ".pdf"):
        raise BadInput(f"A report is .html or .pdf, not {out.name}.")
    page = out.with_suffix(".html")
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(html(store, chosen, reference, settings, choice), "utf-8")
    except OSError as error:
        raise BadInput(f"The report cannot be written to {page}: {error}.") from error
    if out.suffix.lower() == ".html":
        return [page]
    print_pdf(page, out)
    return [page, out]


def html(
    store: Store,
    chosen: Slice = ALL,
    reference: str = "",
    settings: Settings = DEFAULTS,
    choice: exhibits.Choice = exhibits.DEFAULT,
) -> str:
    """The whole report as one text."""
    found = board(store, chosen, settings)
    battles = cells(store, chosen)
    parts = [
        markup.notes(found),
        markup.board_table(found, links=False),
        _figure(charts.ratings(found)),
        _without_links(markup.pair_matrix(battles, found.names)),
    ]
    if reference:
        parts += [f"<h2>Consistency with {escape(reference)}</h2>", *_consistency(store, found, reference)]
    made_by = store.load(Contender, "recorded AND name IN (SELECT contender_a FROM battle)")
    recorded = (
        "<p>Recorded contenders take part: their battles were made before, not here.</p>" if made_by else ""
    )
    if choice.number or choice.ids:
        shown = exhibits.pick(store, chosen, found, choice)
        parts += ["<h2>Chosen battles</h2>", exhibits.html(shown, choice)]
    facts = (
        f"{found.battles:,} battles, {len(found.rows)} contenders. {METHODS[settings.method].says}; "
        f"{INTERVALS[settings.interval]}."
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>WizardArena report</title>'
        "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}"
        f"@media print{{.board-scroll{{overflow:visible}}}}</style><script>{get_plotlyjs()}</script>"
        f"<h1>WizardArena report</h1><p>{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC. {escape(facts)}</p>"
        f"{recorded}{''.join(parts)}<h2>What made it</h2>{_made_of(chosen, settings, content(battles))}</html>"
    )


def _made_of(chosen: Slice, settings: Settings, made_of: str) -> str:
    """Slice, settings and the hash of the counted battles: enough to make the board again."""
    said = {
        "slice": _said(chosen),
        **{name: "by need" if value is None else str(value) for name, value in vars(settings).items()},
        "content of the battles (hash)": made_of,
    }
    rows = [[escape(name.replace("_", " ")), escape(value) or "none"] for name, value in said.items()]
    return markup.table(["Setting", "Value"], rows, "Settings")


def print_pdf(page: Path, out: Path) -> None:
    """Print the page by a headless Chromium.

    Raises:
        BadInput: none is installed, or it failed.
    """
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if not browser:
        raise BadInput(
            "A PDF needs Chromium, and none is installed. Open the HTML report and print it instead."
        )
    with tempfile.TemporaryDirectory() as profile:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", "--no-first-run"]
        flags += [
            "--disable-background-networking",
            f"--user-data-dir={profile}",
            "--virtual-time-budget=5000",
        ]
        words = [browser, *flags, f"--print-to-pdf={out.resolve()}", page.resolve().as_uri()]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode or not out.is_file():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BadInput(f"Chromium could not print the report: {last}")


def _consistency(store: Store, board: Leaderboard, reference: str) -> list[str]:
    """Figures, scatter and disagreements; one sentence where both tables share too few models for any."""
    table = named(rankings(store), reference)
    try:
        held = compare(as_table(board), table, aliases(store, reference))
    except BadInput as error:
        return [f"<p>{escape(str(error))}</p>"]
    lonely = escape(", ".join(held.matching.unmatched_ours)) or "nobody"
    return [
        consistency_markup.metric_cards(held),
        _figure(charts.scatter(held, "ours", reference)),
        consistency_markup.disagreement_table(held, links=False),
        f"<p>Without counterpart there: {lonely}.</p>",
    ]


def _figure(figure: object) -> str:
    return str(plotly.io.to_html(figure, include_plotlyjs=False, full_html=False))


def _without_links(text: str) -> str:
    """A report has no battles page to open."""
    return (
        re.sub(r'<a href="[^"]*"', "<span", text)
        .replace("</a>", "</span>")
        .replace("; a cell opens its battles", "")
    )


def _said(chosen: Slice) -> str:
    parts = []
    for name, value in vars(chosen).items():
        if isinstance(value, float):
            parts.append(f"{name} {dt.datetime.fromtimestamp(value, dt.UTC):%Y-%m-%d %H:%M} UTC")
        elif value:
            parts.append(f"{name.replace('_', ' ')} {value}")
    return ", ".join(parts) or "all battles"
