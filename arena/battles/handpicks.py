"""Battles that a person puts into the next training selection, or keeps out of it, by hand."""

from __future__ import annotations

from arena.records import BadInput, Battle, HandPick
from arena.store import Store


def pick(store: Store, battle: str, keep: bool | None, by: str = "") -> None:
    """Put the battle in (True), leave it out (False), or leave it to the selection's rules (None).

    Raises:
        BadInput: there is no such battle.
    """
    if store.get(Battle, battle) is None:
        raise BadInput(f"There is no battle {battle!r} in this arena.")
    if keep is None:
        store.delete(HandPick, "battle = ?", [battle])
    else:
        store.save([HandPick(battle, keep, by)])


def picked(store: Store, battle: str) -> bool | None:
    """What a person said of this battle, None when nobody did."""
    held = store.get(HandPick, battle)
    return held.keep if held else None
