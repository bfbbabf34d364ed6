"""The null contender battles by one command, and says of a judge whether it reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arena.__main__ import main
from arena.battles.agreement import Share
from arena.battles.null import NullReport, Row
from arena.records import Contender, Judge
from arena.store import Store
from tests.battles.conftest import contender


def null(capsys: pytest.CaptureFixture[str], home: Path, *words: str) -> dict[str, object]:
    main(["judge", "null", "--testset", "small", "--home", str(home), "--json", *words])
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_constant_words_come_last_before_a_judge_that_reads(
    small_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(small_home) as store:
        store.save([contender("null", 1, text="Thank you.")])  # the scripted judge reads its mark
    found = null(capsys, small_home, "--judge", "judge", "--contenders", "good,fair")
    assert found["is_last"] is True
    rows = found["rows"]
    assert isinstance(rows, list)
    assert [row["name"] for row in rows] == ["good", "fair", "null"]
    assert rows[-1]["points"] == {"hits": 0.0, "total": 8}


def test_a_judge_that_goes_by_length_does_not_pass(
    small_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = null(capsys, small_home, "--judge", "judge", "--contenders", "good,fair", "--limit", "1")
    assert found["is_last"] is False


def test_a_tie_with_constant_words_is_no_pass() -> None:
    rows = (Row("good", Share(3, 4)), Row("fair", Share(1, 4)), Row("null", Share(1, 4)))
    assert not NullReport("judge", "small", rows).is_last


def test_without_any_answer_it_asks_for_names(small_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Nobody has answered 'small'" in str(null(capsys, small_home, "--judge", "judge")["error"])


def test_bad_names_leave_nothing_behind(small_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = null(capsys, small_home, "--judge", "new", "--contenders", "good,nobody")
    assert "no contender 'nobody'" in str(missing["error"])
    elsewhere = null(capsys, small_home, "--judge", "new", "--contenders", "good", "--testset", "nowhere")
    assert "no test set 'nowhere'" in str(elsewhere["error"])
    with Store.open(small_home) as store:
        assert store.get(Judge, "new") is None
        assert store.get(Contender, "null") is None
