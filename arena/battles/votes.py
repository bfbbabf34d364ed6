"""What people say of battles: one vote a person and battle, changeable, and how far all agree."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass
from itertools import combinations

from arena.battles.browse import Filter, ask
from arena.records import BadInput, Battle, Source, Vote, Winner
from arena.store import Store

HUMAN = "human vote"
"""The prompt hash of battles that people settled."""
MOST_NOTE = 2_000


@dataclass(frozen=True)
class Agreement:
    """How often two sides name the same winner."""

    battles: int
    """Both had a word on."""
    decided: int
    """Neither said tie."""
    accuracy: float | None
    """Share of the decided ones with the same winner."""
    kappa: float | None
    """Cohen's kappa over A, B, tie."""
    low: float | None = None
    high: float | None = None
    """95% interval of kappa by its large-sample error (Cohen 1960)."""


def cast(
    store: Store,
    battle_id: str,
    voter: str,
    winner: Winner,
    blind: bool,
    note: str = "",
    tags: tuple[str, ...] = (),
) -> Vote:
    """Keep a person's vote, and the battle of its own that it makes; a later vote replaces the earlier.

    Raises:
        BadInput: nobody's name, or no such battle.
    """
    name = voter.strip()
    if not name or len(name) > 80:
        raise BadInput("A vote needs the voter's name, at most 80 characters.")
    battle = store.get(Battle, battle_id)
    if battle is None:
        raise BadInput(f"There is no battle {battle_id!r} to vote on.")
    vote = Vote(name, battle_id, winner, blind, note.strip()[:MOST_NOTE], tags)
    settled = dataclasses.replace(
        battle,
        id=Battle.key(name, HUMAN, battle.response_a, battle.response_b),
        winner=winner,
        judge=name,
        prompt_hash=HUMAN,
        score_a=None,
        score_b=None,
        margin=None,
        flipped=False,
        source=Source.VOTE,
        run="",
        recorded=False,
        made_at=time.time(),
    )
    store.save([vote, settled])
    return vote


def queue(
    store: Store, voter: str, most: int = 20, reader: str = "", chosen: Filter | None = None
) -> list[str]:
    """Battles of a filter this person has neither voted on nor read with names, those that would teach most first.

    Those whose judge changed its mind with the seats come first, then small gaps, then few votes.
    """
    chosen = chosen or Filter()
    where, params = chosen.where()
    frame = ask(
        store,
        chosen,
        f"SELECT b.id FROM (SELECT * FROM battle WHERE {where}) b "
        "LEFT JOIN (SELECT battle, count(*) AS n FROM vote GROUP BY 1) v ON v.battle = b.id "
        "WHERE b.source IN ('judged', 'imported') AND b.response_a <> '' "
        "AND b.id NOT IN (SELECT battle FROM vote WHERE voter = ?) "
        "AND b.id NOT IN (SELECT battle FROM reading WHERE reader = ? AND NOT blind) "
        f"ORDER BY b.flipped DESC, abs(b.margin) NULLS LAST, coalesce(v.n, 0), hash(b.id) LIMIT {int(most)}",
        [*params, voter, reader or voter],
    )
    return [str(i) for i in frame["id"]]


def agreement_with_judge(store: Store, voter: str = "") -> Agreement:
    """People (or one of them) against the judges, over the battles they voted on."""
    frame = store.query(
        "SELECT v.winner AS one, b.winner AS two FROM vote v JOIN battle b ON b.id = v.battle "
        "WHERE b.source IN ('judged', 'imported') AND (? = '' OR v.voter = ?)",
        [voter, voter],
    )
    return agreement([(str(a), str(b)) for a, b in frame.iter_rows()])


def agreement_between_people(store: Store) -> Agreement:
    """Every pair of people on every battle both voted on."""
    frame = store.query("SELECT battle, voter, winner FROM vote ORDER BY battle, voter")
    said: dict[str, list[str]] = {}
    for battle, _, winner in frame.iter_rows():
        said.setdefault(str(battle), []).append(str(winner))
    return agreement([pair for words in said.values() for pair in combinations(words, 2)])


def agreement(pairs: list[tuple[str, str]]) -> Agreement:
    """Agreement of two columns of winners; both-bad counts as a tie."""
    words = [tuple("tie" if w == "both_bad" else w for w in pair) for pair in pairs]
    n = len(words)
    decided = [pair for pair in words if "tie" not in pair]
    accuracy = sum(a == b for a, b in decided) / len(decided) if decided else None
    if not n:
        return Agreement(0, 0, None, None)
    observed = sum(a == b for a, b in words) / n
    expected = sum(
        sum(a == w for a, _ in words) * sum(b == w for _, b in words) for w in ("A", "B", "tie")
    ) / (n * n)
    if expected >= 1:
        return Agreement(n, len(decided), accuracy, None)
    kappa = (observed - expected) / (1 - expected)
    error = math.sqrt(observed * (1 - observed) / n) / (1 - expected)
    return Agreement(
        n, len(decided), accuracy, kappa, max(-1.0, kappa - 1.96 * error), min(1.0, kappa + 1.96 * error)
    )
