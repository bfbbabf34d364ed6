"""Which of a student's battles become its next lessons: pure functions from bouts to candidates.

The paper (section 5) leaves open whether a gap of exactly K counts, and which loser is rejected; both are
settings of `Selection`. A label is always the winner's answer, for SFT never the student's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from arena.flywheel.bouts import Bout
from arena.flywheel.strategies import STRATEGIES
from arena.records import BadInput

PAIRED_STAGES = ("dpo", "reward")
PROMPT_STAGES = ("ppo", "rloo")


@dataclass(frozen=True)
class Selection:
    """Everything that decides which examples come out; written into the training set."""

    strategy: str = "pair-judge"
    k: float = 1.0
    """Least score gap by which the chosen answer won. The paper: SFT 3.0, DPO 2.0 in round 1, then 1.0."""
    at_least: bool = True
    """A gap of exactly K counts (>=); False asks for more than K (>). The paper does not say; at K = 0
    the difference decides whether ties are lessons: they never are, since a tie has no winner."""
    pairs: str = "with-student"
    """For DPO: "student-lost" (the student's answer is rejected), "with-student" (its wins too, as the
    paper allows) or "all" battles on the instruction. Reward models always use "all"."""
    drop_flipped: bool = True
    """Drop battles whose two seat orders named different winners."""
    drop_unfinished: bool = True
    """Drop labels that ran into the token limit."""
    most_characters: int | None = None
    """Longest conversation (instruction and label), in characters."""
    per_instruction: int = 1
    """Most examples from one instruction; the paper takes one label a prompt."""
    per_teacher: int | None = None
    """Most examples from one teacher."""
    length_balanced: bool = False
    """Keep no more labels that are longer than the loser's answer than shorter ones (length control)."""
    size: int | None = None
    """Most examples in all; None keeps every one."""
    seed: int = 0
    leave_out: tuple[str, ...] = ()
    """Battles a person dropped by hand."""


@dataclass(frozen=True)
class Candidate:
    """A battle seen as a lesson."""

    battle: str
    instruction: str
    turns: tuple[str, ...]
    chosen: tuple[str, ...]
    rejected: tuple[str, ...]
    teacher: str
    loser: str
    margin: float
    """Score gap by which the chosen answer won, never negative."""
    category: str = ""
    difficulty: float | None = None
    flipped: bool = False
    whole: bool = True
    picked: bool | None = None
    """By hand: True passes the filters and stands before the others, False is left out."""

    @property
    def characters(self) -> int:
        """Length of the instruction and the label."""
        return sum(map(len, (*self.turns, *self.chosen)))


@dataclass(frozen=True)
class Selected:
    kept: tuple[Candidate, ...]
    dropped: Mapping[str, int]
    """Reason -> how many battles fell for it, in the order of the steps."""
    by_hand: tuple[Candidate, ...] = ()
    """Those a person dropped."""


def reads_others(stage: str, selection: Selection) -> bool:
    """Whether battles that the student did not fight can become lessons."""
    return stage == "reward" or (stage in PAIRED_STAGES and selection.pairs == "all")


def candidates(bouts: Iterable[Bout], student: str, stage: str, selection: Selection) -> list[Candidate]:
    """Every battle that could teach the student something, before any gap or filter.

    SFT: battles that the student fought; the label is the other's answer. It lost them under the
    pair-judge; the strategies it is compared with take the label whoever won.
    DPO, reward: decided battles as (winner, loser). PPO, RLOO: the student's battles, for their prompts; a gap
    of at least K leaves those that it lost. One that it always answers well pays every answer the same.
    """
    if stage in PAIRED_STAGES:
        pairs = "all" if stage == "reward" else selection.pairs
        if pairs not in PAIRS:
            raise BadInput(f"No choice of pairs {pairs!r}; choose one of {', '.join(PAIRS)}.")
        decided = [_won(bout) for bout in bouts if bout.winner in {"A", "B"}]
        return [c for c in decided if PAIRS[pairs](c, student)]
    own = [bout for bout in bouts if student in {bout.contender_a, bout.contender_b}]
    if stage in PROMPT_STAGES:
        return [_taught(bout, student) for bout in own]
    if selection.strategy == "pair-judge":
        return [c for bout in own if bout.winner in {"A", "B"} if (c := _won(bout)).teacher != student]
    return [c for bout in own if (c := _taught(bout, student)).teacher != student]


PAIRS: dict[str, Callable[[Candidate, str], bool]] = {
    "student-lost": lambda c, student: c.loser == student,
    "with-student": lambda c, student: student in {c.teacher, c.loser},
    "all": lambda c, student: True,
}
"""Name -> (candidate, student) -> whether the pair is used."""


def select(
    bouts: Iterable[Bout],
    student: str,
    stage: str,
    selection: Selection,
    scores: Mapping[str, float] | None = None,
) -> Selected:
    """The lessons, best first, and why the others fell.

    Args:
        scores: battle -> likelihood figure, for the strategies `NEEDS_SCORES` names.

    Raises:
        BadInput: unknown strategy, or settings that contradict each other.
    """
    return choose(candidates(bouts, student, stage, selection), stage, selection, scores)


