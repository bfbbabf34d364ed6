"""Calls to servers end done or typed, whatever the server does."""

from __future__ import annotations

import time
from collections import Counter
from random import Random
from threading import Lock

import pytest

from arena.backends import Message, Prompt, open_chat
from arena.records import BackendError, BadInput, Contender, Outcome, Sampling, Settings
from tests.fake_server import Behave, FakeServer, Reply, Request, answer, echo, pieces, refusal

QUICK = {"backoff": 0.01, "timeout": 2.0}


def ask(key: str, text: str = "hello", **facts: object) -> Prompt:
    return Prompt(key, (Message("user", text),), Sampling(), **facts)  # type: ignore[arg-type]  # shorthand


def contender(*servers: FakeServer, **options: object) -> Contender:
    urls = " ".join(server.url for server in servers)
    return Contender("x", "openai_server", urls, model="m", options={**QUICK, **options})  # type: ignore[dict-item]


def outcome_of(reply: Reply | Behave) -> tuple[Outcome, str, int]:
    """Outcome, text or error, requests made."""
    behave = reply if callable(reply) else lambda request: reply
    with FakeServer(behave) as server, open_chat(contender(server, max_retries=4)) as chat:
        (done,) = chat.complete([ask("a")])
        return done.outcome, done.text or done.error, len(server.requests)


@pytest.mark.parametrize(
    ("reply", "outcome", "requests"),
    [
        (answer("yes"), Outcome.OK, 1),
        (answer("yes", finish="length"), Outcome.TRUNCATED, 1),
        (answer("  "), Outcome.EMPTY, 1),
        (answer("", finish="content_filter"), Outcome.REFUSED, 1),
        (refusal(400, "This model's maximum context length is 4096 tokens"), Outcome.CONTEXT_OVERFLOW, 1),
        (refusal(400, "exceeds the available context size"), Outcome.CONTEXT_OVERFLOW, 1),
        (refusal(400, "filtered", code="content_filter"), Outcome.REFUSED, 1),
        (refusal(400, "messages must alternate"), Outcome.FAILED, 1),
        (refusal(500, "broken for good"), Outcome.FAILED, 5),
        (refusal(429, "slow down"), Outcome.FAILED, 5),
        (Reply(body=b"<html>"), Outcome.FAILED, 5),
        (Reply(body=b'{"choices": []}'), Outcome.FAILED, 5),
        (Reply(drop=True), Outcome.FAILED, 5),
    ],
)
def test_each_reply_has_its_outcome_after_bounded_tries(
    reply: Reply, outcome: Outcome, requests: int
) -> None:
    ended, _, made = outcome_of(reply)
    assert ended is outcome
    # A dropped keep-alive connection is tried once more inside the HTTP library.
    assert requests <= made <= 2 * requests


def test_a_server_that_never_answers_fails_after_three_timeouts() -> None:
    with FakeServer(lambda r: Reply(hang=True)) as server:
        with open_chat(contender(server, timeout=0.2)) as chat:
            (done,) = chat.complete([ask("a")])
        assert done.outcome is Outcome.FAILED
        assert "no answer within 0.2 s" in done.error
        assert len(server.requests) == 3


def test_retry_after_is_honoured() -> None:
    times: list[float] = []

    def behave(request: Request) -> Reply:
        times.append(time.monotonic())
        return refusal(429, "later", (("Retry-After", "0.5"),)) if len(times) == 1 else echo(request)

    assert outcome_of(behave)[0] is Outcome.OK
    assert times[1] - times[0] >= 0.5


@pytest.mark.parametrize("status", [401, 404])
def test_a_wrong_key_or_model_stops_the_run(status: int) -> None:
    with (
        FakeServer(lambda r: refusal(status, "no")) as server,
        open_chat(contender(server)) as chat,
        pytest.raises(BackendError, match=f"HTTP {status}"),
    ):
        list(chat.complete(ask(str(n)) for n in range(100)))


def test_a_refused_schema_is_left_out_from_then_on() -> None:
    def behave(request: Request) -> Reply:
        if "response_format" in request:
            return refusal(400, "response_format is not supported")
        return echo(request)

    schema: Settings = {"type": "object"}
    with FakeServer(behave) as server, open_chat(contender(server, max_in_flight=1)) as chat:
        done = list(chat.complete(ask(str(n), schema=schema) for n in range(3)))
        assert [c.outcome for c in done] == [Outcome.OK] * 3
        assert ["response_format" in r for r in server.requests] == [True, False, False, False]


