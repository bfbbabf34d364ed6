"""What every backend promises, on every backend that runs on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from arena.backends import BACKENDS, Chat, Completion, Message, Prompt, open_chat
from arena.records import BadInput, Contender, Outcome, Sampling
from tests.fake_server import FakeServer
from tests.tiny_model import make_tiny_model

SMOLLM2 = Path(__file__).parents[2] / ".arena/models/smollm2-135m/model.gguf"
USABLE = {Outcome.OK, Outcome.TRUNCATED, Outcome.EMPTY}


def scripted(stack: ExitStack, folder: Path) -> Contender:
    return Contender("scripted", "scripted")


def openai_server(stack: ExitStack, folder: Path) -> Contender:
    server = stack.enter_context(FakeServer())
    return Contender("served", "openai_server", server.url, model="fake")


def local_transformers(stack: ExitStack, folder: Path) -> Contender:
    make_tiny_model(folder / "tiny", seed=1)
    return Contender("tiny", "local_transformers", str(folder / "tiny"), options={"batch_size": 4})


def llama_cpp(stack: ExitStack, folder: Path) -> Contender:
    if not SMOLLM2.is_file():
        pytest.skip("the embedded student is not here: python -m arena models fetch smollm2-135m")
    options = {"threads": 1, "parallel": 2, "n_ctx": 512, "log": str(folder / "llama.log")}
    return Contender("gguf", "llama_cpp", str(SMOLLM2), options=options)


SPEAKING: tuple[Callable[[ExitStack, Path], Contender], ...] = (
    scripted,
    openai_server,
    local_transformers,
    pytest.param(llama_cpp, marks=pytest.mark.models),  # type: ignore[assignment]  # pytest's own wrapper
)


@pytest.fixture(scope="module", params=SPEAKING)
def chat(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    with ExitStack() as stack:
        contender = request.param(stack, tmp_path_factory.mktemp("backend"))
        yield stack.enter_context(open_chat(contender))


def ask(key: str, text: str = "Say a word.", **sampling: object) -> Prompt:
    facts = {"temperature": 0.7, "max_tokens": 8, **sampling}
    return Prompt(key, (Message("user", text),), Sampling(**facts))  # type: ignore[arg-type]  # test shorthand


def test_each_prompt_is_answered_once(chat: Chat) -> None:
    done = list(chat.complete(ask(str(n), "Say a word. " * (n % 5 + 1)) for n in range(21)))
    assert sorted(int(c.key) for c in done) == list(range(21))
    assert {c.outcome for c in done} <= USABLE


def test_an_answer_has_text_and_figures(chat: Chat) -> None:
    (done,) = chat.complete([ask("a")])
    assert done.text or done.outcome is Outcome.EMPTY
    assert done.tokens_in > 0
    assert done.seconds >= 0


def test_no_prompts_give_no_answers(chat: Chat) -> None:
    assert list(chat.complete([])) == []


def test_prompts_are_drawn_lazily(chat: Chat) -> None:
    drawn = 0

    def many() -> Iterator[Prompt]:
        nonlocal drawn
        for n in range(100_000):
            drawn += 1
            yield ask(str(n), max_tokens=1)

    answers: Iterator[Completion] = iter(chat.complete(many()))
    next(answers)
    answers.close()  # type: ignore[attr-defined]  # it is a generator
    assert drawn < 1000


def test_a_chat_goes_on_after_an_abandoned_run(chat: Chat) -> None:
    first = iter(chat.complete(ask(str(n)) for n in range(9)))
    next(first)
    first.close()  # type: ignore[attr-defined]  # it is a generator
    assert [c.key for c in chat.complete([ask("later")])] == ["later"]


def test_a_stream_gives_pieces_of_text(chat: Chat) -> None:
    assert all(isinstance(piece, str) for piece in chat.stream(ask("s")))


@pytest.mark.parametrize("backend", ["local_transformers", "llama_cpp", "vllm_server", "openai_server"])
def test_a_place_that_is_not_there_is_named(backend: str, tmp_path: Path) -> None:
    from arena.records import BackendError

    place = "http://127.0.0.1:9/v1" if backend == "openai_server" else str(tmp_path / "nowhere")
    with pytest.raises(BackendError, match=r"nowhere|127\.0\.0\.1:9|has no vLLM"):
        open_chat(Contender("lost", backend, place))


def test_an_unknown_backend_is_refused_with_the_menu() -> None:
    with pytest.raises(BadInput, match="choose one of local_transformers"):
        open_chat(Contender("x", "telepathy"))


def test_recorded_contenders_say_nothing_new() -> None:
    assert "recorded" in BACKENDS
    with open_chat(Contender("old", "recorded")) as chat:
        (done,) = chat.complete([ask("a")])
    assert done.outcome is Outcome.FAILED
    assert "import answers" in done.error
