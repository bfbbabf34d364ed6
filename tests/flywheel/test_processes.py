"""Two processes under torchrun or accelerate learn what one learns, with the same global batch."""

from __future__ import annotations

import math

import pytest

from benchmarks.training import ACCELERATE, STAGES, processes


@pytest.mark.models  # no embedded model, but three loads of torch
@pytest.mark.timeout(900)
def test_two_processes_give_the_losses_of_one() -> None:
    found = processes()
    assert tuple(found) == STAGES
    for stage, (one, two) in found.items():
        assert len(one) == len(two) == 6, stage
        assert one == pytest.approx(two, abs=1e-3), stage
        assert abs(one[-1] - one[0]) > 0.05, stage  # it learnt something to compare
    assert found["dpo"][1][0] == pytest.approx(math.log(2), abs=1e-6)


@pytest.mark.models
@pytest.mark.timeout(900)
def test_accelerate_starts_two_processes_as_well() -> None:
    one, two = processes(("sft",), launcher=ACCELERATE)["sft"]
    assert one == pytest.approx(two, abs=1e-3)
    assert one != two  # of two batches of two, added up in another order