def test_max_tokens_is_renamed_for_servers_that_want_it() -> None:
    def behave(request: Request) -> Reply:
        if "max_tokens" in request:
            return refusal(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return answer(str(request["max_completion_tokens"]))

    assert outcome_of(behave)[:2] == (Outcome.OK, "512")


def test_schema_sampling_and_extra_fields_reach_the_server() -> None:
    with FakeServer() as server:
        with open_chat(contender(server, extra_body={"top_k": 5})) as chat:
            sampling = Sampling(0.3, 0.9, 44, 7, ("END",))
            prompt = Prompt(
                "a", (Message("system", "s"), Message("user", "u")), sampling, {"type": "object"}, 4
            )
            list(chat.complete([prompt]))
        (sent,) = server.requests
    assert sent == {
        "model": "m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "temperature": 0.3,
        "top_p": 0.9,
        "max_tokens": 44,
        "seed": 7,
        "stop": ["END"],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
        },
        "logprobs": True,
        "top_logprobs": 4,
        "top_k": 5,
    }


def test_logprobs_and_tokens_come_back() -> None:
    top = [{"token": "A", "logprob": -0.1}, {"token": "B", "logprob": -2.0}]
    reply = answer("A", logprobs={"content": [{"token": "A", "top_logprobs": top}]})
    with FakeServer(lambda r: reply) as server, open_chat(contender(server)) as chat:
        (done,) = chat.complete([ask("a", logprobs=2)])
    assert done.logprobs == {"A": -0.1, "B": -2.0}
    assert (done.tokens_in, done.tokens_out) == (7, 3)


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "opensesame")
    with FakeServer() as server:
        with open_chat(Contender("x", "openai_server", server.url, key_env="SOME_KEY")) as chat:
            list(chat.complete([ask("a")]))
        assert server.authorization == "Bearer opensesame"
        assert server.requests[0]["model"] == "fake"  # asked from the server, since none was named


def test_replicas_share_the_work_and_one_may_be_down() -> None:
    with FakeServer() as first, FakeServer() as second:
        dead = "http://127.0.0.1:9/v1"
        many = Contender("x", "openai_server", f"{first.url} {dead} {second.url}", "m", options=QUICK)
        with open_chat(many) as chat:
            done = list(chat.complete(ask(str(n)) for n in range(300)))
        assert Counter(c.outcome for c in done) == {Outcome.OK: 300}
        assert min(len(first.requests), len(second.requests)) > 50


def test_no_more_calls_at_once_than_allowed() -> None:
    slow = answer("ok")
    behave = lambda r: Reply(body=slow.body, delay=0.005)  # noqa: E731 - a rule in one line
    with FakeServer(behave) as server:
        with open_chat(contender(server, max_in_flight=5)) as chat:
            list(chat.complete(ask(str(n)) for n in range(100)))
        assert server.most_at_once == 5


def test_a_server_that_goes_away_stops_the_run_with_a_sentence() -> None:
    with FakeServer() as server:
        chat = open_chat(contender(server, patience=0.5))
    with chat, pytest.raises(BackendError, match="start the server again and resume"):
        list(chat.complete(ask(str(n)) for n in range(50)))


def test_a_stream_arrives_in_pieces() -> None:
    with FakeServer(lambda r: pieces("a", "b", "ç")) as server, open_chat(contender(server)) as chat:
        assert list(chat.stream(ask("s"))) == ["a", "b", "ç"]


def test_a_stream_that_is_refused_says_why() -> None:
    with (
        FakeServer(lambda r: refusal(400, "no streaming here")) as server,
        open_chat(contender(server)) as chat,
        pytest.raises(BackendError, match="no streaming here"),
    ):
        list(chat.stream(ask("s")))


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://x/v1"])
def test_a_bad_url_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match=r"http://"):
        open_chat(Contender("x", "openai_server", url))


def test_under_faults_every_call_ends_done_or_typed() -> None:
    """20% 429, 10% 500, 3% dropped, 0.5% hanging, 1% garbage."""
    random, lock = Random(1), Lock()
    seen: Counter[str] = Counter()

    def behave(request: Request) -> Reply:
        with lock:
            draw = random.random()
            seen[request["messages"][-1]["content"]] += 1
        for share, reply in (
            (0.20, refusal(429, "slow down", (("Retry-After", "0.02"),))),
            (0.30, refusal(500, "oops")),
            (0.33, Reply(drop=True)),
            (0.335, Reply(hang=True)),
            (0.345, Reply(body=b"\x00garbage")),
        ):
            if draw < share:
                return reply
        return echo(request)

    count = 2000
    with FakeServer(behave, keep=False) as server, open_chat(contender(server, timeout=1.0)) as chat:
        done = list(chat.complete(ask(str(n), f"q{n}") for n in range(count)))
    assert sorted(c.key for c in done) == sorted(map(str, range(count)))
    assert all(c.text == f"q{c.key}" for c in done if c.outcome is Outcome.OK)
    assert {c.outcome for c in done} <= {Outcome.OK, Outcome.FAILED}
    assert sum(c.outcome is Outcome.OK for c in done) >= 0.999 * count
    assert max(seen.values()) <= 20