def choose(
    pool: list[Candidate], stage: str, selection: Selection, scores: Mapping[str, float] | None = None
) -> Selected:
    """`select`, from candidates that are there already."""
    if selection.strategy not in STRATEGIES:
        raise BadInput(f"No strategy {selection.strategy!r}; choose one of {', '.join(STRATEGIES)}.")
    if selection.per_instruction < 1 or selection.k < 0:
        raise BadInput("K must be 0 or more, and at least one example an instruction.")
    dropped: Counter[str] = Counter()
    by_hand = tuple(c for c in pool if c.picked is False or c.battle in selection.leave_out)
    for reason, holds in _filters(stage, selection):
        kept = [c for c in pool if holds(c) or (c.picked and reason not in EVEN_PICKED)]
        dropped[reason] += len(pool) - len(kept)
        pool = kept
    pool = _count(dropped, "same texts", pool, _unique(pool, stage))
    # One draw for each instruction first, so that a cap never changes which label an instruction gets.
    pool = _count(
        dropped, "more than allowed per instruction", pool, _capped(pool, selection.per_instruction)
    )
    ranked = STRATEGIES[selection.strategy](pool, len(pool), selection.seed, scores or {})
    pool = _count(dropped, "no figure for the strategy", pool, sorted(ranked, key=lambda c: not c.picked))
    if selection.per_teacher is not None:
        pool = _count(
            dropped, "more than allowed per teacher", pool, _per_teacher(pool, selection.per_teacher)
        )
    if selection.length_balanced:
        pool = _count(dropped, "length balance", pool, _balanced(pool))
    if selection.size is not None and len(pool) > selection.size:
        picked = [c for c in pool if c.picked][: selection.size]
        rest, room = [c for c in pool if not c.picked], selection.size - len(picked)
        best = STRATEGIES[selection.strategy](rest, room, selection.seed, scores or {})
        pool = _count(dropped, "beyond the size", pool, [*picked, *best[:room]])
    return Selected(tuple(pool), {reason: n for reason, n in dropped.items() if n}, by_hand)


EVEN_PICKED = ("dropped by hand", "empty answer")
"""Filters that a pick by hand does not pass."""


def _filters(stage: str, s: Selection) -> list[tuple[str, Callable[[Candidate], bool]]]:
    by_hand = set(s.leave_out)
    steps: list[tuple[str, Callable[[Candidate], bool]]] = [
        ("dropped by hand", lambda c: c.battle not in by_hand and c.picked is not False)
    ]
    if s.drop_flipped:
        steps.append(("the seats flipped the verdict", lambda c: not c.flipped))
    if stage in PAIRED_STAGES or s.strategy == "pair-judge":
        steps.append(("gap below K", lambda c: c.margin >= s.k if s.at_least else c.margin > s.k))
    if stage not in PROMPT_STAGES:
        steps.append(("empty answer", lambda c: all(a.strip() for a in c.chosen) and bool(c.chosen)))
        if s.drop_unfinished:
            steps.append(("label cut at the token limit", lambda c: c.whole))
    most = s.most_characters
    if most is not None:
        steps.append(("too long", lambda c: c.characters <= most))
    return steps


def _count(
    dropped: Counter[str], reason: str, before: list[Candidate], after: list[Candidate]
) -> list[Candidate]:
    dropped[reason] += len(before) - len(after)
    return after


def _won(bout: Bout) -> Candidate:
    return _candidate(bout, a_chosen=bout.winner == "A", margin=abs(bout.margin))


def _taught(bout: Bout, student: str) -> Candidate:
    """The other side's answer as the label, whoever won."""
    a_chosen = bout.contender_b == student
    return _candidate(bout, a_chosen, max(0.0, bout.margin if a_chosen else -bout.margin))


def _candidate(bout: Bout, a_chosen: bool, margin: float) -> Candidate:
    sides = [
        (bout.contender_a, bout.answers_a, bout.whole_a),
        (bout.contender_b, bout.answers_b, bout.whole_b),
    ]
    (teacher, chosen, whole), (loser, rejected, _) = sides if a_chosen else sides[::-1]
    return Candidate(
        bout.battle, bout.instruction, bout.turns, chosen, rejected, teacher, loser, margin,
        bout.category, bout.difficulty, bout.flipped, whole, bout.picked,
    )  # fmt: skip


def _unique(pool: list[Candidate], stage: str) -> list[Candidate]:
    """The first of those with the same texts, the widest gap first."""
    seen: set[tuple[object, ...]] = set()
    kept = []
    for c in sorted(pool, key=_widest):
        texts = (c.turns, c.chosen, c.rejected if stage in PAIRED_STAGES else ())
        if texts not in seen:
            seen.add(texts)
            kept.append(c)
    return kept


def _widest(c: Candidate) -> tuple[bool, float, str]:
    return (not c.picked, -c.margin, c.battle)


def _capped(pool: list[Candidate], most: int) -> list[Candidate]:
    """At most so many of one instruction, the widest gaps first."""
    used: Counter[str] = Counter()
    kept = []
    for c in sorted(pool, key=_widest):
        used[c.instruction] += 1
        if used[c.instruction] <= most:
            kept.append(c)
    return kept


def _per_teacher(pool: list[Candidate], most: int) -> list[Candidate]:
    used: Counter[str] = Counter()
    kept = []
    for c in pool:
        used[c.teacher] += 1
        if used[c.teacher] <= most:
            kept.append(c)
    return kept


def _balanced(pool: list[Candidate]) -> list[Candidate]:
    """As many labels longer than the loser's answer as shorter ones; those of equal length stay."""
    longer = [c for c in pool if _excess(c) > 0]
    shorter = [c for c in pool if _excess(c) < 0]
    most = min(len(longer), len(shorter))
    spare = {c.battle for c in (*longer[most:], *shorter[most:])}
    return [c for c in pool if c.battle not in spare]


def _excess(c: Candidate) -> int:
    return sum(map(len, c.chosen)) - sum(map(len, c.rejected))
