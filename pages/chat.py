"""The chat arena: ask, watch two contenders answer side by side, vote; names stay here until then."""

from __future__ import annotations

import gradio as gr

from arena.battles import chat
from arena.battles.chat import Talk
from arena.records import ArenaError, BadInput, Winner
from arena.store import Store
from pages.inspect_acts import voter_of
from pages.markdown import to_html
from pages.theme import when_ready

Answer = dict[str, object]


def render(store: Store) -> None:
    """One live arena serves every session of the app."""
    live = chat.Arena(store)

    def names_of(asked: Answer) -> Answer:
        del asked
        return {"names": chat.candidates(store)}

    def ask_of(asked: Answer) -> Answer:
        try:
            words = [str(asked.get(k) or "") for k in ("instruction", "left", "right")]
            return {"id": live.start(*words).id}
        except ArenaError as error:
            return {"error": str(error)}

    def pieces_of(asked: Answer) -> Answer:
        try:
            return shown(live.talk(str(asked.get("id") or "")))
        except ArenaError as error:
            return {"error": str(error)}

    def choose_of(asked: Answer, request: gr.Request) -> Answer:
        try:
            word = str(asked.get("winner"))
            if word not in set(Winner):
                raise BadInput("A vote is A, B, tie or both_bad.")
            talk = str(asked.get("id") or "")
            battle = live.vote(talk, voter_of(asked, request), Winner(word))
            return {"battle": battle} | shown(live.talk(talk))
        except ArenaError as error:
            return {"error": str(error)}

    gr.HTML(
        html_template='<div class="chat-root"><h1>Chat arena</h1></div>',
        js_on_load=when_ready("ArenaChat(element, server)", "ArenaChat"),
        server_functions=[names_of, ask_of, pieces_of, choose_of],
        apply_default_css=False,
    )


def shown(talk: Talk) -> Answer:
    """What the browser may know of a talk now."""
    known = not talk.anonymous or bool(talk.voted)
    return {
        "done": all(seat.done for seat in talk.seats),
        "voted": talk.voted[0] if talk.voted else "",
        "seats": [
            {
                "name": seat.contender.name if known else "",
                "text": seat.text,
                "html": to_html(seat.text) if seat.done else "",
                "done": seat.done,
                # Errors name models and places: an anonymous side keeps them until the vote that never comes.
                "error": (seat.error if known else "This side could not answer.") if seat.error else "",
                "seconds": round(seat.seconds, 1),
            }
            for seat in talk.seats
        ],
    }
