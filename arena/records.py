"""Every record we keep, in order of birth: frozen, flat, with natural keys.

Saving a record twice is saving it once: `KEYS` names the columns that make it itself, and ids are
hashes of content where there is no name.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
Settings = Mapping[str, Json]


class ArenaError(Exception):
    """Something the user can mend; its text says what, where, and the next step."""


class BadInput(ArenaError):
    """A file, a form or an argument that cannot be used as it is."""


class Locked(ArenaError):
    """Another process holds the arena's database; `owner` is its process id."""

    def __init__(self, message: str, owner: int | None = None) -> None:
        super().__init__(message)
        self.owner = owner


class BackendError(ArenaError):
    """A model could not be loaded or reached at all (one failed call is an `Outcome`)."""


class Winner(StrEnum):
    """Who won a battle; A and B are the battle's contenders, not the judge's seats."""

    A = "A"
    B = "B"
    TIE = "tie"
    BOTH_BAD = "both_bad"
    """Only people say so; counts as a tie in ratings, as at LMArena."""


class Outcome(StrEnum):
    """How one call to a model ended. Only OK and TRUNCATED carry a usable answer; only OK is final."""

    OK = "ok"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    REFUSED = "refused"
    CONTEXT_OVERFLOW = "context_overflow"
    UNREADABLE = "unreadable"
    """A judge answered, but not in the agreed form; retried on resume, never a tie."""
    FAILED = "failed"


class Source(StrEnum):
    """Where a battle comes from."""

    JUDGED = "judged"
    VOTE = "vote"
    LIVE = "live"
    IMPORTED = "imported"


_encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def content_id(*parts: Json) -> str:
    """16 hex digits of SHA-256 over the parts, the id of whatever they describe."""
    return hashlib.sha256(_encoded(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Instruction:
    """What contenders answer: the user's turns of one conversation."""

    id: str
    turns: tuple[str, ...]
    category: str = ""
    language: str = ""
    source: str = ""
    """File or collection it was read from."""
    reference: tuple[str, ...] = ()
    """Reference answers, one a turn, for judges that use them."""
    check: Settings = field(default_factory=dict)
    """How code can verify an answer, e.g. {"kind": "json"}; empty when only a judge can tell."""

    @staticmethod
    def of(*turns: str, **facts: Any) -> Instruction:
        """An instruction whose id is the hash of its turns."""
        return Instruction(content_id(*turns), tuple(turns), **facts)


@dataclass(frozen=True)
class TestSet:
    """A named, immutable choice of instructions and the recipe that made it."""

    __test__ = False  # pytest would take the name for a test class

    name: str
    recipe: str
    """Key of `testsets.RECIPES`."""
    purpose: str = "test"
    """"test" sets are held out; "train" sets are the splits D0, D1, ... of the flywheel."""
    size: int = 0
    seed: int = 0
    source: str = ""
    embedding: str = ""
    difficulty: str = ""
    """Judge or baseline that rated difficulty; empty when nobody did."""
    settings: Settings = field(default_factory=dict)
    content_hash: str = ""
    recorded: bool = False
    """True for what ships with the app rather than made on this machine."""
    made_at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Pick:
    """One instruction's place in one test set."""

    testset: str
    instruction: str
    position: int
    cluster: int | None = None
    difficulty: float | None = None


@dataclass(frozen=True)
class Difficulty:
    """How hard a model or a baseline finds an instruction, 0 (trivial) to 10."""

    instruction: str
    rater: str
    score: float | None
    explanation: str = ""
    outcome: Outcome = Outcome.OK
    run: str = ""
    made_at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Sampling:
    """How an answer is drawn; part of the key under which it is stored."""

    temperature: float = 0.7
    top_p: float = 1.0
    max_tokens: int = 512
    """Most new tokens a turn."""
    seed: int | None = 0
    stop: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return content_id(to_json(self))


@dataclass(frozen=True)
class Contender:
    """A language model that can battle, judge, or both."""

    name: str
    backend: str
    """Key of `backends.BACKENDS`."""
    location: str = ""
    """Folder, GGUF file, hub id, or one or more server URLs separated by spaces."""
    model: str = ""
    """Model id the server expects; empty where the location says it all."""
    key_env: str = ""
    """Name (never value) of the environment variable that holds the API key."""
    system_prompt: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    options: Settings = field(default_factory=dict)
    """Passed to the backend: dtype, batch size, threads, server flags, chat template, prices."""
    licence: str = ""
    organisation: str = ""
    """Family, for self- and family-preference figures."""
    description: str = ""
    parent: str = ""
    """The contender it was trained from; empty for models brought in."""
    stage: str = ""
    """sft, dpo, ppo, ...; empty for models brought in."""
    iteration: int | None = None
    """0 for I0, 1 for I1, ...; None outside the flywheel."""
    round: str = ""
    hidden: bool = False
    """Removed from menus; what it fought stays."""
    recorded: bool = False
    made_at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Response:
    """One contender's answer to one instruction: one text for each of its turns."""

    id: str
    contender: str
    instruction: str
    sampling: str
    """`Sampling.id`."""
    sample: int
    """0, 1, ... when several answers are drawn."""
    answers: tuple[str, ...]
    outcome: Outcome = Outcome.OK
    finish_reason: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    error: str = ""
    run: str = ""
    made_at: float = field(default_factory=time.time)

    @staticmethod
    def key(contender: str, instruction: str, sampling: str, sample: int = 0) -> str:
        """The id of this answer, known before it is made."""
        return content_id("response", contender, instruction, sampling, sample)


@dataclass(frozen=True)
class Judge:
    """A way of judging: kind, the model that does it, and its prompt."""

    name: str
    kind: str
    """Key of `battles.judges.JUDGES`."""
    contender: str = ""
    """The model that judges; empty for judges made of code."""
    prompt: str = ""
    """Prompt text with placeholders; its hash is part of every judgement's key."""
    prompt_hash: str = ""
    settings: Settings = field(default_factory=dict)
    recorded: bool = False
    made_at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Judgement:
    """One seat order of one pair by one judge, a "game"."""

    id: str
    judge: str
    prompt_hash: str
    instruction: str
    first: str
    """Response id in the first seat."""
    second: str
    score_first: float | None
    """1-10; None when unreadable."""
    score_second: float | None
    explanation: str = ""
    outcome: Outcome = Outcome.OK
    raw: str = ""
    """What the judge said, verbatim."""
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    run: str = ""
    made_at: float = field(default_factory=time.time)

    @staticmethod
    def key(judge: str, prompt_hash: str, first: str, second: str) -> str:
        """The id of this game, known before it is played."""
        return content_id("judgement", judge, prompt_hash, first, second)


@dataclass(frozen=True)
class Battle:
    """Two answers to one instruction, settled: both seat orders merged, or a vote, or imported."""

    id: str
    instruction: str
    contender_a: str
    """contender_a < contender_b in judged battles, so that one pair has one name."""
    contender_b: str
    winner: Winner
    judge: str = ""
    """Judge's name, or the voter's for votes."""
    prompt_hash: str = ""
    response_a: str = ""
    response_b: str = ""
    score_a: float | None = None
    """Mean of the two games' scores."""
    score_b: float | None = None
    margin: float | None = None
    """score_a - score_b."""
    flipped: bool = False
    """The two seat orders named different winners."""
    source: Source = Source.JUDGED
    category: str = ""
    language: str = ""
    weight: float = 1.0
    """Inverse sampling weight where pairs were not drawn evenly."""
    run: str = ""
    recorded: bool = False
    made_at: float = field(default_factory=time.time)

    @staticmethod
    def key(judge: str, prompt_hash: str, response_a: str, response_b: str) -> str:
        """The id of this battle whichever way round the answers are named."""
        return content_id("battle", judge, prompt_hash, *sorted((response_a, response_b)))


@dataclass(frozen=True)
class Vote:
    """What one person said of one battle; a later vote replaces the earlier one."""

    voter: str
    battle: str
    winner: Winner
    blind: bool = True
    note: str = ""
    tags: tuple[str, ...] = ()
    made_at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Reading:
    """How a battle was served to a person, so that a blind one stays blind over every restart."""

    reader: str
    """The login's name, or the id a browser gave itself."""
    battle: str
    blind: bool
    """Names, seats and verdict have not left the server yet."""
    made_at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class HandPick:
    """A person's word that a battle goes into the next training selection, or stays out of it."""

    battle: str
    keep: bool
    by: str = ""
    made_at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class TrainingSet:
    """A named, immutable choice of examples and the strategy that made it."""

    name: str
    stage: str
    """The stage it feeds: sft, dpo, reward, ppo, rloo."""
    strategy: str
    student: str
    settings: Settings = field(default_factory=dict)
    size: int = 0
    content_hash: str = ""
    recorded: bool = False
    made_at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Example:
    """One row of training data, with the battle it came from."""

    id: str
    training_set: str
    position: int
    instruction: str
    turns: tuple[str, ...]
    """User turns."""
    chosen: tuple[str, ...]
    """Answers to learn, one a turn; empty for stages that sample their own."""
    rejected: tuple[str, ...] = ()
    teacher: str = ""
    """Contender who wrote `chosen`."""
    margin: float | None = None
    battle: str = ""


@dataclass(frozen=True)
class Round:
    """One training of one contender: student + examples + stage -> checkpoint."""

    name: str
    stage: str
    student: str
    training_set: str
    checkpoint: str = ""
    """Contender that came out of it; empty until it is done."""
    iteration: int | None = None
    run: str = ""
    settings: Settings = field(default_factory=dict)
    metrics: Settings = field(default_factory=dict)
    recorded: bool = False
    made_at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Snapshot:
    """A frozen leaderboard with everything that made it."""

    id: str
    name: str
    settings: Settings
    rows: Json
    content_hash: str
    made_at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Reference:
    """One row of somebody else's ranking, e.g. LMSYS Chatbot Arena on one day."""

    table: str
    model: str
    rating: float
    low: float | None = None
    high: float | None = None
    rank: int | None = None
    votes: int | None = None
    organisation: str = ""
    licence: str = ""
    date: str = ""
    note: str = ""


@dataclass(frozen=True)
class Alias:
    """A person's word that a contender is known by another name in a reference table."""

    contender: str
    table: str
    model: str
    """Empty when a person said that there is no counterpart."""
    made_at: float = field(default_factory=time.time)


KEYS: dict[type, tuple[str, ...]] = {
    Instruction: ("id",),
    TestSet: ("name",),
    Pick: ("testset", "instruction"),
    Difficulty: ("instruction", "rater"),
    Contender: ("name",),
    Response: ("id",),
    Judge: ("name",),
    Judgement: ("id",),
    Battle: ("id",),
    Vote: ("voter", "battle"),
    Reading: ("reader", "battle"),
    HandPick: ("battle",),
    TrainingSet: ("name",),
    Example: ("id",),
    Round: ("name",),
    Snapshot: ("id",),
    Reference: ("table", "model"),
    Alias: ("contender", "table"),
}
"""Record class -> the fields that make it itself. The table is the class name in snake case."""

Record = Any
"""An instance of a class in `KEYS`."""

R = TypeVar("R")


def table_of(kind: type) -> str:
    """TrainingSet -> training_set."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.__name__).lstrip("_")


TABLES: dict[str, type] = {table_of(kind): kind for kind in KEYS}


def key_of(record: Record) -> tuple[Json, ...]:
    """The values of the record's key fields."""
    return tuple(getattr(record, name) for name in KEYS[type(record)])


def to_json(record: Record) -> dict[str, Json]:
    """The record as plain JSON values; tuples become lists, enums their values."""
    return {name: _plain(getattr(record, name)) for name in _names(typing.cast("Any", type(record)))}


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind))


PLAIN = frozenset({str, int, float, bool, type(None)})


def _plain(value: Any) -> Json:
    if type(value) in PLAIN:  # nearly all fields; the questions below cost a battle run a sixth of its calls
        return typing.cast("Json", value)
    if dataclasses.is_dataclass(value):
        return to_json(value)
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return typing.cast("Json", value)


@cache
def _types(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def from_json(kind: type[R], values: Mapping[str, Any]) -> R:
    """The record back from plain JSON values; unknown names are an error, missing ones default."""
    hints = _types(typing.cast("Any", kind))
    return kind(**{name: _typed(hints[name], value) for name, value in values.items()})


def _typed(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    origin = typing.get_origin(hint)
    if origin is types.UnionType:
        return _typed(next(a for a in typing.get_args(hint) if a is not type(None)), value)
    if origin is tuple:
        return tuple(value)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return from_json(hint, value)
    return value
