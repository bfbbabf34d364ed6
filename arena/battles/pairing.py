"""Who meets whom on which instruction: pure functions of a field and a seed, in batches.

Fixed pairings ignore the tally; adaptive ones (arena.battles.adaptive) look at it between batches.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from arena.battles.adaptive import newcomer, until_stable
from arena.battles.tally import Field, Meeting, Tally, meeting
from arena.records import BadInput

CHUNK = 1_000
"""Meetings a batch; bounds memory, while one batch is enough to keep a server busy."""

Pairing = Callable[[Field, Tally], Iterator[list[Meeting]]]


def round_robin(field: Field, _tally: Tally) -> Iterator[list[Meeting]]:
    """Every pair on every instruction: n (n - 1) / 2 meetings each. The paper's default among four models."""
    return _on_every_instruction(field, list(combinations(field.contenders, 2)))


def target(field: Field, _tally: Tally) -> Iterator[list[Meeting]]:
    """The target against each of the rest on every instruction."""
    return _on_every_instruction(field, [(field.target, other) for other in _opponents(field)])


def one_opponent(field: Field, _tally: Tally) -> Iterator[list[Meeting]]:
    """The target against the first opponent only (paper, battle modes)."""
    return _on_every_instruction(field, [(field.target, _opponents(field)[0])])


def split(field: Field, _tally: Tally) -> Iterator[list[Meeting]]:
    """The instructions split evenly, one opponent for each part (paper, battle modes)."""
    opponents = _opponents(field)
    return _chunks(
        meeting(instruction, field.target, opponents[place % len(opponents)])
        for place, instruction in enumerate(field.instructions)
    )


def target_plus_two(field: Field, _tally: Tally) -> Iterator[list[Meeting]]:
    """The target and the first two opponents, all three pairwise (paper, battle modes)."""
    three = (field.target, *_opponents(field)[:2])
    return _on_every_instruction(field, list(combinations(three, 2)))


def random_pairs(field: Field, _tally: Tally) -> Iterator[list[Meeting]]:
    """`k` pairs drawn at random for each instruction, none twice."""
    pairs = list(combinations(field.contenders, 2))
    draw = random.Random(field.seed)
    return _chunks(
        meeting(instruction, a, b)
        for instruction in field.instructions
        for a, b in draw.sample(pairs, min(field.k, len(pairs)))
    )


PAIRINGS: dict[str, Pairing] = {
    "round-robin": round_robin,
    "target": target,
    "one-opponent": one_opponent,
    "split": split,
    "target-plus-two": target_plus_two,
    "all-pairwise": round_robin,
    "random": random_pairs,
    "until-stable": until_stable,
    "newcomer": newcomer,
}
"""Name -> pairing, for menus, dispatch and tests."""

NEEDS_TARGET = ("target", "one-opponent", "split", "target-plus-two", "newcomer")
ADAPTIVE = ("until-stable", "newcomer")
"""They choose by what was fought so far, so every contender answers everything first."""

DESCRIPTIONS: dict[str, str] = {
    "round-robin": "every pair on every instruction",
    "target": "the target against each of the rest",
    "one-opponent": "paper: the target against one opponent",
    "split": "paper: instructions split, one opponent for each part",
    "target-plus-two": "paper: the target and two opponents, pairwise",
    "all-pairwise": "paper's default: target and opponents, all pairwise",
    "random": "k random pairs for each instruction",
    "until-stable": "balanced random pairs until the board is good enough",
    "newcomer": "the opponents that tell most about the target",
}


def batches(name: str, field: Field, tally: Tally) -> Iterator[list[Meeting]]:
    """The named pairing's batches.

    Raises:
        BadInput: no such pairing, fewer than two contenders, or a target that does not take part.
    """
    if name not in PAIRINGS:
        raise BadInput(f"No pairing {name!r}; choose one of {', '.join(PAIRINGS)}.")
    if len(set(field.contenders)) < 2 or len(set(field.contenders)) < len(field.contenders):
        raise BadInput("A battle needs at least two different contenders.")
    if name in NEEDS_TARGET and field.target not in field.contenders:
        raise BadInput(f"The pairing {name} needs a target among the contenders; got {field.target!r}.")
    return PAIRINGS[name](field, tally)


def size(name: str, field: Field) -> int:
    """Meetings the pairing asks for; for adaptive ones the most it may ask for."""
    n, instructions = len(field.contenders), len(field.instructions)
    each = {
        "one-opponent": 1,
        "split": 1,
        "target": n - 1,
        "newcomer": n - 1,
        "target-plus-two": min(3, n * (n - 1) // 2),
        "random": min(field.k, n * (n - 1) // 2),
    }.get(name, n * (n - 1) // 2)
    return each * instructions


def _opponents(field: Field) -> list[str]:
    return [name for name in field.contenders if name != field.target]


def _on_every_instruction(field: Field, pairs: Sequence[tuple[str, str]]) -> Iterator[list[Meeting]]:
    return _chunks(meeting(instruction, a, b) for instruction in field.instructions for a, b in pairs)


def _chunks(meetings: Iterator[Meeting]) -> Iterator[list[Meeting]]:
    chunk: list[Meeting] = []
    for one in meetings:
        chunk.append(one)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


@dataclass(frozen=True)
class Saving:
    """What a pairing saved against the full round robin."""

    meetings: int
    round_robin: int

    @property
    def share(self) -> float:
        return 1 - self.meetings / self.round_robin if self.round_robin else 0.0
