"""A round as data: who learns what and how; and the paper's schedule, I0 to I3, as a readable plan."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from arena.flywheel.presets import PRESETS
from arena.flywheel.selection import PAIRS, Selection
from arena.flywheel.strategies import STRATEGIES
from arena.records import BadInput, Json, Settings, to_json

_RESOLVES = Json  # `from_json` looks the names inside `Settings` up in this module


@dataclass(frozen=True)
class RoundPlan:
    """One training to launch."""

    name: str
    stage: str
    student: str
    training_set: str
    checkpoint: str = ""
    """Name of the new contender; empty takes the round's name."""
    preset: str = "cpu"
    settings: Settings = field(default_factory=dict)
    """Changes to the preset; any field of the stage's TRL config."""
    lora: Settings = field(default_factory=dict)
    """peft's LoraConfig, e.g. {"r": 16}; empty trains every weight."""
    reward: str = ""
    """PPO and RLOO: the contender that is the reward model; empty rewards answers that pass their check."""
    threads: int = 1
    """torch's. Two on a busy two-core machine were 5-7 times slower than one."""
    aside: float = 0.0
    """Share of the examples kept from training, 0 to 0.5, on which SFT, DPO and reward models report a loss."""
    store_as: str = "float32"
    """The checkpoint's dtype: float32 as it was trained, bfloat16, float16, or "student" for the student's own.
    Half of the size, but two bytes round most of a short training's steps away."""
    iteration: int | None = None
    forbid_leaks: bool = False
    """Refuse examples that are also in a held-out test set; otherwise they are counted and shown."""


@dataclass(frozen=True)
class Step:
    """One row of a schedule: battles on splits -> selection -> stage -> a new contender."""

    makes: str
    """Name of the new contender, e.g. SFT-I1."""
    starts_from: str
    """Contender whose weights it starts from; an earlier step's `makes`, or the schedule's base."""
    battles_as: str
    """Contender that fights on the splits and whose losses are the lessons."""
    stage: str
    splits: tuple[str, ...]
    """Train test sets, D0, D1, ...; empty for a step that is there already."""
    iteration: int
    selection: Selection = field(default_factory=Selection)
    preset: str = "cpu"
    settings: Settings = field(default_factory=dict)
    reward: str = ""


@dataclass(frozen=True)
class FlywheelPlan:
    """A whole flywheel run, one YAML file."""

    name: str
    base: str
    """The student before its first lesson."""
    teachers: tuple[str, ...]
    judge: str
    held_out: str = ""
    """Test set that reports the result; never trained on."""
    second_judge: str = ""
    """Reports the result, so that the judge who picked the data does not also grade it."""
    battles: Settings = field(default_factory=dict)
    """How the battles on the splits are fought, e.g. {"samples": 3, "conservative": true}."""
    steps: tuple[Step, ...] = ()


def _iteration(
    n: int, start: str, before: str, splits: Mapping[str, tuple[str, ...]], k: float
) -> list[Step]:
    dpo = Selection(k=2.0 if n == 1 else 1.0)
    return [
        Step(f"SFT-I{n}", start, before, "sft", splits["sft"], n, Selection(k=k), "paper"),
        Step(f"DPO-I{n}", f"SFT-I{n}", f"SFT-I{n}", "dpo", splits["dpo"], n, dpo, "paper"),
        Step(f"RM-I{n}", start, f"DPO-I{n}", "reward", splits["ppo"], n, Selection(k=0.0), "paper"),
        Step(
            f"PPO-I{n}",
            f"DPO-I{n}",
            f"DPO-I{n}",
            "ppo",
            splits["ppo"],
            n,
            Selection(k=0.0),
            "paper",
            reward=f"RM-I{n}",
        ),
    ]


def paper_schedule(base: str = "base", zero: str = "SFT-I0") -> tuple[Step, ...]:
    """The paper's table (section 5): splits grow with each iteration, SFT starts from the base again.

    RM-In is the reward model that PPO-In is paid by, learnt from the same battles.

    Args:
        zero: the model trained on D0, which fights the first battles.
    """
    steps: list[Step] = []
    before = zero
    sft: tuple[str, ...] = ()
    dpo: tuple[str, ...] = ()
    ppo: tuple[str, ...] = ()
    for n, k in ((1, 3.0), (2, 1.0), (3, 1.0)):
        first = 3 * (n - 1)
        sft, dpo, ppo = (*sft, f"D{first + 1}"), (*dpo, f"D{first + 2}"), (*ppo, f"D{first + 3}")
        steps += _iteration(n, base, before, {"sft": sft, "dpo": dpo, "ppo": ppo}, k)
        before = f"PPO-I{n}"
    return tuple(steps)


