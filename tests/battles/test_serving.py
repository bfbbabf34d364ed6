"""A checkpoint chats from a job of its own: streamed, shared, let go; and what goes wrong is told."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from arena import jobs
from arena.backends import Message, Prompt
from arena.battles import chat, serving
from arena.records import BackendError, Contender, Sampling
from arena.store import Store
from tests.battles.conftest import contender
from tests.tiny_model import make_tiny_model


@pytest.fixture
def disk(home: Path) -> Iterator[Store]:
    with Store.open(home) as store:
        yield store
        until = time.monotonic() + 20
        while running := [job for job in jobs.jobs(home) if jobs.status(job).active]:
            assert time.monotonic() < until
            for job in running:
                jobs.stop(job)
            time.sleep(0.1)


def ask(words: str) -> Prompt:
    return Prompt("live", (Message("user", words),), Sampling(max_tokens=12))


def test_a_job_serves_a_contender_and_a_second_listener_shares_it(disk: Store) -> None:
    model = contender("teller", text="one two three")
    job = serving.wake(disk, model)
    with serving.connect(job, model) as served:
        assert "".join(served.stream(ask("Why?"))) == "one two three"
    assert serving.wake(disk, model).id == job.id
    found = json.loads((job.folder / serving.ADDRESS).read_text())
    assert (job.folder / serving.ADDRESS).stat().st_mode & 0o077 == 0
    request = urllib.request.Request(f"{found['url']}/chat/completions", data=b"{}")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request)
    jobs.stop(job)
    while jobs.status(job).active:
        time.sleep(0.05)
    assert not (job.folder / serving.ADDRESS).exists()
    assert serving.wake(disk, model).id != job.id


def test_a_model_that_cannot_be_loaded_says_why(disk: Store, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    model = Contender("broken", "local_transformers", str(tmp_path))
    with pytest.raises(BackendError, match="broken could not be loaded"):
        serving.connect(serving.wake(disk, model), model)


def test_a_checkpoint_of_plain_weights_answers_in_the_chat_arena(disk: Store, tmp_path: Path) -> None:
    place = make_tiny_model(tmp_path / "tiny")
    few = Sampling(max_tokens=8)
    disk.save([Contender(n, "local_transformers", str(place), sampling=few) for n in ("old", "new")])
    disk.save([Contender("gone", "local_transformers", str(tmp_path / "nowhere"))])
    assert chat.candidates(disk) == ["new", "old"]
    arena = chat.Arena(disk)
    talk = arena.start("Why is the sky blue?", "old", "new")
    until = time.monotonic() + 120
    while not all(seat.done for seat in talk.seats):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert [seat.error for seat in talk.seats] == ["", ""]
    assert all(seat.text for seat in talk.seats)
    running = [job for job in jobs.jobs(disk.home) if job.kind == serving.KIND]
    assert len(running) == 2
    arena.sweep(idle=-1)
    while any(jobs.status(job).active for job in running):
        assert time.monotonic() < until
        time.sleep(0.05)
