"""What pages and commands ask of the test sets that are there: lists, windows, cards, comparisons, export."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from arena.records import BadInput, Battle, Difficulty, Instruction, Json, Pick, Response, TestSet
from arena.store import Store

SEARCH_SECONDS = 5.0


@dataclass(frozen=True)
class Filter:
    """Which instructions of a set to show; empty fields let everything pass."""

    text: str = ""
    category: str = ""
    language: str = ""
    cluster: int | None = None
    hardest: float | None = None
    easiest: float | None = None
    multi_turn: bool = False


def testsets(store: Store) -> pl.DataFrame:
    """One row a set, newest first: name, recipe, purpose, size, seed, source, embedding, difficulty, hash."""
    return store.query(
        "SELECT name, recipe, purpose, size, seed, source, embedding, difficulty, content_hash, recorded,"
        " made_at FROM test_set ORDER BY made_at DESC, name"
    )


def makeup(store: Store) -> pl.DataFrame:
    """One row a set that holds any instruction: name, categories, languages, several_turns (instructions)."""
    return store.query(
        "SELECT p.testset AS name, count(DISTINCT nullif(i.category, '')) AS categories,"
        " count(DISTINCT nullif(i.language, '')) AS languages,"
        " count(*) FILTER (len(i.turns) > 1) AS several_turns"
        " FROM pick p JOIN instruction i ON i.id = p.instruction GROUP BY 1"
    )


def find(store: Store, name: str) -> TestSet:
    """The set of this name.

    Raises:
        BadInput: there is none; the text names those there are.
    """
    found = store.get(TestSet, name)
    if found is None:
        names = testsets(store)["name"].to_list()
        raise BadInput(f"There is no test set {name!r}; there are: {', '.join(names[:20]) or 'none yet'}.")
    return found


def instructions(store: Store, name: str) -> list[Instruction]:
    """A set's instructions in their order."""
    found = {
        i.id: i
        for i in store.load(Instruction, "id IN (SELECT instruction FROM pick WHERE testset = ?)", [name])
    }
    picks = store.load(Pick, "testset = ?", [name], order="position")
    return [found[pick.instruction] for pick in picks if pick.instruction in found]


def picks_of(store: Store, purposes: Collection[str]) -> list[Pick]:
    """Membership in all sets of these purposes; `testset` reads "purpose:name" here."""
    frame = store.query(
        "SELECT DISTINCT t.purpose, p.testset, p.instruction FROM pick p"
        " JOIN test_set t ON t.name = p.testset WHERE list_contains(?, t.purpose) ORDER BY ALL",
        [list(purposes)],
    )
    return [Pick(f"{purpose}:{name}", instruction, 0) for purpose, name, instruction in frame.iter_rows()]


_INSIDE = """
    FROM pick p JOIN instruction i ON i.id = p.instruction
    WHERE p.testset = $name
      AND ($text = '' OR contains(lower(array_to_string(i.turns, ' ')), lower($text)))
      AND ($category = '' OR i.category = $category)
      AND ($language = '' OR i.language = $language)
      AND ($cluster IS NULL OR p.cluster = $cluster)
      AND ($easiest IS NULL OR p.difficulty >= $easiest)
      AND ($hardest IS NULL OR p.difficulty <= $hardest)
      AND (NOT $multi_turn OR len(i.turns) > 1)
"""


def _parameters(name: str, kept: Filter) -> dict[str, object]:
    return {
        "name": name,
        "text": kept.text.strip(),
        "category": kept.category,
        "language": kept.language,
        "cluster": kept.cluster,
        "easiest": kept.easiest,
        "hardest": kept.hardest,
        "multi_turn": kept.multi_turn,
    }


def count(store: Store, name: str, kept: Filter = Filter()) -> int:
    """How many instructions of a set pass a filter."""
    found = store.query(f"SELECT count(*) {_INSIDE}", _parameters(name, kept), SEARCH_SECONDS)
    return int(found.item())


ORDERS: dict[str, str] = {
    "position": "p.position",
    "hardest first": "p.difficulty DESC NULLS LAST, p.position",
    "easiest first": "p.difficulty ASC NULLS LAST, p.position",
    "cluster": "p.cluster, p.position",
}
"""Ways to order a set's instructions."""


def window(
    store: Store,
    name: str,
    kept: Filter = Filter(),
    start: int = 0,
    size: int = 50,
    order: str = "position",
) -> pl.DataFrame:
    """Some rows of a set: position, id, text (first turn), turns, category, language, cluster, difficulty."""
    return store.query(
        "SELECT p.position, i.id, left(i.turns[1], 300) AS text, len(i.turns) AS turns, i.category,"
        f" i.language, p.cluster, p.difficulty {_INSIDE} ORDER BY {ORDERS[order]}"
        f" LIMIT {int(size)} OFFSET {int(start)}",
        _parameters(name, kept),
        SEARCH_SECONDS,
    )


@dataclass(frozen=True)
class Card:
    """A set at a glance."""

    testset: TestSet
    categories: pl.DataFrame
    """category, count."""
    languages: pl.DataFrame
    turns: pl.DataFrame
    """turns, count."""
    difficulties: list[float]
    clusters: int
    overlaps: pl.DataFrame
    """testset, purpose, shared: other sets that hold some of the same instructions."""


