"""Contenders come and go from the terminal; bad words are named."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from arena.backends import commands
from arena.records import BadInput, Contender, Sampling
from arena.store import Store


def run(*words: str) -> None:
    parser = argparse.ArgumentParser()
    commands.add(parser.add_subparsers(required=True))
    arguments = parser.parse_args(list(words))
    arguments.run(arguments)


def added(home: Path, *words: str) -> Contender:
    run("contender", "add", "new", *words, "--home", str(home))
    with Store.open(home) as store:
        found = store.get(Contender, "new")
    assert found is not None
    return found


def test_a_folder_is_run_by_transformers(home: Path, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/config.json").write_text("{}")
    found = added(home, "--path", str(tmp_path / "m"), "--licence", "MIT", "--system", "Be kind.")
    assert (found.backend, found.location) == ("local_transformers", str(tmp_path / "m"))
    assert (found.licence, found.system_prompt) == ("MIT", "Be kind.")


def test_servers_are_kept_with_the_name_of_their_key(home: Path) -> None:
    urls = ("http://a:1/v1", "http://b:2/v1")
    found = added(
        home, "--url", *urls, "--model", "big", "--key-env", "MY_KEY", "--option", "max_in_flight=9"
    )
    assert (found.backend, found.location, found.model) == ("openai_server", " ".join(urls), "big")
    assert (found.key_env, found.options) == ("MY_KEY", {"max_in_flight": 9})


def test_answers_are_drawn_as_told(home: Path) -> None:
    words = "--recorded --temperature 0.2 --top-p 0.9 --max-tokens 64 --seed -1 --stop END --stop ###"
    assert added(home, *words.split()).sampling == Sampling(0.2, 0.9, 64, None, ("END", "###"))


def test_a_hub_id_a_gguf_file_and_a_backend_of_choice(home: Path, tmp_path: Path) -> None:
    assert added(home / "1", "--hub", "org/model").location == "org/model"
    (tmp_path / "x.gguf").write_bytes(b"GGUF")
    assert added(home / "2", "--gguf", str(tmp_path / "x.gguf")).backend == "llama_cpp"
    assert added(home / "3", "--hub", "org/model", "--backend", "vllm_server").backend == "vllm_server"
    assert added(home / "4", "--recorded").backend == "recorded"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--path", "/nowhere"], "no config.json"),
        (["--gguf", "/nowhere.gguf"], "no GGUF file"),
        (["--gguf", __file__], "is no GGUF file"),
        (["--url", "http://a:1", "--key-env", "sk-1234"], "no name of an environment variable"),
        (["--recorded", "--temperature", "-1"], "temperature is -1; it should be 0 or more"),
        (["--recorded", "--top-p", "0"], "top_p is 0"),
        (["--recorded", "--max-tokens", "0"], "at least 1"),
        (["--hub", "model"], "ORGANISATION/MODEL"),
        (["--url", "localhost"], "http://"),
        (["--recorded", "--option", "x"], "NAME=VALUE"),
    ],
)
def test_bad_words_are_named(home: Path, words: list[str], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        added(home, *words)


def test_a_name_is_taken_once_until_it_is_removed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    added(home, "--recorded")
    with pytest.raises(BadInput, match="already"):
        added(home, "--recorded")
    run("contender", "remove", "new", "--home", str(home))
    capsys.readouterr()
    run("contender", "list", "--json", "--home", str(home))
    assert json.loads(capsys.readouterr().out) == []
    run("contender", "list", "--all", "--json", "--home", str(home))
    assert [row["hidden"] for row in json.loads(capsys.readouterr().out)] == [True]
    assert added(home, "--recorded").hidden is False


def test_removing_nobody_is_an_error(home: Path) -> None:
    with pytest.raises(BadInput, match="no contender 'ghost'"):
        run("contender", "remove", "ghost", "--home", str(home))


def test_the_list_of_models_says_what_is_missing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("models", "list", "--json", "--home", str(home))
    rows = json.loads(capsys.readouterr().out)
    assert {row["role"] for row in rows} == {"student", "contender", "judge", "embedding"}
    assert not any(row["ready"] for row in rows)
