"""What the road from raw instructions to a test set costs: python -m benchmarks.testsets WORD. CPU seconds.

steps        time and memory of each step on 100,000 rows with planted near duplicates; recall and precision
alternatives the plain way of doing the same: datasketch in a loop, scikit-learn's K-Means
curve        cost against rows from 10,000 to 300,000; writes an SVG beside the figures
paper        the paper's size end to end: 500 clusters, 10,000 candidates, 2,000 instructions, an instant judge
embed        the embedded MiniLM on 300 rows
judge        200 difficulty ratings by the embedded judge, and what 10,000 would take
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from arena import jobs
from arena.collector import collect
from arena.records import Contender, Instruction
from arena.store import Store
from arena.testsets import build, catalog
from arena.testsets.clean import Context, clean
from arena.testsets.cluster import k_means
from arena.testsets.duplicates import near_duplicates
from arena.testsets.plan import Plan, locate
from arena.testsets.read import Row, read

TASKS = """write a short story about|explain to a beginner|compare two views of|give a step by step plan for
summarise what is known about|write a polite email about|list the risks of|write a python function that models
argue for and against|translate into plain words|draft a lesson on|find the mistake in this note about
what should I ask an expert about|make a budget for|rewrite this paragraph on|design an experiment on"""
TOPICS = """bridge harbour orchard glacier violin compiler vaccine census lighthouse tunnel bakery comet library
marathon reef satellite theatre turbine vineyard workshop monastery battery telescope granary canal market parliament
laboratory archive festival railway volcano desert savings insurance mortgage grammar opera chess garden kitchen"""
LINKS = """the of and to in a is that for it as was with be by on not this but from or have an they which one were all
we when there been can more if no out so up into than them only some could these two may then do first any now such
like over also after most made before must through back years where much way well should because each just those"""


@dataclass(frozen=True)
class Made:
    """A synthetic file and the truth about it."""

    path: Path
    planted: dict[int, int]
    """Line of a planted near duplicate -> line of its original."""


def make(path: Path, rows: int, seed: int = 0, share: float = 0.1) -> Made:
    """ShareGPT conversations of 20 to 220 words; a tenth are edited copies of earlier ones.

    Edits are those of real dumps: another case, a typo or two, a word replaced, a greeting or a thank-you added.
    """
    chance = random.Random(seed)
    tasks = [t for line in TASKS.split("\n") for t in line.split("|")]
    topics, links = TOPICS.split(), LINKS.split()
    rare = [
        f"{a}{b}{c}"
        for a in ("bel", "cor", "dan", "fer", "gal", "hol", "kan", "lim", "mor", "nel", "pra", "sil")
        for b in ("a", "e", "i", "o", "u", "an", "er", "is")
        for c in ("ton", "ver", "dal", "mir", "nex", "ric", "st")
    ]
    originals: list[tuple[int, str]] = []
    planted: dict[int, int] = {}
    with open(path, "w", encoding="utf-8") as file:
        for line in range(1, rows + 1):
            if originals and chance.random() < share:
                source, text = originals[chance.randrange(len(originals))]
                text = _edited(text, chance)
                planted[line] = source
            else:
                length = min(220, 20 + int(chance.expovariate(1 / 50)))
                topic = chance.sample(topics, 3)
                words = chance.choices(links + topic * 6 + chance.sample(rare, 40), k=length)
                text = f"{chance.choice(tasks)} the {topic[0]} and {topic[1]}: {' '.join(words)}."
                originals.append((line, text))
            talk = [{"from": "human", "value": text}, {"from": "gpt", "value": "An answer."}]
            file.write(json.dumps({"id": str(line), "conversations": talk}) + "\n")
    return Made(path, planted)


def _edited(text: str, chance: random.Random) -> str:
    words = text.split()
    for _ in range(chance.randint(0, 2)):
        words[chance.randrange(len(words))] = chance.choice(("really", "teh", "maybe", "quite"))
    text = " ".join(words)
    return chance.choice(
        (text, text.upper(), "Hi! " + text, text + " Thank you very much.", text.replace(",", ""))
    )


@contextmanager
def timed(figures: dict[str, float], name: str) -> Iterator[None]:
    start = time.process_time()  # CPU seconds of all threads: a busy machine does not change them
    yield
    figures[name] = round(time.process_time() - start, 2)


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def vectors(rows: int, size: int = 384, groups: int = 400, seed: int = 0) -> np.ndarray:
    """Unit vectors in blurred groups, as embeddings come."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(groups, size)).astype(np.float32)
    found = centres[generator.integers(0, groups, rows)]
    found += 1.2 * generator.normal(size=found.shape).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def steps(rows: int, folder: Path, clusters: int = 500) -> dict[str, object]:
    """Times of all steps that need no model, on one file."""
    made = make(folder / f"rows-{rows}.jsonl", rows)
    figures: dict[str, float] = {}
    with timed(figures, "read"):
        found = [row for row in read(made.path) if isinstance(row, Row)]
    benchmark = [Instruction.of(row.instruction.turns[0], source="bench") for row in found[:200:2]]
    clean_so_far = found
    for name in ("harmful", "length", "prefix", "duplicates", "overlap"):
        with timed(figures, name):
            clean_so_far = clean(clean_so_far, {name: None}, Context(benchmark)).rows
    sample = clean_so_far[:1000]
    with timed(figures, "language, a thousand rows"):
        clean(sample, {"language": None}, Context())
    dropped = {n + 1: int(to) + 1 for n, to in enumerate(near_duplicates([r.text for r in found])) if to >= 0}
    truth = made.planted
    family = {line: _root(line, truth) for line in {*truth, *dropped, *dropped.values()}}
    right = sum(family[line] == family[to] for line, to in dropped.items())
    # Of two copies of one original only order says which is the copy, so a planted row counts as found when dropped.
    loose = near_duplicates([row.text for row in found], 0.5)
    figures["recall at .5"] = round(sum(loose[line - 1] >= 0 for line in truth) / max(1, len(truth)), 4)
    figures["recall"] = round(sum(line in dropped for line in truth) / max(1, len(truth)), 4)
    figures["precision"] = round(right / max(1, len(dropped)), 4)
    data = vectors(rows)
    with timed(figures, f"cluster ({clusters}, 384 numbers)"):
        k_means(data, clusters, 0)
    return {"rows": rows, "planted": len(truth), **figures, "peak_mb": peak_mb()}


