"""A reward model judges: any sequence-classification folder with one output; its logit is the score.

The logit is kept on the 1-10 scale by 5.5 + 4.5 tanh(logit / 4); order is what matters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from arena.battles.judges.chat_bench import Verdict
from arena.battles.judges.game import Game
from arena.battles.judges.plain_bench import PlainBench
from arena.records import BackendError, Contender, Judge


def open_bench(judge: Judge, models: Mapping[str, Contender]) -> PlainBench:
    """The model in this process, on the GPU where there is one.

    Raises:
        BackendError: the folder is not there or holds no sequence classifier.
    """
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    contender = models[judge.contender]
    folder = Path(contender.location)
    if not folder.is_dir():
        raise BackendError(f"{contender.name}: there is no folder {folder}; name a reward model's folder.")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        model = AutoModelForSequenceClassification.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError) as error:
        raise BackendError(f"{contender.name}: {folder} holds no sequence classifier: {error}") from error
    if model.config.num_labels != 1:
        raise BackendError(
            f"{contender.name}: {folder} has {model.config.num_labels} outputs; a reward model has one."
        )
    model = model.to(device).eval()

    def decide(game: Game) -> Verdict:
        messages = []
        for question, answer in zip(game.instruction.turns, game.first.answers, strict=False):
            messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        if tokenizer.chat_template:
            text = tokenizer.apply_chat_template(messages, tokenize=False)
        else:
            text = "\n\n".join(f"{m['role']}: {m['content']}" for m in messages)
        tokens = tokenizer(text, return_tensors="pt", truncation=True, add_special_tokens=False).to(device)
        with torch.inference_mode():
            logit = float(model(**tokens).logits[0, 0])
        return Verdict(5.5 + 4.5 * math.tanh(logit / 4), None, f"reward {logit:+.3f}")

    return PlainBench(judge, decide)