def first_schedule(
    base: str, teachers: Sequence[str], judge: str, splits: Sequence[str], held_out: str
) -> FlywheelPlan:
    """A plan to begin with: SFT on the first split, DPO of what it made on the next, on two cores."""
    one, two = f"{base}-sft-i1", f"{base}-dpo-i1"
    first, second = splits[:1], splits[1:2] or splits[:1]
    steps = (
        Step(one, base, base, "sft", tuple(first), 1, Selection(k=1.0)),
        Step(two, one, one, "dpo", tuple(second), 1, Selection(k=1.0)),
    )
    return FlywheelPlan("first-rounds", base, tuple(teachers), judge, held_out, steps=steps)


def check_plan(plan: FlywheelPlan) -> None:
    """Find what would go wrong before the first battle.

    Raises:
        BadInput: no steps or teachers, a step that starts from a model that no earlier step makes, an unknown
            stage, strategy or preset, a name used twice, or a split that is also the held-out test set.
    """
    _check_head(plan)
    known = {plan.base, *plan.teachers, *(step.battles_as for step in plan.steps[:1])}
    for number, step in enumerate(plan.steps, 1):
        where = f"Step {number} ({step.makes})"
        menus = (
            ("stage", step.stage, PRESETS),
            ("strategy", step.selection.strategy, STRATEGIES),
            ("choice of pairs", step.selection.pairs, PAIRS),
            ("preset", step.preset, PRESETS.get(step.stage, {})),
        )
        for word, value, menu in menus:
            if value not in menu:
                raise BadInput(f"{where}: no {word} {value!r}; choose one of {', '.join(menu)}.")
        for word, value in (("starts from", step.starts_from), ("battles as", step.battles_as)):
            if value not in known:
                raise BadInput(f"{where} {word} {value!r}, which no earlier step makes.")
        if step.reward and step.reward not in known:
            raise BadInput(f"{where} is paid by {step.reward!r}, which no earlier step makes.")
        if step.selection.k < 0 or step.selection.per_instruction < 1:
            raise BadInput(f"{where}: k must be 0 or more, and per_instruction at least 1.")
        if step.makes in known:
            raise BadInput(f"{where}: the name {step.makes!r} is taken; name the new contender otherwise.")
        if plan.held_out and plan.held_out in step.splits:
            raise BadInput(f"{where} trains on {plan.held_out!r}, which is held out to report the result.")
        known.add(step.makes)


def _check_head(plan: FlywheelPlan) -> None:
    for word, value in (("steps", plan.steps), ("teachers", plan.teachers)):
        if not value:
            raise BadInput(f"The plan {plan.name} has no {word}; list at least one under `{word}:`.")


def read_plan(path: Path) -> FlywheelPlan:
    """A flywheel plan from its YAML file, checked.

    Raises:
        BadInput: the file is missing, is not YAML, or names something unknown; says where.
    """
    try:
        plan = parse_plan(path.read_text("utf-8"), f"The plan {path}")
    except OSError as error:
        raise BadInput(f"The plan {path} cannot be read: {error.strerror}.") from error
    check_reporter(plan)
    return plan


def parse_plan(text: str, where: str = "The plan") -> FlywheelPlan:
    """A flywheel plan from YAML, checked.

    Raises:
        BadInput: as `read_plan`.
    """
    return plan_of(read_yaml(text, where), where)


def check_reporter(plan: FlywheelPlan) -> None:
    """A grid's cells may share their reporter with one that picks lessons; a plan by itself has to say so.

    Raises:
        BadInput: the second judge is the first.
    """
    if plan.second_judge and plan.second_judge == plan.judge:
        raise BadInput(
            f"The plan {plan.name}: second_judge is {plan.judge!r}, which picks the lessons too; name another judge, "
            "or leave the line out."
        )