def card(store: Store, name: str) -> Card:
    """Everything the page shows of one set beside its list."""
    join = "FROM pick p JOIN instruction i ON i.id = p.instruction WHERE p.testset = ?"

    def counted(what: str, word: str) -> pl.DataFrame:
        return store.query(
            f"SELECT {what} AS {word}, count(*) AS count {join} GROUP BY 1 ORDER BY 2 DESC, 1", [name]
        )

    overlaps = store.query(
        "SELECT o.testset, t.purpose, count(*) AS shared FROM pick p JOIN pick o USING (instruction)"
        " JOIN test_set t ON t.name = o.testset WHERE p.testset = ? AND o.testset <> p.testset"
        " GROUP BY ALL ORDER BY 3 DESC, 1",
        [name],
    )
    scores = store.query(
        "SELECT difficulty FROM pick WHERE testset = ? AND difficulty IS NOT NULL ORDER BY 1", [name]
    )
    clusters = store.query("SELECT count(DISTINCT cluster) FROM pick WHERE testset = ?", [name]).item()
    return Card(
        find(store, name),
        counted("i.category", "category"),
        counted("i.language", "language"),
        counted("len(i.turns)", "turns"),
        scores["difficulty"].to_list(),
        int(clusters),
        overlaps,
    )


def points(store: Store, name: str) -> pl.DataFrame:
    """A set's map: x, y, text, cluster, difficulty, id, in the set's order; empty when it has none."""
    places = find(store, name).settings.get("points")
    frame = store.query(
        "SELECT i.id, left(i.turns[1], 160) AS text, p.cluster, p.difficulty, i.category"
        " FROM pick p JOIN instruction i ON i.id = p.instruction WHERE p.testset = ? ORDER BY p.position",
        [name],
    )
    if not isinstance(places, list) or len(places) != len(frame):
        return frame.clear().with_columns(x=pl.lit(0.0), y=pl.lit(0.0))
    rows = [place for place in places if isinstance(place, list)]
    x, y = [float(str(row[0])) for row in rows], [float(str(row[1])) for row in rows]
    return frame.with_columns(pl.Series("x", x), pl.Series("y", y))


def clusters(store: Store, name: str) -> pl.DataFrame:
    """A set's clusters: number, name, size (in the clean source), cohesion, picked (in the set)."""
    found = find(store, name).settings.get("clusters_found")
    rows = found if isinstance(found, list) else []
    schema = {"number": pl.Int64, "name": pl.String, "size": pl.Int64, "cohesion": pl.Float64}
    frame = pl.DataFrame([r for r in rows if isinstance(r, dict)], schema=schema)
    picked = store.query(
        "SELECT cluster::BIGINT AS number, count(*)::BIGINT AS picked FROM pick"
        " WHERE testset = ? AND cluster IS NOT NULL GROUP BY 1",
        [name],
    )
    return frame.join(picked, on="number", how="left").sort("picked", "number", descending=[True, False])


@dataclass(frozen=True)
class Story:
    """Everything known of one instruction."""

    instruction: Instruction
    picks: list[Pick]
    difficulties: list[Difficulty]
    responses: list[Response]
    battles: list[Battle]


def story(store: Store, instruction: str, most: int = 50) -> Story:
    """An instruction with its sets, ratings, answers and battles (at most `most` of each).

    Raises:
        BadInput: there is none with this id.
    """
    found = store.get(Instruction, instruction)
    if found is None:
        raise BadInput(f"There is no instruction {instruction!r}.")
    where, limit = "instruction = ?", f" LIMIT {int(most)}"
    return Story(
        found,
        store.load(Pick, where, [instruction], "testset"),
        store.load(Difficulty, where, [instruction], "rater" + limit),
        store.load(Response, where, [instruction], "contender, sample" + limit),
        store.load(Battle, where, [instruction], "made_at DESC" + limit),
    )


@dataclass(frozen=True)
class Comparison:
    """Two sets side by side."""

    first: Card
    second: Card
    shared: int
    only_first: int
    only_second: int


def compare(store: Store, first: str, second: str) -> Comparison:
    shared = int(
        store.query(
            "SELECT count(*) FROM pick a JOIN pick b USING (instruction)"
            " WHERE a.testset = ? AND b.testset = ?",
            [first, second],
        ).item()
    )
    one, two = card(store, first), card(store, second)
    return Comparison(one, two, shared, one.testset.size - shared, two.testset.size - shared)


def _rows(store: Store, name: str) -> pl.DataFrame:
    find(store, name)
    return store.query(
        "SELECT p.position, i.id, i.turns, i.category, i.language, i.source, i.reference,"
        ' i."check"::VARCHAR AS "check",'
        " p.cluster, p.difficulty FROM pick p JOIN instruction i ON i.id = p.instruction"
        " WHERE p.testset = ? ORDER BY p.position",
        [name],
    )


def _jsonl(frame: pl.DataFrame, path: Path) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for row in frame.iter_rows(named=True):
            line: dict[str, Json] = {**row, "check": json.loads(row["check"])}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _parquet(frame: pl.DataFrame, path: Path) -> None:
    frame.write_parquet(path)


EXPORTS = {".jsonl": _jsonl, ".parquet": _parquet}
"""File ending -> how a set is written."""


def export(store: Store, name: str, path: Path) -> Path:
    """Write a set's instructions in their order, without times: equal sets give equal bytes.

    Raises:
        BadInput: no such set, or an ending we do not write.
    """
    if path.suffix not in EXPORTS:
        raise BadInput(f"{path} should end in {' or '.join(EXPORTS)}.")
    frame = _rows(store, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    EXPORTS[path.suffix](frame, path)
    return path
