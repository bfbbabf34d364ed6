"""Who was served which battle blind: kept by the server, so that no address and no restart lifts the blind."""

from __future__ import annotations

from arena.records import Reading
from arena.store import Store


def serve_blind(store: Store, reader: str, battle: str, asked: bool, settled: bool) -> bool:
    """Whether to serve the battle without names, remembered for its next serving and for the vote.

    What was begun blind stays so until it is settled: by the vote, or by the wish to see the names. What was
    read openly may be shown blind again when asked, but a vote on it no longer counts as blind.
    """
    held = store.get(Reading, reader, battle) if reader else None
    blind = not settled and (asked or (held is not None and held.blind))
    never_open = blind and (held is None or held.blind)
    if reader and (held is None or held.blind != never_open):
        store.save([Reading(reader, battle, never_open)], moves=False)
    return blind


def was_blind(store: Store, reader: str, battle: str) -> bool:
    """Whether a vote now would be blind: served, and never with names."""
    held = store.get(Reading, reader, battle) if reader else None
    return held is not None and held.blind
