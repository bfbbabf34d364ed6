"""What a reader does to a battle: vote, judge it again, put it into training by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import gradio as gr

from arena import jobs
from arena.battles import again, handpicks, readings, votes
from arena.collector import collect
from arena.records import ArenaError, BadInput, Winner
from arena.store import Store
from pages.inspect_view import Answer, swapped
from pages.job_panel import facts


def voter_of(asked: Answer, request: gr.Request | None) -> str:
    """The login's name, or what the person told us once."""
    login = getattr(request, "username", None)
    return str(login or asked.get("voter") or "").strip()[:80]


def reader_of(asked: Answer, request: gr.Request | None) -> str:
    """Who reads: the login, or the id that the browser drew for itself; '' when it gave none."""
    login = getattr(request, "username", None)
    given = str(asked.get("reader") or "")[:40]
    return str(login) if login else given and f"browser {given}"


def voting(store: Store) -> Callable[..., Answer]:
    def vote_on(asked: Answer, request: gr.Request) -> Answer:
        """{id, winner (seat left or right when blind), note, tags, voter, reader} -> {voted} or {error}."""
        voter, battle_id = voter_of(asked, request), str(asked.get("id") or "")
        try:
            word = str(asked.get("winner") or "")
            if word in ("left", "right"):
                word = "A" if (word == "left") != swapped(battle_id) else "B"
            if word not in set(Winner):
                raise BadInput("A vote is A, B, tie or both_bad.")
            tags = tuple(t.strip()[:40] for t in str(asked.get("tags") or "").split(",") if t.strip())[:12]
            blind = readings.was_blind(store, reader_of(asked, request), battle_id)
            votes.cast(store, battle_id, voter, Winner(word), blind, str(asked.get("note") or ""), tags)
        except ArenaError as error:
            return {"error": str(error)}
        return {"voted": word}

    return vote_on


def tally(store: Store) -> Callable[..., Answer]:
    def agreement_of(asked: Answer, request: gr.Request) -> Answer:
        voter = voter_of(asked, request)
        return {
            "mine": dataclasses.asdict(votes.agreement_with_judge(store, voter)) if voter else None,
            "all": dataclasses.asdict(votes.agreement_with_judge(store)),
            "people": dataclasses.asdict(votes.agreement_between_people(store)),
        }

    return agreement_of


def picking(store: Store) -> Callable[..., Answer]:
    def pick_of(asked: Answer, request: gr.Request) -> Answer:
        """{id, keep: true, false or null} -> {picked} or {error}."""
        keep = asked.get("keep")
        try:
            battle_id = str(asked.get("id") or "")
            handpicks.pick(store, battle_id, None if keep is None else bool(keep), voter_of(asked, request))
            return {"picked": handpicks.picked(store, battle_id)}
        except ArenaError as error:
            return {"error": str(error)}

    return pick_of


def asking_again(store: Store) -> Callable[..., Answer]:
    def judge_again(asked: Answer) -> Answer:
        """{id, judge} -> {job} or {error}."""
        try:
            return {"job": again.launch(store, str(asked.get("id") or ""), str(asked.get("judge") or "")).id}
        except ArenaError as error:
            return {"error": str(error)}

    return judge_again


def watching_again(store: Store) -> Callable[..., Answer]:
    def again_of(asked: Answer) -> Answer:
        """{job} -> where it stands; what it wrote is in the store when it is done."""
        try:
            job = jobs.find(store.home, str(asked.get("job") or ""))
        except ArenaError as error:
            return {"error": str(error)}
        status = jobs.status(job)
        if not status.active:
            collect(store)
        return facts(job, status)

    return again_of
