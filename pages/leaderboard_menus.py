"""What the leaderboard's menus ask for, what the store offers them, and how the address keeps it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import gradio as gr

from arena.ratings import slices, snapshots
from arena.ratings.intervals import DRAWS, INTERVALS
from arena.ratings.leaderboard import DEFAULTS, INIT, Settings
from arena.ratings.methods import METHODS
from arena.ratings.references import rankings
from arena.ratings.slices import SOURCES, Slice
from arena.records import BadInput
from arena.store import Store

EVERY = "all"
MEAN = "mean of all at 1000"
NOBODY = "nobody"
METHOD_MENU = [(method.says, name) for name, method in METHODS.items()]
INTERVAL_MENU = [(says, name) for name, says in INTERVALS.items()]
MOST_DRAWS = 2000

START: dict[str, Any] = {
    "testset": EVERY,
    "category": EVERY,
    "language": EVERY,
    "judge": EVERY,
    "source": EVERY,
    "method": DEFAULTS.method,
    "interval": DEFAULTS.interval,
    "anchor": MEAN,
    "anchor_at": INIT,
    "own_family": False,
    "style": False,
    "since": "",
    "until": "",
    "draws": DRAWS,
    "seed": 0,
    "k": DEFAULTS.k,
    "prior": None,
}
"""Menu -> where it stands at first, in the order of the handlers' arguments; the address keeps the others."""

REMEMBER = f"""(...choices) => {{
    const start = {json.dumps(START)};
    const address = new URLSearchParams();
    Object.keys(start).forEach((name, k) => {{
        const value = choices[k] === true ? 1 : choices[k];
        if (choices[k] !== start[name] && (value || value === 0)) address.set(name, value);
    }});
    history.replaceState(null, '', location.pathname + '?' + address.toString());
    return [];
}}"""


@dataclass(frozen=True)
class Wish:
    """What the menus ask for."""

    chosen: Slice
    settings: Settings

    @property
    def words(self) -> dict[str, str]:
        """The slice as the battles page's filters say it."""
        chosen = self.chosen
        said = {"testset": chosen.testset, "category": chosen.category, "language": chosen.language}
        days = {"since": slices.as_day(chosen.since), "until": slices.as_day(chosen.until, after=True)}
        return {**said, **days, "judge": chosen.judge, "source": chosen.source}

    @staticmethod
    def of(*values: Any) -> Wish:
        """The wish of the menus' values, in the order of `START`.

        Raises:
            BadInput: a day that is none, or fewer draws than make an interval.
        """
        asked = dict(zip(START, values, strict=True))
        chosen = Slice(
            _named(asked["testset"]),
            _named(asked["category"]),
            _named(asked["language"]),
            _named(asked["judge"]),
            _named(asked["source"]),
            bool(asked["own_family"]),
            since=slices.day(asked["since"] or ""),
            until=slices.day(asked["until"] or "", after=True),
        )
        draws = int(_number(asked["draws"], DRAWS))
        if draws > MOST_DRAWS:
            raise BadInput(f"{draws} draws would keep this page waiting; ask for at most {MOST_DRAWS}.")
        settings = Settings(
            asked["method"],
            asked["interval"],
            draws,
            int(_number(asked["seed"], 0)),
            "" if asked["anchor"] in (MEAN, "", None) else asked["anchor"],
            _number(asked["anchor_at"], INIT),
            None if asked["prior"] is None else float(asked["prior"]),
            _number(asked["k"], DEFAULTS.k),
            bool(asked["style"]),
        )
        return Wish(chosen, settings)


def _named(value: str | None) -> str:
    return "" if value in (EVERY, None) else str(value)


def _number(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else float(value)


def filled(store: Store, asked: dict[str, str]) -> list[Any]:
    """The menus of `START` filled from the store, each at what the address asks for where that exists."""
    known = slices.choices(store)
    offers: dict[str, list[Any]] = {
        **{name: [EVERY, *known[name]] for name in ("testset", "category", "language", "judge")},
        "source": [EVERY, *(name for name in SOURCES if name in known["source"])],
        "method": METHOD_MENU,
        "interval": INTERVAL_MENU,
        "anchor": [MEAN, *known["contenders"]],
    }
    updates: list[Any] = []
    for name, start in START.items():
        wanted = asked.get(name)
        if name in offers:
            values = [offer[1] if isinstance(offer, tuple) else offer for offer in offers[name]]
            updates.append(gr.Dropdown(choices=offers[name], value=wanted if wanted in values else start))
        elif isinstance(start, bool):
            updates.append(wanted == "1")
        elif isinstance(start, str):
            updates.append((wanted or start)[:10])
        else:
            updates.append(_finite(wanted, start))
    return updates


def _finite(text: str | None, otherwise: float | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return otherwise
    return value if math.isfinite(value) else otherwise


def frozen_menu(store: Store) -> Any:
    return gr.Dropdown(choices=[(f"{s.name} ({s.id[:6]})", s.id) for s in snapshots.every(store)])


def reference_menu(store: Store) -> Any:
    return gr.Dropdown(choices=[NOBODY, *rankings(store)])
