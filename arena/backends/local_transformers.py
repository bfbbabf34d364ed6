"""A model folder (or hub id) in this process through transformers: batched generation on CPU or GPU.

Prompts are sorted by length within a window, padded on the left and decoded together; a finished row leaves
its batch, so that one long answer doesn't hold the others' place. Schemas are not enforced here.
Options, all optional:
    batch_size     answers made together, 16
    dtype          "bfloat16" (default), "float32", "float16" or "auto" (as saved)
    threads        CPU threads, 1 on up to 2 cores, else half of them
    device         "cpu", "cuda", "cuda:1", ...; default the GPU if there is one
    chat_template  Jinja template to use instead of the tokenizer's
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from arena.backends import Completion, Message, Prompt
from arena.backends.options import Options
from arena.backends.sampling import Drawer
from arena.records import BackendError, BadInput, Contender, Outcome

WINDOW = 8
"""Batches whose prompts are sorted together."""
DTYPES = ("bfloat16", "float32", "float16", "auto")
TAIL = 24
"""Tokens looked at for a stop string that has just ended."""


@dataclass
class _Row:
    """One answer in the making."""

    prompt: Prompt
    tokens: list[int]
    """Of the prompt."""
    most: int
    """New tokens, so that the context suffices."""
    drawer: Drawer
    made: list[int]
    logprobs: dict[str, float]
    finish: str = ""


class TransformersChat:
    """A model and its tokenizer, loaded."""

    def __init__(self, contender: Contender) -> None:
        options = Options(contender)
        self._name = contender.name
        self._batch = max(1, options.whole("batch_size", 16))
        dtype = options.text("dtype", "bfloat16")
        if dtype not in DTYPES:
            raise BadInput(f"Contender {self._name!r}: dtype {dtype!r} is none of {', '.join(DTYPES)}.")
        source = _source(contender)
        import torch

        cores = len(os.sched_getaffinity(0))
        torch.set_num_threads(max(1, options.whole("threads", 1 if cores <= 2 else cores // 2)))
        self._device = options.text("device") or ("cuda" if torch.cuda.is_available() else "cpu")
        self._model, self._tokenizer = _load(contender.name, source, dtype, self._device)
        if template := options.text("chat_template"):
            self._tokenizer.chat_template = template
        if not self._tokenizer.chat_template:
            raise BackendError(
                f"{self._name}: {source} has no chat template, so it is no chat model; choose an instruct "
                "model or give the option `chat_template`."
            )
        self._context = int(getattr(self._model.config, "max_position_embeddings", 0) or 1 << 30)
        ends = self._model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [ends]
        self._ends = {int(e) for e in [*ends, self._tokenizer.eos_token_id] if e is not None}
        self._pad = self._tokenizer.pad_token_id or 0

    def complete(self, prompts: Iterable[Prompt]) -> Iterator[Completion]:
        source = iter(prompts)
        while window := list(islice(source, WINDOW * self._batch)):
            rows = []
            for prompt in window:
                row = self._row(prompt)
                if isinstance(row, Completion):
                    yield row
                else:
                    rows.append(row)
            rows.sort(key=lambda row: (len(row.tokens), row.most), reverse=True)
            for start in range(0, len(rows), self._batch):
                yield from self._generate(rows[start : start + self._batch])

    def stream(self, prompt: Prompt) -> Iterator[str]:
        row = self._row(prompt)
        if isinstance(row, Completion):
            raise BackendError(f"{self._name}: {row.error}")
        said = ""
        for _ in self._steps([row]):
            text = self._text(row)
            # A character may still lack bytes, and a stop string may have begun.
            held = max((len(stop) for stop in prompt.sampling.stop), default=0)
            safe = text if row.finish else text[: len(text) - held] if held else text.rstrip("\ufffd")
            if safe.startswith(said) and len(safe) > len(said):
                yield safe[len(said) :]
                said = safe

    def close(self) -> None:
        if not hasattr(self, "_model"):
            return
        import gc

        import torch

        del self._model
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def __enter__(self) -> TransformersChat:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _row(self, prompt: Prompt) -> _Row | Completion:
        """The prompt as tokens, or why it can't be answered."""
        try:
            text = self._tokenizer.apply_chat_template(
                [_plain(m) for m in prompt.messages], tokenize=False, add_generation_prompt=True
            )
        except _template_errors() as error:
            return Completion(
                prompt.key, "", Outcome.FAILED, error=f"the chat template refuses these messages: {error}"
            )
        tokens = self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        room = self._context - len(tokens)
        if room < 1:
            return Completion(
                prompt.key,
                "",
                Outcome.CONTEXT_OVERFLOW,
                tokens_in=len(tokens),
                error=f"the prompt has {len(tokens)} tokens, the model's context {self._context}",
            )
        drawer = Drawer.of(prompt, self._device)
        return _Row(prompt, tokens, max(1, min(room, prompt.sampling.max_tokens)), drawer, [], {})

    def _generate(self, rows: list[_Row]) -> Iterator[Completion]:
        began = time.perf_counter()
        for ended in self._steps(rows):
            seconds = time.perf_counter() - began
            for row in ended:
                yield self._completion(row, seconds)

    def _steps(self, rows: list[_Row]) -> Iterator[list[_Row]]:
        """One token for every row a step; yields the rows that ended with it."""
        import torch
        from transformers import DynamicCache

        longest = max(len(row.tokens) for row in rows)
        padded = [[self._pad] * (longest - len(row.tokens)) + row.tokens for row in rows]
        mask = torch.tensor(
            [[0] * (longest - len(row.tokens)) + [1] * len(row.tokens) for row in rows], device=self._device
        )
        ids = torch.tensor(padded, device=self._device)
        places = (mask.cumsum(-1) - 1).clamp(min=0)
        cache = DynamicCache(config=self._model.config)
        active = list(rows)
        while active:
            with torch.inference_mode():
                logits = (
                    self._model(
                        input_ids=ids,
                        attention_mask=mask,
                        position_ids=places,
                        past_key_values=cache,
                        use_cache=True,
                        logits_to_keep=1,
                    )
                    .logits[:, -1]
                    .float()
                )
                drawn = [self._draw(row, logits[n]) for n, row in enumerate(active)]
            going = [n for n, row in enumerate(active) if not row.finish]
            yield [row for row in active if row.finish]
            if len(going) < len(active):
                active = [active[n] for n in going]
                if not active:
                    return
                kept = torch.tensor(going, device=self._device)
                cache.batch_select_indices(kept)
                mask, places = mask[kept], places[kept]
            ids = torch.tensor([[drawn[n]] for n in going], device=self._device)
            mask = torch.cat([mask, mask.new_ones(len(going), 1)], dim=1)
            places = places[:, -1:] + 1

    def _draw(self, row: _Row, logits: Any) -> int:
        """The row's next token; notes its alternatives the first time and how the answer ends."""
        if row.prompt.logprobs and not row.made:
            values, ids = logits.log_softmax(-1).topk(row.prompt.logprobs)
            row.logprobs = {
                self._tokenizer.decode([i]): v for i, v in zip(ids.tolist(), values.tolist(), strict=True)
            }
        token = row.drawer.draw(logits)
        row.made.append(token)
        if token in self._ends or self._stopped(row):
            row.finish = "stop"
        elif len(row.made) >= row.most:
            row.finish = "length"
        return token

    def _stopped(self, row: _Row) -> bool:
        stops = row.prompt.sampling.stop
        if not stops:
            return False
        tail = self._tokenizer.decode(row.made[-max(TAIL, *(len(s) for s in stops)) :])
        return any(stop in tail for stop in stops)

    def _text(self, row: _Row) -> str:
        made = row.made[:-1] if row.made and row.made[-1] in self._ends else row.made
        text = str(self._tokenizer.decode(made, skip_special_tokens=True))
        for stop in row.prompt.sampling.stop:
            text = text.split(stop, 1)[0]
        return text

    def _completion(self, row: _Row, seconds: float) -> Completion:
        text = self._text(row)
        outcome = Outcome.TRUNCATED if row.finish == "length" else Outcome.OK
        return Completion(
            row.prompt.key,
            text,
            outcome if text.strip() else Outcome.EMPTY,
            finish_reason=row.finish,
            tokens_in=len(row.tokens),
            tokens_out=len(row.made),
            seconds=seconds,
            error="" if text.strip() else "the answer is empty",
            logprobs=row.logprobs,
        )


