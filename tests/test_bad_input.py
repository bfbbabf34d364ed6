"""Bad input gets a sentence that names what, where and what to do; the app stays up and nothing is lost."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from arena import jobs
from arena.__main__ import main
from arena.jobs import State
from arena.records import ArenaError, Contender, Instruction
from arena.store import MINIMUM_FREE_BYTES, Store
from tests.battles.conftest import finish, small_arena


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Exit code, and the sentence on stderr."""
    return main(list(words)), capsys.readouterr().err


def test_a_model_folder_that_is_not_there(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["contender", "add", "mine", "--path", "/nowhere/model", "--home", str(home)]
    code, said = told(capsys, *words)
    assert code == 2
    assert "/nowhere/model" in said
    with Store.open(home) as store:
        assert store.count(Contender) == 0


def test_a_model_folder_that_vanished_after_it_was_added(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(home) as store:
        small_arena(store)
        store.save([Contender("gone", "local_transformers", "/nowhere/model")])
    words = ["battle", "--testset", "small", "--contenders", "gone,good", "--judge", "judge"]
    code, said = told(capsys, *words, "--home", str(home))
    assert code == 2
    assert "/nowhere/model" in said


def test_a_server_that_nobody_serves(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with Store.open(home) as store:
        small_arena(store)
        store.save([Contender("silent", "openai_server", url, options={"model": "m", "patience": 1})])
    words = ["battle", "--testset", "small", "--contenders", "silent,good", "--judge", "judge"]
    code, said = told(capsys, *words, "--home", str(home))
    assert code == 2
    assert url in said


GOOD = '{"instruction": "Explain in some detail why the sky is blue by day."}\n'


@pytest.mark.parametrize(
    ("text", "code", "names"),
    [
        ("", 2, "is empty"),
        ('{"instruction": ""}\n', 2, "line 1: the instruction is empty"),
        (f"{GOOD}not json\n", 0, "line 2: not JSON"),
    ],
)
def test_a_file_with_rows_that_cannot_be_used(
    home: Path, tmp_path: Path, text: str, code: int, names: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(text)
    words = ["testset", "build", str(file), "--name", "mine", "--size", "1", "--clusters", "1"]
    found, said = told(capsys, *words, "--embedder", "tfidf-svd", "--home", str(home))
    assert found == code
    assert "mine.jsonl" in said or "rejects.jsonl" in said
    assert names in said


def test_an_arena_that_another_process_holds(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(home):
        code, said = told(capsys, "contender", "list", "--home", str(home))
    assert code == 3
    assert str(os.getpid()) in said


def test_a_file_that_is_no_database(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(home):
        pass
    database = next(home.glob("*.duckdb"))
    database.write_bytes(b"not a database" * 1000)
    code, said = told(capsys, "contender", "list", "--home", str(home))
    assert code == 2
    assert str(database) in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, a little larger than what the store asks for."""
    place = tmp_path / "disk"
    place.mkdir()
    size = MINIMUM_FREE_BYTES + 48 * 2**20
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk; the next test runs for everybody")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill_up(disk: Path, leave: int) -> Path:
    """A file that takes all but `leave` bytes."""
    ballast = disk / "ballast"
    free = os.statvfs(disk)
    with open(ballast, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - leave)
    return ballast


def test_a_full_disk_stops_the_store_before_it_breaks(small_disk: Path) -> None:
    with Store.open(small_disk / "home") as store:
        store.save([Instruction.of("before")])
        ballast = fill_up(small_disk, leave=MINIMUM_FREE_BYTES // 2)
        with pytest.raises(ArenaError, match="MiB are free on the disk"):
            store.save([Instruction.of("too much")])
        assert store.count(Instruction) == 1
        ballast.unlink()
        store.save([Instruction.of("after")])
    with Store.open(small_disk / "home") as store:
        assert store.count(Instruction) == 2


def test_a_job_on_a_full_disk_says_so_and_goes_on_later(small_disk: Path) -> None:
    with Store.open(small_disk / "home") as store:
        job = jobs.start(store.home, "count", "tests.worker:count", "Count", {"n": 200, "seconds": 0.01})
        while jobs.status(job).done < 5:
            assert jobs.status(job).active
        ballast = fill_up(small_disk, leave=0)
        while jobs.status(job).active:
            time.sleep(0.05)
        status = jobs.status(job)
        assert status.state in {State.FAILED, State.INTERRUPTED}
        assert "full" in status.error or "No space left" in status.error
        ballast.unlink()
        jobs.resume(job)
        assert finish(store, job).state is State.DONE
        assert store.count(Instruction) == 200


def test_a_limit_on_the_size_of_files_fails_a_job_in_words(home: Path) -> None:
    with Store.open(home) as store:
        settings = {"n": 50, "seconds": 0.0}
        job = jobs.start(store.home, "limited", "tests.worker:count_within_a_limit", "Count", settings)
        status = finish(store, job)
        assert status.state is State.FAILED
        assert "File too large" in status.error
        whole = [json.loads(line) for line in (job.folder / "instruction.jsonl").read_bytes().splitlines(True)
                 if line.endswith(b"\n")]  # fmt: skip
        assert store.count(Instruction) == len(whole) < 50
