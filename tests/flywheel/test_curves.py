"""A curve leaves the arena as CSV, or through programs that may not be there."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from arena.__main__ import main
from arena.records import BadInput
from arena.store import Store
from pages import flywheel_export


def a_run(home: Path) -> str:
    folder = home / "runs" / "train-1"
    folder.mkdir(parents=True)
    plan = {"id": "train-1", "kind": "train", "target": "x:y", "title": "SFT one", "created": 1.0, "lease": True,
            "settings": {}}  # fmt: skip
    (folder / "plan.json").write_text(json.dumps(plan), "utf-8")
    rows = [
        {"at": 1.0, "step": 1, "loss": 3.0},
        {"at": 2.0, "step": 2, "loss": 9.0},
        {"at": 3.0, "step": 2, "loss": 2.0},  # done again after a resume
        {"at": 4.0, "step": 2, "eval_loss": 2.5},
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return "train-1"


def test_a_curve_is_a_csv_with_each_step_once(home: Path, tmp_path: Path) -> None:
    place = tmp_path / "curve.csv"
    assert main(["train", "curve", a_run(home), str(place), "--home", str(home)]) == 0
    assert place.read_text("utf-8").splitlines() == ["step,eval_loss,loss", "1,,3.0", "2,2.5,2.0"]


@pytest.mark.parametrize("form", ["tensorboard", "trackio"])
def test_a_program_that_is_not_there_is_named(
    form: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("trackio", "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, module, None)
    words = ["train", "curve", a_run(home), str(tmp_path / "out"), "--form", form, "--home", str(home)]
    assert main(words) == 2
    assert f"pip install {form}" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_and_a_run_without_figures_are_said(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "curve", a_run(home), str(tmp_path / "none" / "x.csv"), "--home", str(home)]
    assert main(words) == 2
    assert "cannot be written: No such file or directory." in capsys.readouterr().err
    (home / "runs" / "train-1" / "metrics.jsonl").unlink()
    assert main(words) == 2
    assert "SFT one has no figures yet." in capsys.readouterr().err


def test_the_page_hands_a_csv_to_its_button_and_names_what_is_not_installed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run(home)
    with Store.open(home) as store:
        button, said = flywheel_export._export(store, run, "csv")
        assert Path(button.value["path"] if isinstance(button.value, dict) else button.value).is_file()
        assert said == ""
        ended = CompletedProcess(
            [], 2, "", "Loading...\nError: This needs trackio: run `pip install trackio`.\n"
        )
        monkeypatch.setattr("pages.flywheel_export.subprocess.run", lambda *words, **how: ended)
        with pytest.raises(BadInput, match=r"^This needs trackio"):
            flywheel_export._export(store, run, "trackio")
        monkeypatch.setattr(
            "pages.flywheel_export.subprocess.run", lambda *words, **how: CompletedProcess([], 0)
        )
        assert "tensorboard --logdir" in flywheel_export._export(store, run, "tensorboard")[1]
