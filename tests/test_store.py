"""Saving is idempotent, the file has one owner, and what was saved comes back equal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from arena.records import (
    KEYS,
    ArenaError,
    BadInput,
    Battle,
    Contender,
    Instruction,
    Locked,
    Sampling,
    Snapshot,
    Vote,
    Winner,
    table_of,
)
from arena.store import Store


def test_records_come_back_as_they_were_saved(store: Store) -> None:
    records = [
        Instruction.of("one", "two", check={"kind": "json"}, reference=("a", "b")),
        Contender("x", "scripted", sampling=Sampling(stop=("END",)), options={"n": [1, {"deep": None}]}),
        Snapshot("1", "June", {"method": "elo"}, [{"rating": 1.5}], "abc"),
        Vote("ann", "b1", Winner.BOTH_BAD, tags=("maths",)),
    ]
    store.save(records)
    assert [store.load(type(record))[0] for record in records] == records


def test_saving_twice_is_saving_once_and_the_later_one_wins(store: Store) -> None:
    first, later = Battle("b", "i", "x", "y", Winner.A), Battle("b", "i", "x", "y", Winner.TIE)
    assert store.save([first, later, later]) == 1
    store.save([later])
    assert store.load(Battle) == [later]


def test_every_record_has_a_table(store: Store) -> None:
    for kind in KEYS:
        assert store.count(kind) == 0, table_of(kind)


def test_lone_surrogates_do_not_break_a_save(store: Store) -> None:
    store.save([Instruction.of("half an emoji \ud83d")])
    assert store.load(Instruction)[0].turns == ("half an emoji ?",)


def test_a_second_process_gets_a_sentence_with_the_owners_id(home: Path) -> None:
    code = f"from pathlib import Path; from arena.store import Store; Store.open(Path({str(home)!r}))"
    with Store.open(home) as store:
        with pytest.raises(Locked, match="process id"):
            Store.open(home)
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "arena.records.Locked" in other.stderr
        store.save([Instruction.of("still mine")])
    with Store.open(home) as store:
        assert store.count(Instruction) == 1


def test_a_backup_holds_everything_and_never_overwrites(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy" / "arena.duckdb"
    target.parent.mkdir()
    with Store.open(home) as store:
        store.save([Instruction.of("kept")])
        store.backup(target)
        with pytest.raises(BadInput, match="exists"):
            store.backup(target)
    with Store.open(target.parent) as copy:
        assert copy.count(Instruction) == 1


def test_a_slow_search_is_stopped(store: Store) -> None:
    with pytest.raises(ArenaError, match="took too long"):
        store.query(
            "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range % 7 = b.range",
            seconds=0.1,
        )


def test_a_failed_save_keeps_nothing(store: Store) -> None:
    with pytest.raises(ArenaError):
        store.save([Instruction.of("whole"), Battle("b", None, "x", "y", Winner.A)])  # type: ignore[arg-type]
    assert store.count(Instruction) == 0
