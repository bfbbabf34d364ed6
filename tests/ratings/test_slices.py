"""Slices of a store: what counts, style control, snapshots, references people brought, the report."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from arena.ratings import charts, consistency_markup, markup, slices, snapshots, style, styled
from arena.ratings.consistency import compare
from arena.ratings.leaderboard import Settings
from arena.ratings.references import aliases, keep_alias, keep_table, paper, rankings
from arena.ratings.report import html, write
from arena.ratings.slices import Slice
from arena.ratings.tables import parse_table
from arena.records import BadInput, Battle, Contender, Judge, Pick, Reference, Response, Source, Vote, Winner
from arena.store import Store

NAMES = ("alpha", "beta", "gamma", "delta")


@pytest.fixture
def arena(store: Store) -> Store:
    """Four contenders, two judges, 40 instructions; longer answers win a little more often."""
    random = np.random.default_rng(1)
    records: list[object] = [
        Judge("strict", "scores", contender="alpha"),
        Judge("mild", "scores"),
        Contender("alpha", "scripted", organisation="house", licence="MIT"),
        Contender("beta", "scripted", organisation="house"),
        Contender("gamma", "scripted", parent="beta", stage="sft", iteration=1),
        Contender("delta", "scripted"),
        *(Pick("diverse", f"i{k}", k) for k in range(20)),
    ]
    length = {}
    for k, name in enumerate(NAMES):
        for q in range(40):
            words = int(random.integers(10, 200))
            length[name, q] = words
            text = "# Title\n- one\n**bold** " + "word " * words
            records.append(Response(f"{name}-{q}", name, f"i{q}", "s", 0, (text,), tokens_out=words + k))
    for q in range(40):
        for i, a in enumerate(NAMES):
            for b in NAMES[i + 1 :]:
                gap = 0.3 * (NAMES.index(b) - i) + (length[a, q] - length[b, q]) / 80
                for judge in ("strict", "mild"):
                    won = Winner.A if random.random() < 1 / (1 + np.exp(-gap)) else Winner.B
                    records.append(
                        Battle(
                            f"{judge}{a}{b}{q}",
                            f"i{q}",
                            a,
                            b,
                            won,
                            judge=judge,
                            response_a=f"{a}-{q}",
                            response_b=f"{b}-{q}",
                            score_a=7,
                            score_b=5,
                            category="code" if q % 2 else "maths",
                        )
                    )
    store.save(records)
    return store


def battles_in(store: Store, **wish: object) -> int:
    return slices.board(store, Slice(**wish), Settings(interval="none")).battles  # type: ignore[arg-type]


def test_every_part_of_a_slice_chooses_battles(arena: Store) -> None:
    assert battles_in(arena) == 480
    assert battles_in(arena, testset="diverse") == 240
    assert battles_in(arena, judge="mild") == 240
    assert battles_in(arena, category="code") == 240
    assert battles_in(arena, contenders=("alpha", "beta", "gamma")) == 240
    assert battles_in(arena, without="delta") == 240
    assert battles_in(arena, without_judge="mild") == 240
    assert battles_in(arena, since=0.0, until=time.time() + 60) == 480


def test_the_judges_own_family_can_be_left_out(arena: Store) -> None:
    """strict is alpha, of the same house as beta: only gamma against delta is left of its battles."""
    assert battles_in(arena, judge="strict", exclude_own_family=True) == 40
    assert battles_in(arena, exclude_own_family=True) == 280


def test_an_empty_slice_says_so(arena: Store) -> None:
    with pytest.raises(BadInput, match="no battles in this slice"):
        battles_in(arena, category="poetry")
    with pytest.raises(BadInput, match="choose one of"):
        battles_in(arena, source="rumour")


def test_people_make_a_board_of_their_own_and_are_never_counted_twice(arena: Store) -> None:
    voted = arena.load(Battle, "judge = 'mild'")[:30]
    arena.save(Vote(voter, battle.id, Winner.B) for battle in voted for voter in ("ann", "bob"))
    arena.save(
        replace(battle, id=f"v{battle.id}", judge="ann", source=Source.VOTE, winner=Winner.B)
        for battle in voted
    )
    assert battles_in(arena) == 480
    assert battles_in(arena, source="vote") == 60
    assert battles_in(arena, source="vote", judge="ann") == 30
    assert battles_in(arena, source="judged") == 480


def test_a_board_is_remembered_until_its_battles_change(arena: Store) -> None:
    first = slices.board(arena)
    arena.save([Contender("late", "scripted")])
    assert slices.board(arena) is first
    arena.save([Battle("new", "i1", "alpha", "beta", Winner.A)])
    assert slices.board(arena) is not first


def test_style_control_takes_length_out(arena: Store) -> None:
    fitted = style.fit(style.battles(arena, Slice()))
    worth = dict(zip(fitted.features, fitted.effects, strict=True))
    assert worth["tokens"] > 0.3
    assert "headers" not in worth  # every answer has one, so it never differs
    board = styled.board(arena, Slice(), Settings(anchor="beta", anchor_at=1100))
    assert board.names[0] == "alpha"
    beta = board.rows[board.place("beta")]
    assert (beta.rating, beta.low, beta.high) == pytest.approx((1100, 1100, 1100))
    assert set(style.length_controlled(style.battles(arena, Slice()))) == set(NAMES)


def test_style_control_mirrors_with_the_seats(arena: Store) -> None:
    frame = style.battles(arena, Slice())
    swapped = frame.rename(
        {f"{name}_{x}": f"{name}_{y}" for name in ("contender", *style.FEATURES) for x, y in ("ab", "ba")}
    ).with_columns(winner=frame["winner"].replace({"A": "B", "B": "A"}))
    one, two = style.fit(frame), style.fit(swapped)
    assert np.allclose(one.strengths, two.strengths, atol=1e-8)
    assert np.allclose(one.effects, two.effects, atol=1e-8)


def test_style_that_tells_every_winner_cannot_be_held_equal(arena: Store) -> None:
    frame = style.battles(arena, Slice())
    longer = frame["tokens_a"] > frame["tokens_b"]
    told = frame.with_columns(winner=pl.when(longer).then(pl.lit("A")).otherwise(pl.lit("B")))
    with pytest.raises(BadInput, match="tell every winner"):
        style.fit(told)


def test_style_control_needs_answers(store: Store) -> None:
    store.save([Battle("1", "i", "a", "b", Winner.A)])
    with pytest.raises(BadInput, match="texts of both answers"):
        style.fit(style.battles(store, Slice()))


def test_snapshots_keep_a_board_and_say_what_moved(arena: Store) -> None:
    first = snapshots.freeze(arena, "before", Slice(), Settings())
    assert snapshots.freeze(arena, "before", Slice(), Settings()).id == first.id
    arena.save(Battle(f"n{k}", "i1", "alpha", "delta", Winner.B) for k in range(300))
    second = snapshots.freeze(arena, "after", Slice(), Settings())
    assert first.content_hash != second.content_hash
    assert len(snapshots.every(arena)) == 2
    moved = {change.model: change for change in snapshots.compare(first, second)}
    assert (moved["delta"].rating_after or 0) > (moved["delta"].rating_before or 0)
    assert {c.model for c in snapshots.against(first, slices.board(arena))} == set(NAMES)
    with pytest.raises(BadInput, match="name"):
        snapshots.freeze(arena, " ", Slice(), Settings())


def test_brought_rankings_and_aliases_are_kept(arena: Store) -> None:
    keep_table(arena, parse_table("model,rating\nAlpha one,1\nbeta,2\n", "mine.csv", "mine"))
    keep_table(arena, parse_table("model,rating\nAlpha one,3\nbeta,2\n", "mine.csv", "mine"))
    assert [(row.model, row.rating) for row in rankings(arena)["mine"]] == [("Alpha one", 3), ("beta", 2)]
    keep_alias(arena, "alpha", "mine", "Alpha one")
    assert aliases(arena, "mine") == {"alpha": "Alpha one"}
    with pytest.raises(BadInput, match="ships with the app"):
        keep_table(arena, (Reference("WizardArena Mix (paper)", "x", 1),))


def test_a_report_is_one_file_that_asks_nobody(arena: Store, tmp_path: Path) -> None:
    keep_table(arena, parse_table("model,rating,low,high\nalpha,3,2,4\nbeta,2,1,2\n", "mine.csv", "mine"))
    text = html(arena, reference="mine")
    assert "Plotly" in text
    assert "<script src" not in text
    assert "<link" not in text
    assert "Consistency with mine" in text
    strangers = parse_table("model,rating,low,high\nx,3,2,4\ny,2,1,2\n", "far.csv", "far")
    keep_table(arena, strangers)
    assert "Only 0 models are in both tables" in html(arena, reference="far")
    with pytest.raises(BadInput, match="nowhere"):
        html(arena, reference="nowhere")
    (written,) = write(arena, tmp_path / "r.html")
    assert written.read_text("utf-8").startswith("<!doctype html>")
    with pytest.raises(BadInput, match=r"\.html or \.pdf"):
        write(arena, tmp_path / "r.docx")


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium to print")
def test_a_report_prints_to_pdf(arena: Store, tmp_path: Path) -> None:
    page, pdf = write(arena, tmp_path / "r.pdf")
    assert page.suffix == ".html"
    assert pdf.read_bytes().startswith(b"%PDF")


def test_hostile_names_are_text_everywhere(store: Store) -> None:
    hostile = "<img src=x onerror=alert(1)>\"'&{{x}}"
    store.save(
        Battle(str(k), "i", hostile, "plain", Winner.A if k else Winner.B, category=hostile) for k in range(3)
    )
    board = slices.board(store)
    cells = slices.cells(store)
    by_category = slices.by_category(store, Slice(), Settings())
    figures = [charts.ratings(board), charts.categories(by_category, board.names)]
    texts = [
        markup.board_table(board),
        markup.pair_matrix(cells, board.names),
        *(f.to_json() for f in figures),
    ]
    assert not any("<img" in text for text in texts)


def test_every_chart_has_a_figure(arena: Store) -> None:
    board = slices.board(arena)
    found = compare(paper()["WizardArena Mix (paper)"], paper()["LMSYS English, June 2024 (paper)"], draws=20)
    figures = [
        charts.ratings(board),
        charts.categories(slices.by_category(arena, Slice(), Settings()), board.names),
        charts.categories({}, board.names),
        charts.iterations(board, slices.iterations(arena)),
        charts.against(board, slices.facts(arena), "tokens", "tokens"),
        charts.scatter(found, "ours", "theirs"),
        charts.slopes(found, "ours", "theirs"),
    ]
    assert all(figure.layout.height and figure.layout.paper_bgcolor == "rgba(0,0,0,0)" for figure in figures)
    assert "99.01" in consistency_markup.metric_cards(found)
    assert "battles?pair=" in consistency_markup.disagreement_table(found)
    assert consistency_markup.disagreement_matrix(found).count("over") >= 2


def test_one_judge_is_held_against_another_on_the_battles_of_both(arena: Store) -> None:
    arena.save(
        [Battle("alone", "i0", "alpha", "beta", Winner.A, judge="strict", response_a="x", response_b="y")]
    )
    assert slices.cells(arena, Slice(judge="strict")).battles == 241
    assert slices.cells(arena, Slice(judge="strict", judged_too_by="mild")).battles == 240
    assert slices.cells(arena, Slice(judge="mild", judged_too_by="strict")).battles == 240


@pytest.mark.parametrize(
    ("text", "headers", "lists", "bold"),
    [
        ("plain words. And more - of them", 0, 0, 0),
        ("# One\n## Two\n####### seven\n#none", 2, 0, 0),
        (" - one\n* two\n+ three\n12. four\n-none", 0, 4, 0),
        ("  1. a list of one line", 0, 1, 0),
        ("**bold** and __bold__ and ** not\nbold **", 0, 0, 2),
        ("```\n# code\n- code **code**\n```\n# prose", 1, 0, 0),
    ],
)
def test_style_is_counted_outside_of_code(
    store: Store, text: str, headers: int, lists: int, bold: int
) -> None:
    store.save(
        [
            Response("r1", "x", "i", "s", 0, (text,), tokens_out=9),
            Response("r2", "y", "i", "s", 0, ("plain",), tokens_out=1),
            Battle("b", "i", "x", "y", Winner.A, response_a="r1", response_b="r2"),
        ]
    )
    found = style.battles(store, Slice()).row(0, named=True)
    assert (found["headers_a"], found["lists_a"], found["bold_a"]) == (headers, lists, bold)
    assert (found["headers_b"], found["lists_b"], found["bold_b"]) == (0, 0, 0)
