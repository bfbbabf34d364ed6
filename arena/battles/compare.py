"""Two runs, two judges, or a contender before and after its training: which instructions changed sides."""

from __future__ import annotations

from dataclasses import dataclass

from arena.records import BadInput, Contender
from arena.store import Store

KINDS = {
    "judges": "the same two answers' contenders under two judges",
    "runs": "the same contenders in two runs: another prompt, another sampling",
    "contenders": "two contenders against the same opponents, e.g. before and after training",
}
"""Menu word -> what is held equal."""

MOST_CHANGED = 500
WORDS = ("A", "tie", "B")


@dataclass(frozen=True)
class Changed:
    """One instruction that changed sides."""

    question: str
    between: str
    left: str
    """Battle id on the left side, and who won there."""
    left_won: str
    right: str
    right_won: str


@dataclass(frozen=True)
class Comparison:
    """`table[i][j]` counts battles with outcome `WORDS[i]` on the left and `WORDS[j]` on the right.

    For contenders A means that the compared one won, B that its opponent did.
    """

    both: int
    same: int
    table: list[list[int]]
    changed: list[Changed]


def choices(store: Store, kind: str) -> list[str]:
    """What can stand on either side.

    Raises:
        BadInput: no such kind.
    """
    columns = {
        "judges": "SELECT DISTINCT judge AS v FROM battle",
        "runs": "SELECT DISTINCT run AS v FROM battle WHERE run <> ''",
        "contenders": "SELECT contender_a AS v FROM battle UNION SELECT contender_b FROM battle",
    }
    if kind not in columns:
        raise BadInput(f"There is no comparison of {kind!r}; choose from {', '.join(KINDS)}.")
    return [str(v) for v in store.query(f"{columns[kind]} ORDER BY v")["v"]]


def start(store: Store) -> dict[str, str]:
    """The comparison to open on: the two judges that share most battles, else the newest checkpoint that met its
    parent's opponents on the same instructions. Empty where neither exists."""
    judges = store.query(
        "WITH j AS (SELECT DISTINCT instruction, contender_a, contender_b, judge FROM battle WHERE judge <> '') "
        "SELECT l.judge, r.judge FROM j l JOIN j r USING (instruction, contender_a, contender_b) "
        "WHERE l.judge < r.judge GROUP BY ALL ORDER BY count(*) DESC, 1, 2 LIMIT 1"
    )
    if judges.height:
        left, right = judges.row(0)
        return {"kind": "judges", "left": left, "right": right}
    for child in store.load(Contender, "parent <> ''", order="made_at DESC LIMIT 20"):
        if compare(store, "contenders", child.parent, child.name).both:
            return {"kind": "contenders", "left": child.parent, "right": child.name}
    return {}


def compare(store: Store, kind: str, left: str, right: str) -> Comparison:
    """Battles that both sides have, counted by outcome, and those that differ, biggest swings first."""
    choices(store, kind)
    if kind == "contenders":
        side = (
            "SELECT id, instruction, judge, CASE WHEN contender_a = ? THEN contender_b ELSE contender_a END AS other, "
            "CASE WHEN winner IN ('tie', 'both_bad') THEN 'tie' "
            "WHEN (winner = 'A') = (contender_a = ?) THEN 'A' ELSE 'B' END AS won, made_at FROM battle "
            "WHERE (contender_a = ? OR contender_b = ?) AND source <> 'vote'"
        )
        key, shown, params = "instruction, judge, other", "'against ' || l.other", [left] * 4 + [right] * 4
    else:
        side = (
            "SELECT id, instruction, contender_a, contender_b, replace(winner, 'both_bad', 'tie') AS won, made_at "
            f"FROM battle WHERE {'judge' if kind == 'judges' else 'run'} = ?"
        )
        key = "instruction, contender_a, contender_b"
        shown, params = "l.contender_a || ' vs ' || l.contender_b", [left, right]
    newest = f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY made_at DESC) = 1"
    joined = f"WITH l AS ({side} {newest}), r AS ({side} {newest}) "
    counts = store.query(
        f"{joined} SELECT l.won AS one, r.won AS two, count(*) AS n FROM l JOIN r USING ({key}) GROUP BY 1, 2",
        params,
    )
    table = [[0] * 3 for _ in WORDS]
    for one, two, n in counts.iter_rows():
        table[WORDS.index(one)][WORDS.index(two)] = int(n)
    rows = store.query(
        f"{joined} SELECT left(i.turns[len(i.turns)], 200) AS question, {shown} AS between, l.id AS l, l.won AS lw, "
        f"r.id AS r, r.won AS rw FROM l JOIN r USING ({key}) LEFT JOIN instruction i ON i.id = instruction "
        f"WHERE l.won <> r.won ORDER BY 'tie' IN (l.won, r.won), question LIMIT {MOST_CHANGED}",
        params,
    )
    changed = [Changed(str(q or ""), str(b), *map(str, rest)) for q, b, *rest in rows.iter_rows()]
    both = sum(map(sum, table))
    return Comparison(both, sum(table[k][k] for k in range(3)), table, changed)
