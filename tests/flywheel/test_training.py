"""Every stage trains a tiny student from lost battles to a registered checkpoint."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

from arena import jobs
from arena.flywheel.rounds import RoundPlan
from arena.flywheel.stages import STAGES
from arena.jobs import State
from arena.records import BadInput, Contender, Json, Round
from arena.store import Store
from tests.flywheel.rooms import lost_battles, prepared, run_here, training_set

pytestmark = pytest.mark.filterwarnings("ignore")  # the trainers' own deprecations

SETTINGS: dict[str, dict[str, Json]] = {
    "sft": {"num_train_epochs": 10, "learning_rate": 3e-3},
    "dpo": {"num_train_epochs": 2, "learning_rate": 1e-3},
    "reward": {"num_train_epochs": 2, "learning_rate": 1e-3},
    "ppo": {"max_completion_length": 6, "max_steps": 2},
    "rloo": {"max_completion_length": 6, "max_steps": 2},
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_turns_lost_battles_into_a_contender(
    stage: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(home) as store:
        lost_battles(store, home / "models" / "tiny")
        plan = RoundPlan("first", stage, "student", training_set(store, stage), settings=SETTINGS[stage])
        job = prepared(store, plan, monkeypatch)
        status = run_here(store, job)
        assert status.state is State.DONE, status.error
        checkpoint, finished = store.get(Contender, "first"), store.get(Round, "first")
        assert checkpoint is not None
        assert finished is not None
        assert (checkpoint.parent, checkpoint.stage, checkpoint.round) == ("student", stage, "first")
        assert checkpoint.sampling == store.get(Contender, "student").sampling  # type: ignore[union-attr]
        assert finished.checkpoint == "first"
        folder = Path(checkpoint.location)
        assert {"config.json", "model.safetensors", "tokenizer.json"} <= {f.name for f in folder.iterdir()}
        assert not list((home / "models").glob(".draft*"))
        curve = jobs.metrics(job)
        assert curve
        if stage == "dpo":
            assert float(str(curve[0]["loss"])) == pytest.approx(math.log(2), abs=1e-4)
        if stage == "sft":
            first, last = (float(str(finished.metrics[name])) for name in ("first_loss", "last_loss"))
            assert last < 0.7 * first
            assert json.loads((folder / "config.json").read_text())["dtype"] == "float32"
        assert run_here(store, job).state is State.DONE  # a second run registers nothing twice
        assert store.count(Round) == 1


def test_lora_leaves_an_ordinary_model(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(home) as store:
        lost_battles(store, home / "models" / "tiny")
        plan = RoundPlan("light", "sft", "student", training_set(store, "sft"), lora={"r": 4})
        assert run_here(store, prepared(store, plan, monkeypatch)).state is State.DONE
        names = {f.name for f in (home / "models" / "light").iterdir()}
        assert "model.safetensors" in names
        assert "adapter_config.json" not in names


def test_rows_that_do_not_fit_are_named_before_training(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(home) as store:
        lost_battles(store, home / "models" / "tiny")
        plan = RoundPlan("none", "sft", "student", training_set(store, "sft"), settings={"max_length": 4})
        status = run_here(store, prepared(store, plan, monkeypatch))
        assert status.state is State.FAILED
        assert "All 8 rows are longer than max_length 4" in status.error
        assert store.get(Contender, "none") is None


def test_a_loss_that_is_no_number_says_what_to_change(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(home) as store:
        lost_battles(store, home / "models" / "tiny")
        settings: dict[str, Json] = {"learning_rate": 1e30, "max_grad_norm": 0.0, "num_train_epochs": 4}
        plan = RoundPlan("wild", "sft", "student", training_set(store, "sft"), settings=settings)
        status = run_here(store, prepared(store, plan, monkeypatch))
        assert status.state is State.FAILED
        assert "Lower learning_rate" in status.error
        assert not (home / "models" / "wild").exists()


def test_a_setting_that_trl_does_not_know_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(home) as store:
        lost_battles(store, home / "models" / "tiny")
        plan = RoundPlan("typo", "sft", "student", training_set(store, "sft"), settings={"learning_rat": 1})
        assert "did you mean learning_rate" in run_here(store, prepared(store, plan, monkeypatch)).error


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda folder: (folder / "chat_template.jinja").unlink(), "no chat template"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no .safetensors"),
        (lambda folder: (folder / "config.json").unlink(), "not a local model folder"),
    ],
)
def test_a_student_that_cannot_learn_is_refused_before_the_start(
    break_it: object, words: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(home) as store:
        lost_battles(store, home / "models" / "tiny")
        break_it(home / "models" / "tiny")  # type: ignore[operator]
        plan = RoundPlan("x", "sft", "student", training_set(store, "sft"))
        with pytest.raises(BadInput, match=words):
            prepared(store, plan, monkeypatch)
        assert not list((home / "runs").glob("*/plan.json"))


def test_ppo_is_paid_by_a_reward_model_of_the_same_vocabulary_only(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(home) as store:
        lost_battles(store, home / "models" / "tiny")
        judge = RoundPlan(
            "rm", "reward", "student", training_set(store, "reward"), settings=SETTINGS["reward"]
        )
        assert run_here(store, prepared(store, judge, monkeypatch)).state is State.DONE
        name = training_set(store, "ppo")
        paid = RoundPlan("paid", "ppo", "student", name, settings=SETTINGS["ppo"], reward="rm")
        assert run_here(store, prepared(store, paid, monkeypatch)).state is State.DONE
        tokenizer = home / "models" / "rm" / "tokenizer.json"
        data = json.loads(tokenizer.read_text())
        data["model"]["vocab"]["another"] = len(data["model"]["vocab"])
        tokenizer.write_text(json.dumps(data))
        other = RoundPlan("other", "ppo", "student", name, settings=SETTINGS["ppo"], reward="rm")
        assert "another vocabulary" in run_here(store, prepared(store, other, monkeypatch)).error
        assert store.get(Contender, "other") is None


def test_a_disk_too_full_for_checkpoints_is_said_before_the_start(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(home) as store:
        lost_battles(store, home / "models" / "tiny")
        plan = RoundPlan("x", "sft", "student", training_set(store, "sft"))
        full = shutil.disk_usage(home)._replace(free=2**20)
        monkeypatch.setattr("arena.flywheel.train.shutil.disk_usage", lambda path: full)
        monkeypatch.setattr(Store, "_require_space", lambda self: None)
        with pytest.raises(BadInput, match="free some space"):
            prepared(store, plan, monkeypatch)


def test_no_lost_battle_above_k_is_a_clear_sentence(home: Path) -> None:
    with Store.open(home) as store:
        lost_battles(store, home / "models" / "tiny")
        with pytest.raises(BadInput, match=r"8 gap below K.*Lower K"):
            training_set(store, "sft", k=5.5)


def test_lessons_kept_aside_report_a_loss_of_their_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(home) as store:
        lost_battles(store, home / "models" / "tiny")
        settings: dict[str, Json] = {"max_steps": 10, "learning_rate": 3e-3, "per_device_train_batch_size": 2}
        plan = RoundPlan("seen", "sft", "student", training_set(store, "sft"), settings=settings, aside=0.25)
        job = prepared(store, plan, monkeypatch)
        assert run_here(store, job).state is State.DONE
        aside = [(m["step"], float(str(m["eval_loss"]))) for m in jobs.metrics(job) if "eval_loss" in m]
        assert [step for step, _ in aside] == list(range(11))
        assert aside[-1][1] < aside[0][1]
        for stage, share, words in (("sft", 0.6, "0 to 0.5"), ("ppo", 0.1, "0 for PPO")):
            other = RoundPlan("x", stage, "student", training_set(store, stage), aside=share)
            with pytest.raises(BadInput, match=words):
                prepared(store, other, monkeypatch)