def _root(line: int, truth: dict[int, int]) -> int:
    return truth.get(line, line)


def alternatives(folder: Path) -> dict[str, object]:
    """Ours against the plain way, on rows that the plain way can bear."""
    from datasketch import MinHash, MinHashLSH
    from sklearn.cluster import KMeans

    figures: dict[str, float] = {}
    rows = 10_000
    texts = [r.text for r in read(make(folder / "plain.jsonl", rows).path) if isinstance(r, Row)]
    with timed(figures, "ours: near duplicates"):
        ours = int((near_duplicates(texts) >= 0).sum())
    with timed(figures, "datasketch in a loop"):
        index = MinHashLSH(threshold=0.7, num_perm=128)
        theirs = 0
        for number, text in enumerate(texts):
            words = text.lower().split()
            mark = MinHash(num_perm=128)
            mark.update_batch([" ".join(words[n : n + 3]).encode() for n in range(max(1, len(words) - 2))])
            if index.query(mark):
                theirs += 1
            else:
                index.insert(str(number), mark)
    data = vectors(20_000)
    with timed(figures, "ours: K-Means (faiss), 20,000 x 384, 200 clusters, 20 rounds"):
        labels = k_means(data, 200, 0)
    with timed(figures, "scikit-learn KMeans, the same"):
        model = KMeans(200, n_init=1, max_iter=20, random_state=0).fit(data)
    spread = {
        name: round(_spread(data, of), 4) for name, of in (("ours", labels), ("scikit-learn", model.labels_))
    }
    return {
        "rows": rows,
        "dropped": {"ours": ours, "datasketch": theirs},
        **figures,
        "mean cosine to centre": spread,
    }


def _spread(data: np.ndarray, labels: np.ndarray) -> float:
    sums = np.zeros((labels.max() + 1, data.shape[1]))
    np.add.at(sums, labels, data)
    return float(np.linalg.norm(sums, axis=1).sum() / len(data))


