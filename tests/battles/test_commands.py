"""The words `battle` and `judge` do their work and print one document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arena.__main__ import main
from arena.records import Judge
from arena.store import Store
from tests.battles.conftest import contender


@pytest.fixture(autouse=True)
def this_room_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena.__main__.COMMANDS", ("arena.battles.commands",))


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, object]:
    code = main([*words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_battle_prints_what_was_fought(small_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["battle", "--testset", "small", "--contenders", "good,poor", "--judge", "reader"]
    code, document = run(capsys, *words, "--home", str(small_home))
    assert code == 0
    assert isinstance(document, dict)
    assert document["battles"] == 4
    assert document["wins"][0]["wins_a"] == 4
    assert "not been measured" in document["standing"]


def test_a_plan_launches_nothing(small_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["battle", "--testset", "small", "--contenders", "good,poor", "--judge", "judge", "--plan"]
    code, document = run(capsys, *words, "--home", str(small_home))
    assert code == 0
    assert isinstance(document, dict)
    assert document["calls"] == 8 + 8
    assert not (small_home / "runs").exists()


def test_bad_input_exits_2(small_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["battle", "--testset", "none", "--contenders", "good,poor", "--judge", "judge"]
    code, document = run(capsys, *words, "--home", str(small_home))
    assert code == 2
    assert isinstance(document, dict)
    assert "no test set" in document["error"]


def test_a_held_arena_exits_3(small_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(small_home):
        code, document = run(capsys, "judge", "list", "--home", str(small_home))
    assert code == 3
    assert isinstance(document, dict)
    assert document["owner"] > 0


def test_the_control_pairs_measure_a_judge_that_cannot_read(
    small_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(small_home) as store:
        store.save([contender("constant", text='{"right_answer": "", "score_a": 7, "score_b": 3}')])
    code, document = run(capsys, "judge", "control", "--judge", "constant", "--home", str(small_home))
    assert code == 0
    assert isinstance(document, dict)
    assert (document["right"], document["ties"], document["total"]) == (0, 89, 89)
    assert document["flips"] == 89
    assert document["sentence"].startswith("This judge is right on 0 of 89 control pairs")


def test_battles_come_out_as_they_were_imported(
    small_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "votes.csv", tmp_path / "out.jsonl"
    source.write_text("left,right,winner\nx,y,left\ny,x,draw\n")
    code, document = run(capsys, "import", "battles", str(source), "--home", str(small_home))
    assert code == 0
    assert isinstance(document, dict)
    assert (document["battles"], document["new_contenders"]) == (2, ["x", "y"])
    code, _ = run(capsys, "export", "battles", str(target), "--home", str(small_home))
    assert code == 0
    assert [json.loads(line)["winner"] for line in target.read_text().splitlines()].count("tie") == 1
    code, _ = run(capsys, "export", "battles", str(target), "--home", str(small_home))
    assert code == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("battle --testset small --contenders good,ghost --judge poor", "no contender 'ghost'"),
        ("battle --testset small --contenders good,poor --judge poor --seed -1", "The seed is -1"),
        ("judge add all --kind jury --members reader,ghost", "no judge and no contender 'ghost'"),
        ("judge add all --kind jury --members reader", "at least two members"),
        ("judge report --judge judge --testset none", "the arena has small"),
        ("judge add two --contender reader --prompt /nowhere", "cannot be read"),
    ],
)
def test_what_cannot_be_is_told_and_leaves_no_judge_behind(
    small_home: Path, capsys: pytest.CaptureFixture[str], words: str, says: str
) -> None:
    code, document = run(capsys, *words.split(), "--home", str(small_home))
    assert code == 2
    assert isinstance(document, dict)
    assert says in document["error"]
    with Store.open(small_home) as store:
        assert [judge.name for judge in store.load(Judge)] == ["judge"]


def test_models_sit_in_a_jury_as_judges(small_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = "judge add all --kind jury --members judge,reader --rule majority"
    code, document = run(capsys, *words.split(), "--home", str(small_home))
    assert code == 0
    assert isinstance(document, dict)
    assert [member["name"] for member in document["settings"]["members"]] == ["judge", "reader"]
    with Store.open(small_home) as store:
        assert [judge.name for judge in store.load(Judge, order="name")] == ["all", "judge", "reader"]
