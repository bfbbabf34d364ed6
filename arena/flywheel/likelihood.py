"""The student's own likelihoods, for the strategies that rank by them; computed in a process of its own.

IFD (Li et al. 2024) = perplexity of the answer given the instruction / perplexity of the answer alone: how
little the instruction helps. At 1 or more it does not help at all, and such rows get no figure.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from arena.flywheel.bouts import Bout
from arena.records import ArenaError, BadInput, Contender, content_id
from arena.store import Store


def scores(store: Store, student: str, bouts: Iterable[Bout], strategy: str) -> dict[str, float]:
    """Battle -> figure of the answer that is not the student's; figures are kept under `home/likelihoods`.

    Raises:
        BadInput: no such student, or it is no local folder.
        ArenaError: the process failed; its last line says why.
    """
    contender = store.get(Contender, student)
    if contender is None or not (Path(contender.location) / "config.json").is_file():
        raise BadInput(f"{student!r} is not a local model folder, so its likelihoods cannot be had.")
    rows = [
        {
            "battle": b.battle,
            "instruction": b.turns[-1],
            "answer": (b.answers_b if b.contender_a == student else b.answers_a)[-1],
        }
        for b in bouts
        if student in {b.contender_a, b.contender_b}
    ]
    keep = store.home / "likelihoods"
    keep.mkdir(parents=True, exist_ok=True)
    name = content_id(student, contender.location, [[r["battle"], r["answer"]] for r in rows])
    found, asked = keep / f"{name}.json", keep / f"{name}.ask.json"
    if not found.exists():
        asked.write_text(json.dumps({"folder": contender.location, "rows": rows}), "utf-8")
        command = [sys.executable, "-m", "arena.flywheel.likelihood", str(asked), str(found)]
        root = str(Path(__file__).resolve().parent.parent.parent)
        environment = {**os.environ, "PYTHONPATH": root, "TOKENIZERS_PARALLELISM": "false"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        asked.unlink()
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ArenaError(f"{student} could not read the answers: {last}")
    figures: dict[str, dict[str, float]] = json.loads(found.read_text("utf-8"))
    return {battle: row[strategy] for battle, row in figures.items() if strategy in row}


def measure(folder: str, rows: list[dict[str, str]]) -> dict[str, dict[str, float]]:
    """Battle -> {"perplexity", "ifd"}, by the model in the folder."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.float32).eval()
    most = int(model.config.max_position_embeddings)

    def loss(before: list[int], answer: list[int]) -> float:
        """Mean negative log likelihood of the answer's tokens after these, in nats."""
        ids = torch.tensor([(before + answer)[:most]])
        labels = ids.clone()
        labels[:, : len(before)] = -100
        with torch.inference_mode():
            return float(model(input_ids=ids, labels=labels).loss)

    figures: dict[str, dict[str, float]] = {}
    for row in rows:
        answer = tokenizer(row["answer"], add_special_tokens=False)["input_ids"]
        asked: Any = tokenizer.apply_chat_template(
            [{"role": "user", "content": row["instruction"]}], add_generation_prompt=True, return_dict=True
        )
        if len(answer) < 2 or len(asked["input_ids"]) + 1 >= most:
            continue
        given, alone = loss(list(asked["input_ids"]), answer), loss([], answer)
        figures[row["battle"]] = {"perplexity": math.exp(min(given, 50.0))}
        if given < alone:
            figures[row["battle"]]["ifd"] = math.exp(given - alone)
    return figures


if __name__ == "__main__":
    ask = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    part = Path(sys.argv[2] + ".part")
    part.write_text(json.dumps(measure(ask["folder"], ask["rows"])), "utf-8")
    part.rename(sys.argv[2])
