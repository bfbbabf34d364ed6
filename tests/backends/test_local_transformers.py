"""Batches give each prompt the answer it would get alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from arena.backends import Message, Prompt, open_chat
from arena.backends.local_transformers import TransformersChat
from arena.records import BackendError, BadInput, Contender, Outcome, Sampling
from tests.tiny_model import make_tiny_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"), seed=3, context=128)


@pytest.fixture(scope="module")
def chat(tiny: Path) -> Iterator[TransformersChat]:
    with TransformersChat(
        Contender("t", "local_transformers", str(tiny), options={"batch_size": 8, "dtype": "float32"})
    ) as opened:
        yield opened


def ask(key: str, text: str, sampling: Sampling, logprobs: int = 0) -> Prompt:
    return Prompt(key, (Message("system", "Be brief."), Message("user", text)), sampling, None, logprobs)


PROMPTS = [
    ask(str(n), "word " * (3 * n), Sampling(1.0 if n % 2 else 0.0, 0.8 + 0.05 * (n % 5), 4 + 2 * n))
    for n in range(10)
]


def test_a_batch_changes_no_answer(chat: TransformersChat) -> None:
    together = {c.key: c.text for c in chat.complete(PROMPTS)}
    alone = {c.key: c.text for prompt in PROMPTS for c in chat.complete([prompt])}
    assert together == alone


def test_greedy_agrees_with_transformers_own_generate(chat: TransformersChat, tiny: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(tiny), AutoModelForCausalLM.from_pretrained(tiny)
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "the sea"}]
    ids = tokenizer.apply_chat_template(
        said, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    whole = model.generate(**ids, max_new_tokens=20, do_sample=False)[0, ids["input_ids"].shape[1] :]
    (done,) = chat.complete([ask("a", "the sea", Sampling(0.0, max_tokens=20))])
    assert done.text == tokenizer.decode(whole, skip_special_tokens=True)
    assert done.tokens_in == ids["input_ids"].shape[1]


def test_a_seed_repeats_an_answer_and_another_seed_does_not(chat: TransformersChat) -> None:
    def said(seed: int | None) -> str:
        (done,) = chat.complete([ask("a", "the stars", Sampling(1.0, 1.0, 20, seed))])
        return done.text

    assert said(1) == said(1)
    assert said(1) != said(2)
    assert said(None) != said(None)


def test_an_answer_ends_before_its_stop_string(chat: TransformersChat) -> None:
    sampling = Sampling(0.0, max_tokens=30)
    (whole,) = chat.complete([ask("a", "hello", sampling)])
    stop = whole.text[8:10]
    (done,) = chat.complete([ask("a", "hello", Sampling(0.0, max_tokens=30, stop=(stop,)))])
    assert done.text == whole.text.split(stop, 1)[0]
    assert done.finish_reason == "stop"
    assert done.tokens_out < whole.tokens_out


def test_length_makes_an_answer_truncated(chat: TransformersChat) -> None:
    (done,) = chat.complete([ask("a", "the stars", Sampling(1.0, 1.0, 16, seed=1))])
    assert (done.outcome, done.finish_reason, done.tokens_out) == (Outcome.TRUNCATED, "length", 16)


def test_a_prompt_beyond_the_context_is_an_overflow(chat: TransformersChat) -> None:
    done = {c.key: c for c in chat.complete([ask("a", "word " * 200, Sampling()), *PROMPTS[:2]])}
    assert done["a"].outcome is Outcome.CONTEXT_OVERFLOW
    assert len(done) == 3


def test_the_context_bounds_the_answer(chat: TransformersChat) -> None:
    (done,) = chat.complete([ask("a", "word " * 30, Sampling(0.0, max_tokens=500))])
    assert done.tokens_in + done.tokens_out <= 128


def test_first_token_probabilities_come_back(chat: TransformersChat) -> None:
    (done,) = chat.complete([ask("a", "hello", Sampling(0.0, max_tokens=1), logprobs=5)])
    assert len(done.logprobs) >= 4
    assert all(value <= 0 for value in done.logprobs.values())


def test_a_stream_adds_up_to_the_answer(chat: TransformersChat) -> None:
    prompt = ask("a", "hello", Sampling(0.0, max_tokens=20))
    (done,) = chat.complete([prompt])
    assert "".join(chat.stream(prompt)) == done.text


def test_a_model_without_a_chat_template_is_refused(tiny: Path, tmp_path: Path) -> None:
    import shutil

    bare = tmp_path / "bare"
    shutil.copytree(tiny, bare)
    (bare / "chat_template.jinja").unlink()
    with pytest.raises(BackendError, match="no chat template"):
        open_chat(Contender("x", "local_transformers", str(bare)))


def test_a_broken_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BackendError, match="could not be loaded"):
        open_chat(Contender("x", "local_transformers", str(tmp_path)))


def test_a_hub_that_is_not_reached_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BackendError, match="name a local folder instead"):
        open_chat(Contender("x", "local_transformers", "nobody/no-such-model"))


def test_a_wrong_dtype_is_refused(tiny: Path) -> None:
    with pytest.raises(BadInput, match="dtype"):
        open_chat(Contender("x", "local_transformers", str(tiny), options={"dtype": "int3"}))
