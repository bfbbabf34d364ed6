"""What a training will cost is told before it starts, near what such trainings took."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arena.flywheel.offers import count_weights, estimate
from arena.records import BadInput


@pytest.mark.parametrize(
    ("stage", "rows", "took"), [("sft", 56, 65), ("sft", 56, 93), ("dpo", 182, 387), ("dpo", 182, 428)]
)
def test_time_is_told_within_a_factor_of_two(tmp_path: Path, stage: str, rows: int, took: float) -> None:
    """Against the runtimes of `python -m benchmarks.flywheel` on the 135M student, two runs each."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [134_515, 1000], "data_offsets": [0, 0]}}).encode()
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    told = estimate(tmp_path, stage, rows, characters=99, epochs=1, lora=False)
    assert took / 2 <= told.seconds <= took * 2
    assert 2 < told.gigabytes < 5


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs", b"\x04" + bytes(7) + b"nullnull"])
def test_a_broken_weights_file_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(content)
    with pytest.raises(BadInput, match=r"model\.safetensors is no whole safetensors file"):
        count_weights(file)
