"""What the training page can offer: students, battles to learn from, training sets, past rounds' curves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from arena import jobs
from arena.flywheel.selection import PAIRED_STAGES, PROMPT_STAGES, Candidate
from arena.records import BadInput, Contender, Round
from arena.run_folder import whole_lines
from arena.store import Store

BYTES_PER_WEIGHT = {"sft": 16, "dpo": 20, "reward": 16, "ppo": 40, "rloo": 20}
"""Weights, gradients and Adam's two moments in float32, and the reference or value model beside them."""
SECONDS_PER_TOKEN_AND_BILLION = 0.11
"""CPU seconds a token and billion weights for a step of SFT: 135M, 32 x 2 examples of 70 tokens, 67 s."""
COST = {"sft": 1.0, "dpo": 3.4, "reward": 2.2, "ppo": 8.0, "rloo": 8.0}
"""Work an example against SFT's, as measured on the 135M model."""
RECORDED = Path(__file__).resolve().parents[2] / "assets" / "recorded" / "curves"
"""A recorded round's metrics, named after it."""


@dataclass(frozen=True)
class Offer:
    students: tuple[str, ...]
    testsets: tuple[tuple[str, int], ...]
    """Name and battles, of those that have battles with stored answers."""
    judges: tuple[str, ...]
    reward_models: tuple[str, ...]


def offer(store: Store) -> Offer:
    """The menus of the page."""
    folders = store.load(Contender, "backend = 'local_transformers'", order="made_at")
    testsets = store.query(
        """SELECT p.testset, count(*) AS battles FROM battle b JOIN pick p ON p.instruction = b.instruction
        WHERE b.response_a <> '' AND b.response_b <> '' GROUP BY p.testset ORDER BY p.testset"""
    )
    judges = store.query("SELECT DISTINCT judge FROM battle WHERE judge <> '' ORDER BY judge")["judge"]
    return Offer(
        tuple(c.name for c in folders if not c.hidden and c.stage != "reward"),
        tuple(testsets.iter_rows()),
        tuple(judges.to_list()),
        tuple(c.name for c in folders if c.stage == "reward"),
    )


@dataclass(frozen=True)
class Estimate:
    """What a round will take on one CPU core, roughly: within a factor of two on a quiet machine."""

    seconds: float
    gigabytes: float
    disk: float
    """GiB of the trainer's checkpoint and the new model."""


def estimate(folder: Path, stage: str, rows: int, characters: float, epochs: float, lora: bool) -> Estimate:
    """Time and memory from the weights' size and the examples' mean length in characters."""
    weights = sum(count_weights(file) for file in folder.glob("*.safetensors"))
    tokens = rows * epochs * (characters / 3.5 + 30)
    seconds = tokens * weights / 1e9 * SECONDS_PER_TOKEN_AND_BILLION * COST[stage]
    per_weight = 6 if lora else BYTES_PER_WEIGHT[stage]
    return Estimate(seconds, 0.8 + weights * per_weight / 2**30, weights * (6 if lora else 14) / 2**30)


MOST_TOKENIZED = 2000
"""Lessons whose tokens the preview counts: about a second."""


def token_lengths(folder: Path, kept: Sequence[Candidate], stage: str) -> list[int]:
    """Tokens of each lesson (instruction and the longer answer; of the prompt alone for PPO and RLOO), sorted; about
    30 more of a chat template come on top. Empty where the folder has no tokenizer.json."""
    file = folder / "tokenizer.json"
    if not file.is_file():
        return []
    asked = [" ".join(c.turns) for c in kept[:MOST_TOKENIZED]]
    prompts = _tokenizer(file).encode_batch_fast(asked, add_special_tokens=False)
    sizes = [len(prompt) for prompt in prompts]
    answers = (
        () if stage in PROMPT_STAGES else (("chosen", "rejected") if stage in PAIRED_STAGES else ("chosen",))
    )
    longest = [0] * len(sizes)
    for side in answers:
        texts = [" ".join(getattr(c, side)) for c in kept[:MOST_TOKENIZED]]
        found = _tokenizer(file).encode_batch_fast(texts, add_special_tokens=False)
        longest = [max(most, len(one)) for most, one in zip(longest, found, strict=True)]
    return sorted(a + b for a, b in zip(sizes, longest, strict=True))


@lru_cache(maxsize=4)
def _tokenizer(file: Path) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(file))


def count_weights(file: Path) -> int:
    """Number of weights a safetensors file announces.

    Raises:
        BadInput: it does not begin as such files do.
    """
    with open(file, "rb") as opened:
        size = int.from_bytes(opened.read(8), "little")
        try:
            header = json.loads(opened.read(size)) if size < file.stat().st_size else None
        except ValueError:
            header = None
    if not isinstance(header, dict):
        raise BadInput(f"{file} is no whole safetensors file; fetch the model again.")
    total = 0
    for name, entry in header.items():
        if name != "__metadata__":
            count = 1
            for size in entry["shape"]:
                count *= size
            total += count
    return total


def curves(store: Store, most: int = 6) -> pl.DataFrame:
    """run, round, step, figure, value of the newest training runs, then of the recorded ones; of a step done
    twice the last counts."""
    trainings = [job for job in jobs.jobs(store.home) if job.kind == "train"]
    runs = [(job.id, _title(job), jobs.metrics(job)) for job in trainings[:most]]
    past = store.load(Round, "recorded", order="made_at DESC")[: most - len(runs)]
    runs += [(p.run, f"{p.name}, recorded", list(whole_lines(RECORDED / f"{p.name}.jsonl"))) for p in past]
    rows = [
        (run, title, step, figure, float(value))
        for run, title, metrics in runs
        for metric in metrics
        if isinstance(step := metric.get("step"), int)
        for figure, value in metric.items()
        if isinstance(value, (int, float)) and figure not in {"step", "at"}
    ]
    schema = {
        "run": pl.String,
        "round": pl.String,
        "step": pl.Int64,
        "figure": pl.String,
        "value": pl.Float64,
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.unique(["run", "step", "figure"], keep="last", maintain_order=True)


def _title(job: jobs.Job) -> str:
    plan = job.settings.get("round")
    return str(plan["name"]) if isinstance(plan, dict) else job.id
