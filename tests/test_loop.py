"""The whole Arena Learning loop: on a tiny model and rules in seconds, once on the real embedded models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from arena import loop
from arena.backends import embedded
from arena.records import Battle, Contender, Judgement, Response, Round, Sampling, Winner
from arena.store import Store
from tests.tiny_model import make_tiny_model

ROOT = Path(__file__).resolve().parent.parent


def scripted_arena(store: Store, folder: Path) -> loop.Loop:
    """A trainable student of a few thousand weights, two teachers made of rules, and a rule as judge."""
    sampling = Sampling(max_tokens=8)
    store.save(
        [
            Contender("tiny", "local_transformers", str(make_tiny_model(folder, seed=1)), sampling=sampling),
            Contender("good", "scripted", options={"quality": 8, "spread": 1}, sampling=sampling),
            Contender("fair", "scripted", options={"quality": 5, "spread": 1}, sampling=sampling),
            Contender("rule", "scripted", options={"judge": True}),
        ]
    )
    return loop.Loop("short", "demo", "tiny", ("good", "fair"), "rule", test=4, lessons=6, sampling=None)


def test_the_whole_loop_runs_and_a_second_time_calls_no_model(home: Path, tmp_path: Path) -> None:
    with Store.open(home) as store:
        settings = scripted_arena(store, tmp_path / "tiny")
        first = loop.run(store, settings)
        assert first.lessons > 0
        assert first.new_calls > 0
        checkpoint = store.get(Contender, first.checkpoint)
        assert checkpoint is not None
        assert (checkpoint.parent, checkpoint.stage, checkpoint.iteration) == ("tiny", "sft", 1)
        assert store.count(Round) == 1
        against_parent = store.load(
            Battle, "contender_a IN (?, ?) AND contender_b IN (?, ?)", [first.checkpoint, "tiny"] * 2
        )
        assert len(against_parent) == 4
        assert first.checkpoint in first.board
        games = store.count(Judgement)
        again = loop.run(store, settings)
        assert again.new_calls == 0
        assert store.count(Judgement) == games


@pytest.mark.models
@pytest.mark.timeout(2400)
def test_the_whole_loop_runs_on_the_real_embedded_models(tmp_path: Path) -> None:
    models = Path(os.environ.get("ARENA_HOME", ROOT / ".arena")).resolve() / "models"
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").mkdir()
    for name in embedded.EMBEDDED:
        assert embedded.is_ready(models.parent, name), (
            f"{name} is missing: run `python -m arena models fetch`"
        )
        (home / "models" / name).symlink_to(models / name)
    words = [
        sys.executable,
        "-m",
        "arena",
        "loop",
        "--home",
        str(home),
        "--json",
        "--test",
        "2",
        "--lessons",
        "3",
        "--k",
        "0.1",
    ]
    told = []
    for _ in range(2):
        done = subprocess.run(
            [*words, "--teachers", embedded.JUDGE], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        told.append(json.loads(done.stdout))
    first, second = told
    assert first["lessons"] >= 1
    assert first["last_loss"] < first["first_loss"]
    assert second["new_calls"] == 0
    with Store.open(home) as store:
        answers = store.load(Response, "contender = ?", [embedded.STUDENT])
        assert all(answer.tokens_out > 0 and answer.seconds > 0 for answer in answers)
        assert {b.winner for b in store.load(Battle)} <= {Winner.A, Winner.B, Winner.TIE}
        both_orders = store.query("SELECT count(*), count(DISTINCT first || second) FROM judgement").row(0)
        assert both_orders[0] == both_orders[1] >= 12
