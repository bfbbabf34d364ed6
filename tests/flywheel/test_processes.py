"""Two processes under torchrun learn what one learns, with the same global batch."""

from __future__ import annotations

import pytest

from benchmarks.training import processes


@pytest.mark.models  # no embedded model, but three loads of torch
@pytest.mark.timeout(900)
def test_two_processes_give_the_losses_of_one() -> None:
    one, two = processes()
    assert len(one) == len(two) == 6
    assert one == pytest.approx(two, abs=1e-3)
    assert abs(one[-1] - one[0]) > 0.05  # it learnt something to compare