def plan_of(data: Mapping[str, Any], where: str) -> FlywheelPlan:
    """A flywheel plan from plain data, checked.

    Raises:
        BadInput: as `read_plan`.
    """
    data = dict(data)
    steps = data.pop("steps", None) or []
    if not isinstance(steps, list):
        raise BadInput(f"{where}: steps must be a list, one entry a step.")
    plan = FlywheelPlan(
        **_known(FlywheelPlan, data, where),
        steps=tuple(_step(step, f"{where}, step {n}") for n, step in enumerate(steps, 1)),
    )
    check_plan(plan)
    return plan


class _Loader(yaml.SafeLoader):
    """YAML 1.1 takes 1e-5 for a word; everybody means the number."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_yaml(text: str, where: str) -> dict[str, Any]:
    """Named settings from YAML; an empty text names none.

    Raises:
        BadInput: it is no YAML, or no names with values.
    """
    try:
        data = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader with one more form of number
    except yaml.YAMLError as error:
        raise BadInput(f"{where} cannot be read as YAML: {error}") from error
    if not isinstance(data or {}, dict):
        raise BadInput(f"{where} must hold NAME: VALUE lines.")
    return data or {}


def write_plan(plan: FlywheelPlan, path: Path) -> None:
    """The plan as YAML; settings that are at their defaults are left out."""
    path.write_text(plan_text(plan), "utf-8")


def plan_text(plan: FlywheelPlan) -> str:
    """What `write_plan` writes."""
    return yaml.safe_dump(plan_data(plan), sort_keys=False, allow_unicode=True)


def plan_data(plan: FlywheelPlan) -> dict[str, Any]:
    """The plan as plain data without what is at its default."""
    data: dict[str, Any] = {**to_json(plan), "steps": []}
    for step in plan.steps:
        row = {k: v for k, v in to_json(step).items() if v not in ("", {}, [])}
        defaults = to_json(Selection())
        changed = {k: v for k, v in to_json(step.selection).items() if v != defaults[k]}
        row.pop("selection")
        data["steps"].append({**row, **({"selection": changed} if changed else {})})
    return {k: v for k, v in data.items() if v not in ("", [], {})}


def _step(data: object, where: str) -> Step:
    if not isinstance(data, dict):
        raise BadInput(f"{where} must hold named settings: makes, starts_from, battles_as, stage, splits.")
    known = _known(Step, data, where)
    known["selection"] = Selection(**_known(Selection, data.get("selection") or {}, f"{where}, selection"))
    return Step(**known)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


FORMS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "str": ("a text (put it in quotes)", lambda v: isinstance(v, str)),
    "bool": ("true or false", lambda v: isinstance(v, bool)),
    "int": ("a whole number", lambda v: _is_number(v) and v == int(v)),
    "float": ("a number", _is_number),
    "tuple[str, ...]": (
        "a list of names",
        lambda v: isinstance(v, (list, tuple)) and all(isinstance(name, str) for name in v),
    ),
    "Settings": ("NAME: VALUE lines", lambda v: isinstance(v, dict)),
}
"""How a field is annotated -> what a plan must write there, and the test of it."""


def _known(kind: Any, data: Any, where: str) -> dict[str, Any]:
    """The settings of one record, their names and forms checked; lists as tuples."""
    if not isinstance(data, dict):
        raise BadInput(f"{where} must hold NAME: VALUE lines; it is {data!r}.")
    names = [f.name for f in fields(kind)]
    for key in data:
        if key not in names:
            raise BadInput(f"{where}: no setting {key!r}; there are {', '.join(names)}.")
    missing = [n for n in names[: _required(kind)] if n not in data]
    if missing:
        raise BadInput(f"{where} lacks {', '.join(missing)}.")
    for field_ in (f for f in fields(kind) if f.name in data):
        annotation = str(field_.type)
        form, value = annotation.removesuffix(" | None"), data[field_.name]
        if form in FORMS and not FORMS[form][1](value) and not (value is None and form != annotation):
            raise BadInput(f"{where}: {field_.name} must be {FORMS[form][0]}; it is {value!r}.")
    return {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}


def _required(kind: Any) -> int:
    """How many leading fields have no default."""
    from dataclasses import MISSING

    return sum(f.default is MISSING and f.default_factory is MISSING for f in fields(kind))
