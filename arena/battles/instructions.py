"""The instructions of a test set, or a word on why there are none."""

from __future__ import annotations

from arena.records import BadInput, Instruction, Pick, TestSet
from arena.store import Store


def instructions_in(store: Store, testset: str) -> list[Instruction]:
    """The test set's instructions in its order.

    Raises:
        BadInput: no such test set, or it holds nothing.
    """
    picks = {p.instruction: p.position for p in store.load(Pick, "testset = ?", [testset])}
    if not picks:
        check_testset(store, testset)
        raise BadInput(f"The test set {testset!r} holds no instruction; choose another one.")
    where = "id IN (SELECT instruction FROM pick WHERE testset = ?)"
    return sorted(store.load(Instruction, where, [testset]), key=lambda i: picks[i.id])


def check_testset(store: Store, name: str) -> None:
    """Raise BadInput when there is no test set of this name."""
    known = [t.name for t in store.load(TestSet, order="name")]
    if name not in known:
        raise BadInput(
            f"There is no test set {name!r}; the arena has {', '.join(known) or 'none'}. "
            "Build one on the Test sets page or with `python -m arena testset build`."
        )
