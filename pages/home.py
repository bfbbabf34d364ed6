"""Home: what is here, who leads, and what to do next."""

from __future__ import annotations

from html import escape

import gradio as gr
from gradio.context import Context

from arena.battles.control import standing
from arena.overview import Overview, overview
from arena.ratings import slices
from arena.ratings.leaderboard import Leaderboard
from arena.store import Store
from pages import job_panel

TOP = 6


def render(store: Store) -> None:
    main = gr.HTML(elem_id="home-main", apply_default_css=False)
    job_panel.render(store, title="Latest runs", most=4)
    page = Context.root_block
    assert page is not None, "render() is called inside a route"
    page.load(lambda: markup(store), None, main, show_progress="hidden")


def markup(store: Store) -> str:
    """The whole of the page but its runs."""
    seen = overview(store)
    two = f'<div class="two">{_board(store, seen)}{_steps(seen)}</div>'
    return f'<div class="stack">{_hero(seen)}{_flow(seen)}{two}</div>'


def _hero(seen: Overview) -> str:
    label = ""
    if seen.recorded:
        label = (
            f'<p class="note">{seen.recorded:,} of the {seen.battles:,} battles here are recorded runs of '
            "<code>make loop</code> and <code>make flywheel</code> on the embedded models. "
            "All of it can be done again, live.</p>"
        )
    return (
        '<section class="hero"><div><h1>A simulated chatbot arena that trains its own contenders</h1>'
        '<p class="lead">Instructions become test sets, test sets become battles, battles become a leaderboard, '
        "and the battles a model lost become the data that trains its next version.</p></div>"
        f'<a class="button primary" href="./launch">Launch battles</a></section>{label}'
    )


def _flow(seen: Overview) -> str:
    stages = (
        ("testsets", seen.instructions, "instructions", f"in {seen.testsets:,} test sets and splits"),
        ("contenders", seen.contenders, "contenders", f"{seen.responses:,} answers"),
        ("battles", seen.battles, "battles", f"{seen.judgements:,} judgements, {seen.votes:,} votes"),
        ("leaderboard", len({seen.judge} - {""}), "leaderboard", "ratings with honest intervals"),
        (
            "flywheel",
            seen.rounds,
            "training round" if seen.rounds == 1 else "training rounds",
            "whose checkpoint battles again" if seen.rounds == 1 else "whose checkpoints battle again",
        ),
    )
    links = "".join(
        f'<a href="./{path}"><div class="n num">{count:,}</div><div class="w">{words}</div>'
        f'<div class="s">{more}</div></a>'
        for path, count, words, more in stages
    )
    back = '<div class="flow-back">Lost battles become lessons; the trained checkpoint joins as a new contender.</div>'
    return f'<section class="card flow" aria-label="The pipeline">{links}{back}</section>'


def _board(store: Store, seen: Overview) -> str:
    if not seen.battles or not seen.judge:
        return (
            '<section class="card"><h2>Who leads</h2><div class="empty"><b>No battles yet</b>'
            'Choose a test set and contenders, and let a judge decide.<a class="button primary" '
            'href="./launch">Launch battles</a></div></section>'
        )
    chosen = slices.Slice(testset=seen.testset, judge=seen.judge)
    board: Leaderboard = slices.board(store, chosen)
    rows = "".join(
        f"<tr><td class=num>{row.rank}</td><td><a href='./leaderboard'>{escape(row.model)}</a></td>"
        f"<td class=num>{row.rating:.0f}{_ends(row.low, row.high)}</td><td class=num>{row.battles:,}</td></tr>"
        for row in board.rows[:TOP]
    )
    where = f" on {escape(seen.testset)}" if seen.testset else ""
    return (
        f'<section class="card"><h2>Who leads{where}</h2><table class="board"><thead><tr><th class=num>rank</th>'
        "<th>contender</th><th class=num>rating</th><th class=num>battles</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
        f'<p class="muted">Judged by {escape(seen.judge)}. {escape(standing(store, seen.judge))}.</p></section>'
    )


def _ends(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f' <span class="muted">{low:.0f} to {high:.0f}</span>'


def _steps(seen: Overview) -> str:
    steps = (
        ("testsets", seen.testsets > 0, "Build a test set", "from shipped instructions or your own file"),
        ("contenders", seen.contenders > 1, "Choose contenders", "embedded, local folders, GGUF, any server"),
        ("launch", seen.battles > 0, "Launch battles", "both seat orders, never a call twice"),
        ("battles", seen.votes > 0, "Read and vote", "two answers side by side, blind if you like"),
        ("flywheel", seen.rounds > 0, "Train on lost battles", "SFT, DPO, reward model, PPO"),
        ("consistency", False, "Compare with LMSYS", "the paper's metrics, on any two rankings"),
    )
    upcoming = next((path for path, done, *_ in steps if not done), "")
    rows = "".join(
        f'<a class="{"done" if done else "next" if path == upcoming else ""}" href="./{path}">'
        f"<i>{'✓' if done else number}</i><span>{title}<small>{more}</small></span></a>"
        for number, (path, done, title, more) in enumerate(steps, 1)
    )
    return f'<section class="card"><h2>What to do next</h2><div class="steps">{rows}</div></section>'
