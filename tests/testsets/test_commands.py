"""The words of `testset` read what they are told to read, build, and print one document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from arena.__main__ import main


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str]:
    code = main(["testset", *words, "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out), said.err


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A headless, semicolon-separated, cp1252 file of an unknown kind; its third row lacks a cell."""
    path = tmp_path / "export.dat"
    rows = [f"{n};Erklär mir bitte die Größe Nummer {n};maths" for n in range(6)] + ["7;torn"]
    path.write_bytes("\n".join(rows).encode("cp1252"))
    return path


CORRECTED = (
    *("--kind", "csv", "--encoding", "cp1252", "--delimiter", ";", "--header", "no"),
    *("--column", "instruction=column 2", "--column", "category=column 3"),
)


def test_a_file_that_is_not_recognised_is_read_as_told(odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document, _ = run(capsys, "preview", str(odd))
    assert (code, "of no kind we read" in document["error"]) == (2, True)
    code, document, _ = run(capsys, "preview", str(odd), *CORRECTED)
    assert code == 0
    assert document["rows"][0]["turns"] == ["Erklär mir bitte die Größe Nummer 0"]
    assert document["rows"][0]["category"] == "maths"


def test_a_build_keeps_the_correction_and_names_its_rejects(
    odd: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["build", str(odd), "--name", "told", "--recipe", "random", "--size", "4", "--steps", "length"]
    code, document, said = run(capsys, *words, *CORRECTED, "--home", str(home))
    assert code == 0
    assert "About 6 rows; about 3 s" in said
    assert document["settings"]["layout"]["encoding"] == "cp1252"
    assert document["categories"] == {"maths": 4}
    assert document["settings"]["rejected"] == 1
    (reject,) = Path(document["rejects"]).read_text("utf-8").splitlines()
    assert json.loads(reject)["reason"] == "2 cells where 3 were expected"


def test_a_cap_can_be_raised_or_lowered(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "build",
        "demo",
        "--name",
        "short",
        "--recipe",
        "random",
        "--size",
        "3",
        "--steps",
        "",
        "--home",
        str(home),
    ]
    code, document, _ = run(capsys, *words, "--line", "150")
    assert code == 0
    assert document["settings"]["line"] == 150
    assert "longer than 150 bytes" in Path(document["rejects"]).read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--column", "instruction"), "OURS=THEIRS"),
        (("--column", "instruction=nowhere"), "fits nothing"),
        (("--column", "soul=turns"), "fits nothing"),
        (("--encoding", "klingon"), "no encoding"),
    ],
)
def test_a_correction_that_the_file_refutes_is_refused(
    words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, document, _ = run(capsys, "preview", "demo", *words)
    assert (code, says in document["error"]) == (2, True), document
