"""PPO's arithmetic against closed forms and hand-worked tables."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from arena.flywheel.rounds import RoundPlan
from arena.flywheel.stages.ppo_sums import answer_mask, gae, mean, policy_objective, token_rewards, whiten
from arena.jobs import State
from arena.records import BadInput, Contender, Json
from arena.store import Store
from tests.flywheel.rooms import lost_battles, prepared, run_here, training_set


def test_an_answer_lasts_to_its_first_end_token() -> None:
    ended = torch.tensor([[0, 1, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0]]).bool()
    assert answer_mask(ended).tolist() == [[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]]


def test_the_score_falls_on_the_end_token_and_kl_on_every_one() -> None:
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    kl = torch.tensor([[0.5, 1.0, 9.0], [0.0, 0.0, 2.0]])
    rewards = token_rewards(torch.tensor([3.0, -1.0]), kl, mask, 0.1)
    assert rewards.tolist() == [pytest.approx([-0.05, 2.9, 0.0]), pytest.approx([0.0, 0.0, -1.2])]


@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 0.95), (0.9, 1.0), (0.99, 0.0), (1.0, 1.0)])
def test_gae_equals_its_closed_form(gamma: float, lam: float) -> None:
    """A_t = sum over l of (gamma lam)^l (r_{t+l} + gamma V_{t+l+1} - V_{t+l}), V = 0 after the end."""
    torch.manual_seed(3)
    rewards, values = torch.randn(4, 6, dtype=torch.float64), torch.randn(4, 6, dtype=torch.float64)
    lengths = (6, 4, 1, 3)
    mask = torch.tensor([[int(t < n) for t in range(6)] for n in lengths])
    advantages, returns = gae(rewards * mask, values, mask, gamma, lam)
    for row, n in enumerate(lengths):
        r, v = rewards[row, :n].tolist(), [*values[row, :n].tolist(), 0.0]
        for t in range(6):
            deltas = [r[u] + gamma * v[u + 1] - v[u] for u in range(t, n)]
            closed = sum((gamma * lam) ** k * delta for k, delta in enumerate(deltas))
            assert float(advantages[row, t]) == pytest.approx(closed, abs=1e-12)
            assert float(returns[row, t]) == pytest.approx(closed + v[t] if t < n else 0.0, abs=1e-12)


def test_with_gamma_and_lambda_one_the_return_is_the_sum_of_what_follows() -> None:
    rewards = torch.tensor([[1.0, 2.0, 4.0]])
    _, returns = gae(rewards, torch.tensor([[7.0, -3.0, 0.5]]), torch.ones(1, 3), 1.0, 1.0)
    assert returns.tolist() == [pytest.approx([7.0, 6.0, 4.0])]


def test_whitened_advantages_have_mean_0_and_variance_1_on_the_answer_alone() -> None:
    mask = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0]])
    found = whiten(torch.tensor([[1.0, 2.0, 3.0, 99.0], [6.0, 99.0, 99.0, 99.0]]), mask)
    assert float(mean(found, mask)) == pytest.approx(0.0, abs=1e-6)
    assert float(mean(found**2, mask)) == pytest.approx(1.0, abs=1e-5)
    assert found[1, 1:].tolist() == [0.0, 0.0, 0.0]


def test_the_clip_holds_a_ratio_that_gains_too_much() -> None:
    mask = torch.ones(1, 2)
    new = torch.tensor([[math.log(1.5), math.log(0.5)]])
    loss, clipped = policy_objective(new, torch.zeros(1, 2), torch.tensor([[1.0, 1.0]]), mask, 0.2)
    assert float(loss) == pytest.approx(-(1.2 + 0.5) / 2)
    assert float(clipped) == pytest.approx(0.5)


@pytest.mark.filterwarnings("ignore")
def test_the_steps_of_a_short_training_are_kept_where_two_bytes_would_round_them_away(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bfloat16 student's weights lie on a coarse grid, and one step at 1e-6 stays within half of its width."""
    with Store.open(home) as store:
        lost_battles(store, home / "models" / "tiny")
        folder = home / "models" / "tiny"
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(folder)
        before = load_file(folder / "model.safetensors")
        moved = {}
        for kept in ("float32", "student"):
            settings: dict[str, Json] = {
                "max_steps": 1,
                "max_completion_length": 6,
                "missing_eos_penalty": 0.5,
            }
            name, lessons = f"as-{kept}", training_set(store, "ppo")
            plan = RoundPlan(name, "ppo", "student", lessons, settings=settings, store_as=kept)
            assert run_here(store, prepared(store, plan, monkeypatch)).state is State.DONE
            after = load_file(home / "models" / name / "model.safetensors")
            differ = sum(int((after[n].float() != w.float()).sum()) for n, w in before.items())
            moved[kept] = differ / sum(w.numel() for w in before.values())
            made = store.get(Contender, name)
            assert made is not None
            assert made.options["dtype"] == "auto"
        assert moved["float32"] > 0.5
        assert moved["student"] < 0.5 * moved["float32"]
        with pytest.raises(BadInput, match="No dtype 'int8'"):
            prepared(store, dataclasses.replace(plan, name="other", store_as="int8"), monkeypatch)
