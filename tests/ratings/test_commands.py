"""leaderboard and consistency on files alone: no store, no home."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from arena import __main__ as program
from arena.records import Battle, Winner
from arena.store import Store

LMSYS = (
    "model_a,model_b,winner\nx,y,model_a\ny,x,model_a\nx,z,tie\ny,z,model_b\nz,x,model_b\nz,y,tie (bothbad)\n"
)
EVALICA = "left,right,winner\nx,y,left\ny,x,left\nx,z,tie\ny,z,right\nz,x,right\nz,y,tie\n"


@pytest.fixture(autouse=True)
def only_our_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other rooms' commands have tests of their own."""
    monkeypatch.setattr(program, "COMMANDS", ("arena.ratings.commands",))


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = program.main(list(words))
    said = capsys.readouterr()
    return code, said.out, said.err


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_both_shapes_and_all_formats_give_one_board(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    frame = pl.read_csv(write(tmp_path / "a.csv", LMSYS))
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_ndjson(tmp_path / "a.jsonl")
    write(tmp_path / "b.csv", EVALICA)
    boards = []
    for file in ("a.csv", "b.csv", "a.parquet", "a.jsonl"):
        code, out, _ = run(capsys, "leaderboard", "--battles", file, "--interval", "none", "--json")
        assert code == 0
        boards.append(json.loads(out)["rows"])
    assert boards[0] == boards[1] == boards[2] == boards[3]
    assert {"model", "rating", "low", "high", "rank", "battles"} <= set(boards[0][0])
    assert not (tmp_path / ".arena").exists()


def test_the_csv_of_one_command_is_read_by_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    battles = write(tmp_path / "a.csv", LMSYS)
    code, out, _ = run(
        capsys,
        "leaderboard",
        "--battles",
        str(battles),
        "--interval",
        "battles",
        "--csv",
        "--anchor",
        "x=1100",
    )
    assert code == 0
    assert out.startswith("model,rating,low,high,rank,battles\n")
    assert "x,1100.000000,1100.000000,1100.000000" in out
    ours = write(tmp_path / "ours.csv", out)
    theirs = write(
        tmp_path / "lmsys.csv",
        "rank,model,arena_score,95_pct_ci,votes\n1,x,1200,+3/-4,10\n2,Z,1100,+3/-4,9\n3,q,1,+1/-1,9\n",
    )
    code, out, _ = run(capsys, "consistency", "--ours", str(ours), "--reference", str(theirs), "--json")
    assert code == 0
    document = json.loads(out)
    assert document["unmatched"] == ["y", "q"]
    assert set(document["metrics"]["human_agreement"]) >= {"value", "numerator", "denominator"}
    assert document["metrics"]["spearman"]["numerator"] is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "model_a,model_b,winner\nx,y,model_a\nx,x,model_a\n",
            "row 2 is a battle of one contender with itself",
        ),
        ("model_a,model_b,winner\nx,y,nobody\n", "row 1 names the winner 'nobody'"),
        ("model_a,model_b,winner\nx,,model_a\n", "row 1 has no name"),
        ("a,b,winner\nx,y,a\n", "battles need one of"),
        ("id,model_a,model_b,winner\n1,x,y,model_a\n1,x,y,model_b\n", "row 2 repeats the id"),
        ("model_a,model_b,winner,weight\nx,y,model_a,nan\n", "weight that is no finite number"),
        ("model_a,model_b,winner,weight\nx,y,model_a,-1\n", "not above zero"),
        ("model_a,model_b,winner\nx,y,model_a,more\n", "line 2 has 4 fields"),
        ("", "is empty"),
        ("model_a,model_b,winner\n", "holds no battle"),
    ],
)
def test_bad_battles_exit_2_and_name_the_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    code, out, err = run(capsys, "leaderboard", "--battles", str(write(tmp_path / "b.csv", text)), "--json")
    assert code == 2
    assert says in err
    assert says in json.loads(out)["error"]


def test_a_broken_json_line_is_numbered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = json.dumps({"model_a": "x", "model_b": "y", "winner": "model_a"})
    code, _, err = run(
        capsys, "leaderboard", "--battles", str(write(tmp_path / "b.jsonl", f"{good}\n{{oops\n"))
    )
    assert code == 2
    assert "line 2" in err


def test_the_store_makes_the_same_board(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(home) as store:
        store.save(
            Battle(str(k), f"i{k % 3}", "x", "y", Winner.A if k % 3 else Winner.B, judge="j", category="c")
            for k in range(12)
        )
    code, out, _ = run(capsys, "leaderboard", "--home", str(home), "--judge", "j", "--json")
    assert code == 0
    rows = json.loads(out)["rows"]
    assert [(row["model"], row["battles"]) for row in rows] == [("x", 12), ("y", 12)]
    code, _, err = run(capsys, "leaderboard", "--home", str(home), "--judge", "nobody")
    assert code == 2
    assert "no battles" in err


def test_an_unknown_method_lists_the_menu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(
        capsys, "leaderboard", "--battles", str(write(tmp_path / "a.csv", LMSYS)), "--method", "magic"
    )
    assert code == 2
    assert "bradley-terry" in err


def test_days_choose_battles_of_the_store_alone(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(home) as store:
        store.save(
            Battle(str(k), f"i{k}", "x", "y", Winner.A if k % 2 else Winner.B, made_at=86_400.0 * k + 3600)
            for k in range(10)
        )
    words = ("leaderboard", "--home", str(home), "--since", "1970-01-03", "--until", "1970-01-06", "--json")
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert json.loads(out)["battles"] == 4
    code, _, err = run(capsys, "leaderboard", "--home", str(home), "--since", "3 May")
    assert code == 2
    assert "write it as 2026-11-23" in err
    battles = str(write(tmp_path / "a.csv", LMSYS))
    code, _, err = run(capsys, "leaderboard", "--battles", battles, "--since", "2026-01-01")
    assert code == 2
    assert "a file has no such facts" in err


def test_style_control_of_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(
        capsys, "leaderboard", "--battles", str(write(tmp_path / "a.csv", LMSYS)), "--style-control"
    )
    assert code == 2
    assert "import the battles first" in err
