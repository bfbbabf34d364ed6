"""What the form of a training becomes."""

from __future__ import annotations

import pytest

from arena.records import BadInput
from pages.flywheel_training import round_settings


def test_the_form_becomes_changes_to_a_preset() -> None:
    assert round_settings("small", 2, None, "weight_decay: 1e-2\nwarmup_steps: 3") == {
        "weight_decay": 0.01,
        "warmup_steps": 3,
        "num_train_epochs": 2,
    }
    assert round_settings("small", None, 1e-5, "") == {"learning_rate": 1e-5}


@pytest.mark.parametrize("words", ["just words", "a: [1", "- 1"])
def test_further_settings_that_are_none_are_refused(words: str) -> None:
    with pytest.raises(BadInput, match="further settings"):
        round_settings("small", None, None, words)
