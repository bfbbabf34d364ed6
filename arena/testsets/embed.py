"""Instructions as vectors, kept by content beside the database. For jobs: it loads sentence-transformers."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena.records import BackendError, Instruction
from arena.testsets.words import words

Vectors = NDArray[np.float32]
Encode = Callable[[list[str]], Vectors]
Progress = Callable[[int, int, str], None]
DEFAULT = "all-minilm-l6-v2"
FALLBACK = "tfidf-svd"
CHUNK = 512
"""Texts encoded between two writes to the cache: what a kill loses at most."""
THREADS = max(1, (os.cpu_count() or 2) // 2)

EMBEDDERS: dict[str, str] = {
    DEFAULT: "all-MiniLM-L6-v2, embedded",
    FALLBACK: "TF-IDF and SVD: words, no model",
    "thenlper/gte-large": "gte-large, the paper's, from a hub",
}
"""Known embedders; any other name is a sentence-transformers model by hub name or folder. The embedded one gives 384
numbers from the first 256 tokens."""


def text_of(instruction: Instruction) -> str:
    """All its turns, as the paper embeds a conversation."""
    return "\n".join(instruction.turns)


def locate(name: str, home: Path) -> str:
    """Folder or hub name of a sentence-transformers model.

    Raises:
        BackendError: the embedded model has not been fetched yet.
    """
    if name != DEFAULT:
        return name
    folder = home / "models" / DEFAULT
    if not (folder / "config.json").is_file():
        raise BackendError(
            f"The embedding model {DEFAULT} is not in {folder}. Fetch it with "
            f"`python -m arena models fetch {DEFAULT}`, or choose the embedder {FALLBACK!r}, needing none."
        )
    return str(folder)


def usual(home: Path) -> str:
    """The embedder to propose: the embedded model where it has been fetched, else the one that needs none."""
    return DEFAULT if (home / "models" / DEFAULT / "config.json").is_file() else FALLBACK


def _sentence_encoder(name: str, home: Path) -> Encode:
    place = locate(name, home)
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    torch.set_num_threads(THREADS)
    try:
        if name == DEFAULT:
            encoder = Transformer(place, max_seq_length=256)
            pooling = Pooling(encoder.get_embedding_dimension(), "mean")
            model = SentenceTransformer(modules=[encoder, pooling, Normalize()], device="cpu")
        else:
            model = SentenceTransformer(place, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise BackendError(
            f"The embedding model {name!r} cannot be loaded ({str(error)[:300]}). Name a folder or hub model "
            f"of sentence-transformers, or choose {DEFAULT!r} or {FALLBACK!r}."
        ) from error

    def encode(texts: list[str]) -> Vectors:
        found = model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(found, dtype=np.float32)

    return encode


def _tfidf(texts: list[str], dimensions: int = 128) -> Vectors:
    """Unit vectors from this corpus alone, so they are not kept: other texts would give others."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(sublinear_tf=True, max_features=30_000, tokenizer=words, token_pattern=None)
    matrix = vectorizer.fit_transform([text if re.search(r"\w", text) else "_" for text in texts])
    size = min(dimensions, min(matrix.shape) - 1)
    if size < 2:
        dense = np.asarray(matrix.todense(), dtype=np.float32)
    else:
        dense = TruncatedSVD(size, random_state=0).fit_transform(matrix).astype(np.float32)
    return _unit(dense)


def _unit(vectors: Vectors) -> Vectors:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms == 0, 1, norms)).astype(np.float32)


class Cache:
    """Vectors by instruction id: two files that only grow, 8 bytes an id and 2 bytes a number."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._ids, self._vectors = folder / "ids.u64", folder / "vectors.f16"
        self._shape = folder / "dimensions"

    def load(self) -> tuple[NDArray[np.uint64], NDArray[np.float16]]:
        """Ids and their vectors (memory-mapped), as far as both files are whole."""
        if not self._shape.is_file():
            return np.zeros(0, np.uint64), np.zeros((0, 0), np.float16)
        width = int(self._shape.read_text("ascii"))
        count = min(self._ids.stat().st_size // 8, self._vectors.stat().st_size // (2 * width))
        if not count:
            return np.zeros(0, np.uint64), np.zeros((0, width), np.float16)
        ids = np.fromfile(self._ids, np.uint64, count)
        return ids, np.memmap(self._vectors, np.float16, "r", shape=(count, width))

    def append(self, ids: Sequence[str], vectors: Vectors) -> None:
        """Keep vectors; a torn end left by a kill is cut first."""
        count = len(self.load()[0])
        self._shape.write_text(str(vectors.shape[1]), "ascii")
        with open(self._vectors, "ab") as file:
            file.truncate(count * 2 * vectors.shape[1])
            file.write(vectors.astype(np.float16).tobytes())
        with open(self._ids, "ab") as file:
            file.truncate(count * 8)
            file.write(_numbers(ids).tobytes())


def _numbers(ids: Sequence[str]) -> NDArray[np.uint64]:
    return np.array([int(name, 16) for name in ids], dtype=np.uint64)


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def embed(
    instructions: Sequence[Instruction],
    name: str,
    home: Path,
    progress: Progress = lambda done, total, phase: None,
) -> Vectors:
    """Unit vectors, one a row, in the order given; what was embedded before is read, not computed.

    Kept as 16-bit floats: cosines differ from 32-bit ones by less than .001.

    Raises:
        BackendError: the model is not there or cannot be loaded.
    """
    if name == FALLBACK:
        progress(0, len(instructions), "embed")
        vectors = _tfidf([text_of(i) for i in instructions])
        progress(len(instructions), len(instructions), "embed")
        return vectors
    folder = home / "embeddings" / re.sub(r"[^\w.-]+", "-", name).strip("-.")
    with _owned(folder):
        cache = Cache(folder)
        known = set(cache.load()[0].tolist())
        todo = list({i.id: i for i in instructions if int(i.id, 16) not in known}.values())
        if todo:
            _fill(cache, todo, _sentence_encoder(name, home), progress)
        ids, kept = cache.load()
    order = np.argsort(ids, kind="stable")
    places = order[np.searchsorted(ids[order], _numbers([i.id for i in instructions]))]
    return _unit(kept[places].astype(np.float32))


def _fill(cache: Cache, todo: list[Instruction], encode: Encode, progress: Progress) -> None:
    progress(0, len(todo), "embed")
    for start in range(0, len(todo), CHUNK):
        part = todo[start : start + CHUNK]
        cache.append([i.id for i in part], encode([text_of(i) for i in part]))
        progress(start + len(part), len(todo), "embed")
