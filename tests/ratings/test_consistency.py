"""The paper's published figures come out of its Elo columns, and the comparison's rules hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from arena.ratings.consistency import compare, separated
from arena.ratings.names import match
from arena.ratings.references import PAPER_COLUMNS, paper, paper_printed, shipped
from arena.ratings.tables import parse_table, read_table
from arena.records import BadInput, Reference

LMSYS = PAPER_COLUMNS["lmsys_en_elo"]
ON_TOP = (Reference("ours", "on top", 2000, 1990, 2010), Reference("lmsys", "on top", 2000, 1990, 2010))


@pytest.mark.parametrize(
    ("column", "agreement", "differentiation", "spearman", "alone", "alone_differentiation"),
    [
        ("wa_diverse", (219, 225), (247, 253), 0.9879, (197, 203), (225, 231)),
        ("wa_hard", (221, 225), (245, 253), 0.9884, (199, 203), (223, 231)),
        ("wa_mix", (223, 225), (248, 253), 0.9923, (201, 203), (226, 231)),
    ],
)
def test_the_papers_figures_come_out_of_its_elo_columns(
    column: str,
    agreement: tuple[int, int],
    differentiation: tuple[int, int],
    spearman: float,
    alone: tuple[int, int],
    alone_differentiation: tuple[int, int],
) -> None:
    ours, theirs = paper()[PAPER_COLUMNS[column]], paper()[LMSYS]
    metrics = compare((*ours, ON_TOP[0]), (*theirs, ON_TOP[1]), draws=0).metrics
    assert (metrics["human_agreement"].numerator, metrics["human_agreement"].denominator) == agreement
    assert (metrics["differentiation"].numerator, metrics["differentiation"].denominator) == differentiation
    assert round(metrics["spearman"].value or 0, 4) == spearman
    printed = paper_printed()
    assert round(100 * (metrics["human_agreement"].value or 0), 2) == printed["human_agreement_95ci"][column]
    assert round(100 * (metrics["differentiation"].value or 0), 2) == printed["differentiation_95ci"][column]
    without = compare(ours, theirs, draws=0).metrics
    assert (without["human_agreement"].numerator, without["human_agreement"].denominator) == alone
    assert (
        without["differentiation"].numerator,
        without["differentiation"].denominator,
    ) == alone_differentiation


def test_correlations_agree_with_scipy() -> None:
    found = compare(paper()[PAPER_COLUMNS["wa_mix"]], paper()[LMSYS], draws=0)
    ours, theirs = [r.rating for r in found.ours], [r.rating for r in found.theirs]
    assert found.metrics["spearman"].value == pytest.approx(stats.spearmanr(ours, theirs).statistic)
    assert found.metrics["kendall"].value == pytest.approx(stats.kendalltau(ours, theirs).statistic)
    assert found.metrics["pearson"].value == pytest.approx(stats.pearsonr(ours, theirs).statistic)


def test_every_figure_has_a_bootstrap_interval_that_holds_it() -> None:
    for name, metric in compare(paper()[PAPER_COLUMNS["wa_mix"]], paper()[LMSYS]).metrics.items():
        assert metric.low is not None, name
        assert metric.high is not None
        assert metric.low <= (metric.value or 0) <= metric.high, name


def test_touching_intervals_count_as_separated() -> None:
    table = [Reference("t", "a", 10, 8, 12), Reference("t", "b", 6, 4, 8), Reference("t", "c", 5, 3, 8.5)]
    assert separated(table).tolist() == [[0, 1, 0], [-1, 0, 0], [0, 0, 0]]


def test_equal_ratings_without_width_are_not_separated() -> None:
    assert not separated([Reference("t", "a", 10, 10, 10), Reference("t", "b", 10, 10, 10)]).any()


def test_a_table_without_intervals_has_correlations_but_no_counts() -> None:
    mt_bench, lmsys = paper()[PAPER_COLUMNS["mt_bench"]], paper()[LMSYS]
    metrics = compare(mt_bench, lmsys).metrics
    assert metrics["spearman"].value is not None
    assert metrics["human_agreement"].value is None
    assert metrics["differentiation"].denominator is None
    assert metrics["average"].value is None


def test_top_and_close_choose_models_and_pairs() -> None:
    ours, theirs = paper()[PAPER_COLUMNS["wa_mix"]], paper()[LMSYS]
    assert len(compare(ours, theirs, top=5, draws=0).ours) == 5
    near = compare(ours, theirs, close=30, draws=0).metrics
    assert near["spearman"].value is None
    assert 0 < (near["differentiation"].denominator or 0) < 231


def test_disagreements_name_both_sides() -> None:
    found = compare(paper()[PAPER_COLUMNS["wa_mix"]], paper()[LMSYS], draws=0).disagreements
    assert [(d.above, d.below, d.reversed) for d in found] == [
        ("Llama-2-70B-Chat", "Tulu-2-DPO-70B", True)
    ] or all(d.their_gap > 0 for d in found)
    assert found


def test_shipped_tables_are_read_in_their_own_shapes() -> None:
    tables = shipped()
    first = tables["LMSYS 2024-06-19"][0]
    assert (first.model, first.rating, first.low, first.high, first.votes) == (
        "GPT-4o-2024-05-13",
        1287,
        1284,
        1290,
        42046,
    )
    old = {row.model: row for row in tables["LMSYS 2024-03-29"]}
    assert old["alpaca-13b"].low == pytest.approx(892.599, abs=1e-3)
    assert len([name for name in tables if name.startswith("LMSYS 2024")]) == 6


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model,rating\na,1\na,2\n", "row 2 names a again"),
        ("model,rating\na,nan\n", "row 1 .a. has the rating 'nan'"),
        ("model,rating,low,high\na,1,0,2\nb,3,,\n", "row 2 .b. has no interval while"),
        ("model,rating,low,high\na,1,0,\n", "only one end"),
        ("model,rating,low,high\na,1,2,3\n", "does not hold the rating"),
        ("model,rating,95_pct_ci\na,1,about 3\n", "write it as"),
        ("name,votes\na,1\n", "no column rating"),
        ("model,rating\n", "holds no row"),
        ("model,rating\na\n", "another number of fields"),
        ("model,rating\n,3\n", "names no model"),
        ("model,rating\na,\n", "has no rating"),
    ],
)
def test_a_bad_table_is_refused_with_row_and_reason(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        parse_table(text, "t.csv", "t")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no file .*gone\.csv"):
        read_table(tmp_path / "gone.csv")


def test_names_match_after_tidying_and_never_by_guess() -> None:
    found = match(
        ["Llama 3 70B instruct", "Command R", "Mistral-7B"],
        ["llama-3-70b-instruct", "Command R+", "Mistral-7B-v0.1"],
    )
    assert found.pairs == (("Llama 3 70B instruct", "llama-3-70b-instruct"),)
    assert found.unmatched_ours == ("Command R", "Mistral-7B")
    assert {s.theirs for s in found.suggestions} == {"Command R+", "Mistral-7B-v0.1"}


def test_an_alias_is_a_persons_word() -> None:
    assert match(["x"], ["y"], {"x": "y"}).pairs == (("x", "y"),)
    assert match(["x"], ["x"], {"x": ""}).pairs == ()


def test_two_models_are_needed() -> None:
    with pytest.raises(BadInput, match="needs two"):
        compare([Reference("o", "a", 1)], [Reference("t", "b", 1)])


def test_the_bootstrap_is_the_same_for_the_same_seed() -> None:
    ours, theirs = paper()[PAPER_COLUMNS["wa_hard"]], paper()[LMSYS]
    assert compare(ours, theirs, seed=1).metrics == compare(ours, theirs, seed=1).metrics
    assert np.isfinite(compare(ours, theirs, seed=2).metrics["brier"].value or np.nan)
