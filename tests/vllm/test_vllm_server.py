"""vLLM serves the embedded student for real, where its environment is installed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from arena.backends import Chat, Message, Prompt, managed, open_chat
from arena.backends.vllm_server import version
from arena.battles import fight
from arena.battles.fight import FightSettings
from arena.battles.judges.prompt import make_judge
from arena.jobs import State
from arena.records import (
    BackendError,
    Battle,
    Contender,
    Instruction,
    Judgement,
    Outcome,
    Pick,
    Sampling,
    TestSet,
)
from arena.store import Store
from tests.battles.conftest import finish

ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("WIZARDARENA_VLLM_PYTHON") or str(ROOT / ".venv-vllm/bin/python")
STUDENT = ROOT / ".arena/models/smollm2-135m"
VERDICT = {
    "type": "object",
    "properties": {"score": {"type": "integer", "enum": [1, 2, 3]}},
    "required": ["score"],
    "additionalProperties": False,
}

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not Path(PYTHON).exists(), reason="no vLLM here: run `make test-vllm`"),
    pytest.mark.skipif(
        not STUDENT.is_dir(), reason="no student: run `python -m arena models fetch smollm2-135m`"
    ),
]


def contender(log: Path, **flags: object) -> Contender:
    shape = {"max-model-len": 1024, "max-num-seqs": 16, **flags}
    options = {"python": PYTHON, "flags": shape, "log": str(log), "wait": 540}
    return Contender("student", "vllm_server", str(STUDENT), options=options)  # type: ignore[arg-type]  # plain JSON


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    with open_chat(contender(tmp_path_factory.mktemp("vllm") / "server.log")) as opened:
        yield opened


def ask(key: str, text: str, tokens: int = 24, **facts: object) -> Prompt:
    return Prompt(key, (Message("user", text),), Sampling(0.0, max_tokens=tokens), **facts)  # type: ignore[arg-type]


def test_it_names_its_version() -> None:
    assert version(PYTHON).startswith("vllm")


def test_it_answers_many_at_once(chat: Chat) -> None:
    done = list(chat.complete(ask(str(n), f"Say the number {n}.") for n in range(12)))
    assert sorted(int(c.key) for c in done) == list(range(12))
    assert {c.outcome for c in done} <= {Outcome.OK, Outcome.TRUNCATED}
    assert all(c.tokens_out for c in done)


def test_it_judges_in_the_schema(chat: Chat) -> None:
    (done,) = chat.complete([ask("a", "Score this answer from 1 to 3: Paris.", schema=VERDICT)])
    assert json.loads(done.text)["score"] in {1, 2, 3}


def test_it_reports_probabilities(chat: Chat) -> None:
    (done,) = chat.complete([ask("a", "Is Paris in France? Yes or No?", 1, logprobs=5)])
    assert len(done.logprobs) >= 5


def test_too_long_a_prompt_is_an_overflow(chat: Chat) -> None:
    (done,) = chat.complete([ask("a", "word " * 3000)])
    assert done.outcome is Outcome.CONTEXT_OVERFLOW


def test_it_streams(chat: Chat) -> None:
    assert "".join(chat.stream(ask("s", "What is the capital of France?"))).strip()


def test_a_battle_is_answered_and_judged_in_the_schema(
    chat: Chat, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (running,) = managed._running.values()
    monkeypatch.setenv("WIZARDARENA_TEST_KEY", running.key)
    served = Contender("a", "openai_server", running.url, "student", "WIZARDARENA_TEST_KEY")
    short = replace(served, sampling=Sampling(0.0, max_tokens=24))
    players = [replace(short, system_prompt="Be brief."), replace(short, name="b", system_prompt="Be kind.")]
    asked = [Instruction.of("What is the capital of France?"), Instruction.of("Name a colour.")]
    with Store.open(home) as store:
        store.save([*asked, TestSet("t", "uploaded"), *(Pick("t", i.id, n) for n, i in enumerate(asked))])
        store.save([*players, replace(served, name="referee")])
        store.save([make_judge("j", "scores", "referee")])
        status = finish(store, fight.launch(store, FightSettings("t", ("a", "b"), "j")), 400)
        assert status.state is State.DONE, status.error
        games = store.load(Judgement)
        assert {game.outcome for game in games} == {Outcome.OK}, [game.raw for game in games]
        assert len(games) == 4
        assert store.count(Battle) == 2


def test_a_flag_it_does_not_know_fails_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="no-such-flag"):
        open_chat(contender(tmp_path / "log", **{"no-such-flag": "1"}))
