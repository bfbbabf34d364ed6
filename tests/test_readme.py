"""README's tree shows what is there, and its commands exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from arena.__main__ import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
SETTINGS = {
    ".gitignore", ".ci", "pyproject.toml", "Makefile", "README.md", "DECISIONS.md", "CHANGELOG.md", "LICENSE",
    "requirements.txt", "requirements-test.txt", "requirements-vllm.txt", "requirements-vllm-cuda.txt",
}  # fmt: skip
"""Files of the top level that explain themselves."""


def shown() -> set[str]:
    """Paths of the tree in README, folders with a slash at their end."""
    block = README.split("## The tree")[1].split("```")[1]
    paths, folder = set(), ""
    for line in block.strip("\n").splitlines():
        name = line.split()[0]
        path = f"{folder}{name}" if line.startswith(" ") else name
        folder = folder if line.startswith(" ") else (name if name.endswith("/") else "")
        paths.add(path)
    return paths


def kept() -> list[str]:
    found = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("not a git checkout")
    return found.stdout.splitlines()


def test_the_tree_shows_only_what_exists() -> None:
    assert [path for path in shown() if not (ROOT / path).exists()] == []


def test_the_tree_leaves_nothing_out() -> None:
    there = set()
    for path in kept():
        top, slash, rest = path.partition("/")
        there.add(top + slash)
        if top == "arena" and not rest.startswith("__"):
            name, deeper, _ = rest.partition("/")
            there.add(f"arena/{name}{deeper}")
    there = {path for path in there if path.rstrip("/") not in SETTINGS}
    assert there - shown() == set()


COMMANDS = re.findall(r"python -m arena ((?:[a-z][a-z-]* ?){1,2})", README)


@pytest.mark.parametrize("words", sorted({tuple(found.split()) for found in COMMANDS}))
def test_every_command_in_the_readme_is_known(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0


def test_every_target_in_the_readme_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target} is not in the Makefile"
