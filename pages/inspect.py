"""Read one battle: two answers side by side, the judge's games, people's votes; blind when asked."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from arena.battles import again, browse, handpicks, readings, votes
from arena.battles.browse import Detail, Filter
from arena.records import ArenaError, Battle, Contender, Instruction, Response, Winner
from arena.store import Store
from pages.inspect_acts import asking_again, picking, reader_of, tally, voter_of, voting, watching_again
from pages.inspect_view import Answer, blinded, opened
from pages.theme import when_ready


def render(store: Store) -> None:
    acts = (voting, tally, picking, asking_again, watching_again)
    gr.HTML(
        html_template='<div class="inspect-root"><h1>Inspect a battle</h1></div>',
        js_on_load=when_ready("ArenaInspect(element, server)", "ArenaInspect"),
        server_functions=[battle_reader(store), pair_reader(store), *(act(store) for act in acts)],
        apply_default_css=False,
    )


def battle_reader(store: Store) -> Callable[..., Answer]:
    def battle_of(asked: Answer, request: gr.Request) -> Answer:
        """{id, query, blind, queue, reveal, voter, reader} -> what the page shows.

        Names stay here while it is blind, and the server decides that: a battle that was once served blind
        to a reader stays so until the vote or until the reader asks for the names.
        """
        voter, reader = voter_of(asked, request), reader_of(asked, request)
        try:
            query = asked.get("query")
            words = {k: v for k, v in query.items() if k != "id"} if isinstance(query, dict) else {}
            chosen = Filter.of(words)
            queued = bool(asked.get("queue"))
            battle_id = str(asked.get("id") or "")
            if queued and not battle_id:
                waiting = votes.queue(store, voter, 1, reader, chosen)
                if not waiting:
                    return {"empty": True}
                battle_id = waiting[0]
            detail = browse.detail(store, battle_id)
            mine = next((v for v in detail.votes if v.voter == voter), None)
            settled = mine is not None or bool(asked.get("reveal"))
            login = str(getattr(request, "username", None) or "")
            if readings.serve_blind(store, reader, battle_id, bool(asked.get("blind")) or queued, settled):
                return blinded(detail) | {"login": login}
            place, total, before, after = browse.neighbours(store, chosen, battle_id)
            return opened(detail) | {
                "place": place, "total": total, "before": before, "after": after,
                "mine": str(mine.winner) if mine else "", "note": mine.note if mine else "",
                "tags": list(mine.tags) if mine else [],
                "judges": again.judges(store), "picked": handpicks.picked(store, battle_id),
                "login": login,
            }  # fmt: skip
        except ArenaError as error:
            return {"error": str(error)}

    return battle_of


def pair_reader(store: Store) -> Callable[[Answer], Answer]:
    def pair_of(asked: Answer) -> Answer:
        """{instruction, left, right} -> {id} of their battle, or the bare answers when they never fought."""
        words = [str(asked.get(k) or "") for k in ("instruction", "left", "right")]
        found = browse.between(store, *words)
        if found:
            return {"id": found}
        instruction = store.get(Instruction, words[0])
        if instruction is None:
            return {"error": "This instruction is not in the arena."}
        where = "instruction = ? AND contender IN (?, ?)"
        answers = store.load(Response, where, [instruction.id, *words[1:]], order="sample")
        pick = {r.contender: r for r in reversed(answers)}
        a, b = pick.get(words[1]), pick.get(words[2])
        battle = Battle("", instruction.id, words[1], words[2], Winner.TIE, category=instruction.category)
        made = Detail(
            battle, instruction, a, b, [], [], [],
            store.get(Contender, words[1]), store.get(Contender, words[2]),
            browse.answered(store, instruction.id),
        )  # fmt: skip
        return opened(made) | {"fought": False}

    return pair_of
