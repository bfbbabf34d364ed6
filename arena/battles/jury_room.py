"""Which models a judge needs, and the judges that the embedded models make."""

from __future__ import annotations

from collections.abc import Mapping

from arena.backends import embedded
from arena.battles.judges.game import NEEDS_MODEL
from arena.battles.judges.jury import members
from arena.battles.judges.prompt import make_judge
from arena.records import BadInput, Contender, Judge
from arena.store import Store


def models_of(judge: Judge, known: Mapping[str, Contender]) -> dict[str, Contender]:
    """The contenders that do the judge's work, by name.

    Raises:
        BadInput: one is not in the arena.
    """
    found: dict[str, Contender] = {}
    for one in members(judge) if judge.kind == "jury" else [judge]:
        if one.kind not in NEEDS_MODEL:
            continue
        if one.contender not in known:
            raise BadInput(
                f"Judge {one.name!r} is done by {one.contender!r}, which is not among the contenders; "
                "add it with `python -m arena contender add`."
            )
        found[one.contender] = known[one.contender]
    return found


EMBEDDED_KIND = "weighed"
"""How the embedded 1.5B judges best: each answer read alone, then both in both seat orders."""


def ensure_judge(store: Store, name: str, kind: str = "") -> Judge:
    """As `judge_named`, kept from then on."""
    judge = judge_named(store, name, kind)
    if store.get(Judge, judge.name) != judge:
        store.save([judge])
    return judge


def judge_named(store: Store, name: str, kind: str = "") -> Judge:
    """The judge of this name; a contender's name makes it one.

    Without a kind the paper's scores are asked for, except of the embedded judge (`EMBEDDED_KIND`).

    Raises:
        BadInput: neither a judge nor a contender has the name.
    """
    judge = store.get(Judge, name)
    if judge and kind in {"", judge.kind}:
        return judge
    model = store.get(Contender, name) or _embedded(store, name)
    default = EMBEDDED_KIND if model and model.options.get("role") == "judge" else "scores"
    kind = kind or default
    plain = name if kind == default and judge is None else f"{name}-{kind}"
    if (found := store.get(Judge, plain)) and found.kind == kind:
        return found
    if kind == "code":
        judge = make_judge("checks", "code")
    elif model:
        judge = make_judge(plain, kind, name)
    else:
        raise BadInput(
            f"There is no judge and no contender {name!r}; see `python -m arena contender list`, "
            "or add one with `python -m arena judge add`."
        )
    return judge


def _embedded(store: Store, name: str) -> Contender | None:
    """The embedded model of this name, added to the arena; None where there is none."""
    model = next((c for c in embedded.contenders(store.home) if c.name == name), None)
    if model:
        store.save([model])
    return model