def curve(folder: Path) -> dict[str, object]:
    """Each size in a process of its own, so that its peak memory is its own."""
    found = []
    for rows in (10_000, 30_000, 100_000, 300_000):
        output = subprocess.run(
            [sys.executable, __file__, "steps", "--rows", str(rows), "--folder", str(folder)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found.append(json.loads(output.removeprefix("steps ")))
    names = ("read", "duplicates", "overlap", "cluster (500, 384 numbers)")
    path = folder / "testsets-curve.svg"
    path.write_text(draw([f["rows"] for f in found], {n: [f[n] for f in found] for n in names}), "utf-8")
    slope = {
        n: round(
            float(np.polyfit(np.log([f["rows"] for f in found]), np.log([f[n] for f in found]), 1)[0]), 2
        )
        for n in names
    }
    return {"sizes": found, "exponent (1 is linear)": slope, "picture": str(path)}


def draw(xs: list[float], lines: dict[str, list[float]]) -> str:
    """A log-log picture, small and without a library."""
    width, height, margin = 640, 420, 60
    low, high = np.log10(min(min(v) for v in lines.values())), np.log10(max(max(v) for v in lines.values()))

    def at(x: float, y: float) -> tuple[float, float]:
        across = (np.log10(x) - np.log10(xs[0])) / (np.log10(xs[-1]) - np.log10(xs[0]))
        up = (np.log10(y) - low) / max(1e-9, high - low)
        return margin + across * (width - 230), height - margin - up * (height - 2 * margin)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">'
    ]
    parts.append(f'<rect width="{width}" height="{height}" fill="white"/>')
    parts += [
        f'<text x="{at(x, 10**low)[0]:.0f}" y="{height - 30}" font-size="11">{x:,.0f}</text>' for x in xs
    ]
    parts.append(
        f'<text x="{margin}" y="{height - 10}" font-size="12">rows; seconds upwards, both logarithmic</text>'
    )
    for (name, ys), colour in zip(lines.items(), ("#0072B2", "#D55E00", "#009E73", "#CC79A7"), strict=False):
        dots = [at(x, y) for x, y in zip(xs, ys, strict=True)]
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="'
            + " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
            + '"/>'
        )
        x, y = dots[-1]
        parts.append(
            f'<text x="{x + 6:.0f}" y="{y:.0f}" font-size="11" fill="{colour}">{name} {ys[-1]:g} s</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


def paper(folder: Path, rows: int = 30_000) -> dict[str, object]:
    """500 clusters, 20 candidates each, 2,000 instructions, rated by an instant scripted judge."""
    made = make(folder / "paper.jsonl", rows)
    judge = Contender("instant", "scripted", options={"text": '{"difficulty": 5}'})
    plan = Plan(
        "paper",
        str(made.path),
        size=2000,
        clusters=500,
        per_cluster=20,
        embedder="tfidf-svd",
        rater="instant",
        steps={"harmful": None, "length": None, "duplicates": None},
        splits=9,
    )
    with tempfile.TemporaryDirectory() as home, Store.open(Path(home)) as store:
        store.save([judge])
        start = time.perf_counter()
        job = build.launch(store, plan)
        while jobs.status(job).active:
            time.sleep(0.2)
        collect(store)
        seconds = time.perf_counter() - start
        card = catalog.card(store, "paper")
        return {
            "rows": rows,
            "state": str(jobs.status(job).state),
            "seconds": round(seconds, 1),
            "size": card.testset.size,
            "facts": card.testset.settings["facts"],
            "sets": catalog.testsets(store).select("name", "size").to_dicts(),
        }


def embed_speed(home: Path, rows: int = 300) -> dict[str, object]:
    from arena.testsets.embed import DEFAULT, _sentence_encoder, text_of

    with tempfile.TemporaryDirectory() as folder:
        found = [r.instruction for r in read(make(Path(folder) / "e.jsonl", rows).path) if isinstance(r, Row)]
    encode = _sentence_encoder(DEFAULT, home)
    encode([text_of(found[0])])
    start = time.process_time()
    encode([text_of(i) for i in found])
    rate = rows / (time.process_time() - start)
    return {
        "rows": rows,
        "rows a second": round(rate, 1),
        "hours for 100,000": round(100_000 / rate / 3600, 2),
    }


def judge(home: Path, contender: str, count: int = 200) -> dict[str, object]:
    """Real ratings of instructions of ours."""
    from arena.backends.embedded import contenders
    from arena.testsets.difficulty import judged

    rater = next(c for c in contenders(home) if c.name == contender)
    found = [r.instruction for r in read(locate("demo")) if isinstance(r, Row)][:count]
    start = time.perf_counter()
    ratings = list(judged(found, rater, ""))
    seconds = time.perf_counter() - start
    scores = [r.score for r in ratings if r.score is not None]
    spread = [round(float(at), 2) for at in np.quantile(scores, (0, 0.25, 0.5, 0.75, 1))]
    return {
        "rater": contender,
        "rated": len(scores),
        "unreadable": len(ratings) - len(scores),
        "lowest, quartiles, highest": spread,
        "seconds": round(seconds, 1),
        "hours for 10,000": round(seconds / len(ratings) * 10_000 / 3600, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "words",
        nargs="*",
        default=["steps", "alternatives", "curve", "paper", "embed", "judge"],
        help="which parts",
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=None, help="where files and the picture go")
    parser.add_argument("--home", type=Path, default=Path(".arena"), help="arena with the embedded models")
    parser.add_argument("--contender", default="qwen2.5-coder-1.5b")
    words = parser.parse_args()
    folder = words.folder or Path(tempfile.mkdtemp(prefix="testsets-"))
    folder.mkdir(parents=True, exist_ok=True)
    menu: dict[str, Callable[[], dict[str, object]]] = {
        "steps": lambda: steps(words.rows, folder),
        "alternatives": lambda: alternatives(folder),
        "curve": lambda: curve(folder),
        "paper": lambda: paper(folder),
        "embed": lambda: embed_speed(words.home),
        "judge": lambda: judge(words.home, words.contender),
    }
    for word in words.words:
        print(word, json.dumps(menu[word](), indent=1, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