def _plain(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": message.content}


def _template_errors() -> tuple[type[Exception], ...]:
    from jinja2 import TemplateError

    return (TemplateError,)


def _source(contender: Contender) -> str:
    """The model's folder, or the hub id where it is plainly no path.

    Raises:
        BackendError: a folder that is not there or holds no model.
    """
    folder = Path(contender.location).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise BackendError(
                f"{contender.name}: {folder} holds no config.json, so it is no model folder. Name the folder "
                "that a training or a download has saved."
            )
        return str(folder)
    if contender.location.count("/") == 1 and not contender.location.startswith(("/", ".", "~")):
        return contender.location
    raise BackendError(
        f"{contender.name}: there is no model folder {contender.location!r}. Name an existing one, a hub id "
        "(ORGANISATION/MODEL), or fetch the embedded models with `python -m arena models fetch`."
    )


def _load(name: str, source: str, dtype: str, device: str) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype).to(device).eval()
    except (OSError, ValueError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        advice = (
            "Its files may be broken; copy or train it again."
            if Path(source).is_dir()
            else "If this machine does not reach a model hub, name a local folder instead."
        )
        raise BackendError(f"{name}: {source} could not be loaded: {first} {advice}") from error
    return model, tokenizer


def open_chat(contender: Contender) -> TransformersChat:
    return TransformersChat(contender)
