"""What is wrong with a round, a grid or a pruning is said before anything starts, and nothing is left behind."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arena import jobs
from arena.__main__ import main
from arena.flywheel.grid import read_grid
from arena.flywheel.prune import prune
from arena.flywheel.rounds import RoundPlan
from arena.flywheel.train import launch
from arena.records import BadInput, Contender, Example, TrainingSet
from arena.store import Store

PLAN = RoundPlan("new", "sft", "student", "lessons")


def a_folder(home: Path, name: str, architecture: str = "LlamaForCausalLM") -> Path:
    """Files as a model has them; nobody loads it here."""
    folder = home / "models" / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architectures": [architecture]}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "x", "pad_token": "</s>"}))
    (folder / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    return folder


def an_arena(store: Store) -> None:
    folders = {name: a_folder(store.home.resolve(), name) for name in ("student", "old")}
    store.save(
        [
            Contender("student", "local_transformers", str(folders["student"])),
            Contender("old", "local_transformers", str(folders["old"]), parent="student"),
            TrainingSet("lessons", "sft", "pair-judge", "student", {}, 1, "x"),
            Example("e", "lessons", 0, "i", ("Say yes.",), ("YES",), (), "teacher", 3.0, "b"),
        ]
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"training_set": "none"}, "no training set 'none'"),
        ({"student": "nobody"}, "no contender 'nobody'"),
        ({"stage": "sftt"}, "No stage 'sftt'"),
        ({"preset": "huge"}, "No preset 'huge'"),
        ({"stage": "dpo"}, "was made for sft"),
        ({"threads": 0}, "at least one thread"),
        ({"settings": {"learning_rate": "fast"}}, "learning_rate must be a number such as 5e-05, not 'fast'"),
        ({"stage": "ppo", "reward": "old"}, "'old' is no reward model"),
        ({"name": "../out"}, "must be letters, digits"),
        ({"name": "old"}, "There is a contender 'old' already"),
    ],
)
def test_a_round_that_cannot_be_is_refused(changes: dict[str, Any], words: str, home: Path) -> None:
    with Store.open(home) as store:
        an_arena(store)
        with pytest.raises(BadInput, match=words):
            launch(store, dataclasses.replace(PLAN, **changes))
        assert jobs.jobs(home) == []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: (f / "config.json").write_text("{not"), "cannot be read as JSON"),
        (lambda f: (f / "config.json").write_text('{"auto_map": {}}'), "its own code"),
        (lambda f: (f / "tokenizer_config.json").write_text('{"chat_template": "x"}'), "no pad token"),
        (lambda f: (f / "tokenizer_config.json").write_text('{"pad_token": "x"}'), "no chat template"),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "no .safetensors weights"),
    ],
)
def test_a_student_that_cannot_learn_is_refused(
    spoil: Callable[[Path], object], words: str, home: Path
) -> None:
    with Store.open(home) as store:
        an_arena(store)
        spoil(home / "models" / "student")
        with pytest.raises(BadInput, match=words):
            launch(store, PLAN)
        assert jobs.jobs(home) == []


def test_a_checkpoint_that_an_active_job_reads_is_not_pruned(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_spawn", lambda job: None)  # it stays in the queue
    with Store.open(home) as store:
        an_arena(store)
        job = jobs.start(home, "battle", "x:y", "A battle", {"contenders": ["student", "old"]})
        with pytest.raises(BadInput, match="A battle is reading old"):
            prune(store, "old")
        (job.folder / "plan.json").unlink()
        assert prune(store, "old") > 0
        assert not (home / "models" / "old").exists()


GRID = """
name: small
base: student
teachers: [one]
judge: code
held_out: mix
steps:
- {makes: new, starts_from: student, battles_as: student, stage: sft, splits: [D1], iteration: 1}
grid:
"""


def test_a_grid_over_what_holds_no_settings_is_refused_and_one_teacher_is_a_name() -> None:
    for line, words in (("judge.x: [1]", "judge holds no settings"), ("makes: [a]", "cannot vary 'makes'")):
        with pytest.raises(BadInput, match=words):
            read_grid(GRID + f"  {line}\n")
    cells = read_grid(GRID + "  teachers: [one, [one, two]]\n")
    assert [plan.teachers for _, plan in cells] == [("one",), ("one", "two")]


def test_a_grid_that_is_no_text_is_a_sentence(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plan.yaml").write_bytes(b"\xff\xfe\x00name")
    assert main(["flywheel", "ablate", str(tmp_path / "plan.yaml"), "--home", str(home)]) == 2
    assert "cannot be read: it is no UTF-8 text." in capsys.readouterr().err
