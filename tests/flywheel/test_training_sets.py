"""Training sets are immutable, hashed, exportable, and tell what leaks into a held-out set."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import polars as pl
import pytest

from arena.__main__ import main
from arena.flywheel.bouts import Bout, read_bouts
from arena.flywheel.lineage import lineage
from arena.flywheel.prune import disk_use, prune
from arena.flywheel.selection import Selection, reads_others
from arena.flywheel.training_sets import examples, export, leaks, make_training_set, training_sets
from arena.records import BadInput, Battle, Contender, Instruction, Pick, Response, TestSet
from arena.store import Store
from tests.flywheel.rooms import lost_battles

TWO_TURNS = Bout(
    "b1", "i1", ("first", "second"), "", "me", "t", ("no", "no"), ("yes", "sure"), "B", -4.0
)  # fmt: skip


def test_the_same_set_again_is_the_set_that_is_there(store: Store) -> None:
    made = make_training_set(store, "one", "me", "sft", Selection(), [TWO_TURNS])
    assert make_training_set(store, "one", "me", "sft", Selection(), [TWO_TURNS]) == made
    with pytest.raises(BadInput, match="other examples"):
        make_training_set(store, "one", "me", "dpo", Selection(), [TWO_TURNS])
    assert training_sets(store)["size"].to_list() == [1]


def test_trl_gets_its_conversational_shape(store: Store, tmp_path: Path) -> None:
    expected = {
        "sft": {"prompt", "completion"},
        "dpo": {"prompt", "chosen", "rejected"},
        "ppo": {"prompt"},
    }
    for stage, columns in expected.items():
        make_training_set(store, stage, "me", stage, Selection(), [TWO_TURNS])
        assert export(store, stage, tmp_path / f"{stage}.jsonl", "trl") == 1
        row = json.loads((tmp_path / f"{stage}.jsonl").read_text())
        assert set(row) == columns
        if stage == "sft":
            assert [m["content"] for m in row["completion"]] == ["yes", "second", "sure"]


def test_exports_hold_every_field_and_never_overwrite(store: Store, tmp_path: Path) -> None:
    make_training_set(store, "one", "me", "dpo", Selection(), [TWO_TURNS])
    export(store, "one", tmp_path / "a.parquet", "parquet")
    assert pl.read_parquet(tmp_path / "a.parquet")["rejected"].to_list() == [["no", "no"]]
    with pytest.raises(BadInput, match="exists already"):
        export(store, "one", tmp_path / "a.parquet", "parquet")
    with pytest.raises(BadInput, match="no training set"):
        examples(store, "two")


def test_a_leak_is_found_by_content_not_by_id(store: Store) -> None:
    held = Instruction("other-id", ("  FIRST  second ",))
    store.save([held, TestSet("mix", "hand-picked"), Pick("mix", "other-id", 0)])
    make_training_set(store, "one", "me", "sft", Selection(), [TWO_TURNS])
    assert leaks(store, "one") == ["i1"]
    store.save([TestSet("mix", "hand-picked", "train")])
    assert leaks(store, "one") == []


def test_no_battles_is_a_clear_sentence(store: Store) -> None:
    with pytest.raises(BadInput, match="no battles with stored answers for student 'me'"):
        read_bouts(store, student="me")


def test_battles_of_others_are_read_only_where_they_teach(store: Store, tmp_path: Path) -> None:
    lost_battles(store, tmp_path / "tiny", 3)
    theirs = Response("r", "rival", store.load(Instruction)[0].id, "x", 0, ("red",))
    battle = store.load(Battle)[0]
    store.save([theirs, dataclasses.replace(battle, id="other", contender_a="rival", response_a="r")])
    assert len(read_bouts(store, student="student", others=False)) == 3
    assert len(read_bouts(store, student="student")) == 4
    assert [reads_others(stage, Selection()) for stage in ("sft", "dpo", "ppo", "reward")] == [False] * 3 + [
        True
    ]
    assert reads_others("dpo", Selection(pairs="all"))
    with pytest.raises(BadInput, match="4 battles could teach here, too many to look at; choose a test set"):
        read_bouts(store, student="student", most=3)


def test_the_family_tree_puts_children_below_parents(store: Store) -> None:
    store.save(
        [
            Contender("base", "local_transformers", made_at=1.0),
            Contender("b-sft", "local_transformers", parent="base", stage="sft", made_at=2.0),
            Contender("other", "scripted", made_at=2.5),
            Contender("b-dpo", "local_transformers", parent="b-sft", stage="dpo", made_at=3.0),
            Contender("b-sft-2", "local_transformers", parent="base", stage="sft", made_at=4.0),
        ]
    )
    tree = lineage(store).select("depth", "name").rows()
    assert tree == [(0, "base"), (1, "b-sft"), (2, "b-dpo"), (1, "b-sft-2")]


def test_the_command_line_exits_2_on_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["training-set", "make", "x", "--student", "me", "--home", str(tmp_path), "--json"]
    assert main(words) == 2
    assert "no battles" in json.loads(capsys.readouterr().out)["error"]
    assert main(["training-set", "list", "--home", str(tmp_path)]) == 0


def test_only_checkpoints_trained_here_are_pruned_and_their_record_stays(home: Path) -> None:
    with Store.open(home) as store:
        folder = home.resolve() / "models" / "old"
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(b"x" * 100)
        store.save(
            [
                Contender("old", "local_transformers", str(folder), parent="base", stage="sft"),
                Contender("mine", "local_transformers", "/somewhere/else", parent="base", stage="sft"),
            ]
        )
        assert disk_use(store) == {"old": 100}
        with pytest.raises(BadInput, match="not a checkpoint trained in"):
            prune(store, "mine")
        assert prune(store, "old") == 100
        assert not folder.exists()
        kept = store.get(Contender, "old")
        assert kept is not None
        assert kept.hidden
        with pytest.raises(BadInput, match="gone already"):
            prune(store, "old")
