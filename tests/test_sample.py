"""The recorded arena goes out and comes back, labelled, without the paths of the machine that made it."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena import sample
from arena.flywheel import offers
from arena.records import BadInput, Battle, Contender, Instruction, Round, Winner
from arena.store import Store


def test_an_exported_arena_comes_back_labelled_as_recorded(store: Store, tmp_path: Path) -> None:
    store.save(
        [
            Instruction.of("Say hello."),
            Contender("smollm2-135m", "local_transformers", "/somewhere/models/smollm2-135m"),
            Contender("smollm2-135m-sft", "local_transformers", "/somewhere/sft", parent="smollm2-135m"),
            Battle("b", "i", "smollm2-135m", "smollm2-135m-sft", Winner.B),
        ]
    )
    assert sample.export(store, tmp_path) == 4
    assert "/somewhere" not in "".join(path.read_text() for path in tmp_path.iterdir())
    with Store.open(None) as fresh:
        sample.load(fresh, tmp_path)
        student, trained = fresh.load(Contender, order="name")
        assert student.location.endswith("smollm2-135m")
        assert (trained.backend, trained.recorded) == ("recorded", True)
        assert fresh.load(Battle)[0].recorded


def test_a_recorded_training_keeps_its_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, recorded = tmp_path / "home" / "runs" / "train-1", tmp_path / "recorded"
    run.mkdir(parents=True)
    (run / "metrics.jsonl").write_text(
        '{"at": 9.5, "step": 1, "loss": 2.0}\n{"at": 9.9, "step": 2, "loss": 1.5}\n'
    )
    with Store.open(tmp_path / "home") as store:
        store.save([Round("taught", "sft", "smollm2-135m", "lessons", run="train-1")])
        sample.export(store, recorded)
    monkeypatch.setattr(offers, "RECORDED", recorded / "curves")
    with Store.open(None) as fresh:
        sample.load(fresh, recorded)
        assert offers.curves(fresh).rows() == [
            ("train-1", "taught, recorded", 1, "loss", 2.0),
            ("train-1", "taught, recorded", 2, "loss", 1.5),
        ]


def test_a_broken_recording_names_file_and_line(store: Store, tmp_path: Path) -> None:
    (tmp_path / "battle.jsonl").write_text("{}\n")
    with pytest.raises(BadInput, match=r"battle\.jsonl, line 1"):
        sample.load(store, tmp_path)


def test_a_new_arena_is_prepared_with_the_embedded_models(store: Store) -> None:
    sample.prepare(store)
    assert {"smollm2-135m", "qwen2.5-coder-1.5b"} <= {c.name for c in store.load(Contender)}
    sample.prepare(store)
