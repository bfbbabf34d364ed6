"""Read one battle: two answers side by side, the judge's games, people's votes; blind when asked."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable

import gradio as gr

from arena.battles import browse, votes
from arena.battles.browse import Detail, Filter
from arena.records import ArenaError, BadInput, Battle, Contender, Instruction, Response, Winner, content_id
from arena.store import Store
from pages.markdown import to_html
from pages.theme import when_ready

Answer = dict[str, object]
Seen = set[tuple[str, str]]
"""(voter, battle) whose names this app has shown; a vote after that is not blind."""
BLANK = "\u25ae\u25ae\u25ae"


def render(store: Store) -> None:
    seen: Seen = set()
    gr.HTML(
        html_template='<div class="inspect-root"><h1>Inspect a battle</h1></div>',
        js_on_load=when_ready("ArenaInspect(element, server)", "ArenaInspect"),
        server_functions=[battle_reader(store, seen), pair_reader(store), voting(store, seen), tally(store)],
        apply_default_css=False,
    )


def voter_of(asked: Answer, request: gr.Request | None) -> str:
    """The login's name, or what the person told us once."""
    login = getattr(request, "username", None)
    return str(login or asked.get("voter") or "").strip()[:80]


def battle_reader(store: Store, seen: Seen) -> Callable[..., Answer]:
    def battle_of(asked: Answer, request: gr.Request) -> Answer:
        """{id, query, blind, queue, voter} -> what the page shows; names stay here while it is blind."""
        voter = voter_of(asked, request)
        try:
            queued = bool(asked.get("queue"))
            battle_id = str(asked.get("id") or "")
            if queued and not battle_id:
                waiting = votes.queue(store, voter, 1)
                if not waiting:
                    return {"empty": True, "login": bool(getattr(request, "username", None))}
                battle_id = waiting[0]
            detail = browse.detail(store, battle_id)
            mine = next((v for v in detail.votes if v.voter == voter), None)
            if (asked.get("blind") or queued) and mine is None:
                return blinded(detail)
            seen.add((voter, battle_id))
            query = asked.get("query")
            chosen = Filter.of(
                {k: v for k, v in query.items() if k != "id"} if isinstance(query, dict) else {}
            )
            place, total, before, after = browse.neighbours(store, chosen, battle_id)
            return opened(detail) | {
                "place": place, "total": total, "before": before, "after": after,
                "mine": str(mine.winner) if mine else "", "note": mine.note if mine else "",
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
        answers = store.load(Response, "instruction = ?", [instruction.id], order="sample")
        pick = {r.contender: r for r in reversed(answers)}
        a, b = pick.get(words[1]), pick.get(words[2])
        battle = Battle("", instruction.id, words[1], words[2], Winner.TIE, category=instruction.category)
        made = Detail(
            battle, instruction, a, b, [], [], [],
            store.get(Contender, words[1]), store.get(Contender, words[2]), answers,
        )  # fmt: skip
        return opened(made) | {"fought": False}

    return pair_of


def voting(store: Store, seen: Seen) -> Callable[..., Answer]:
    def vote_on(asked: Answer, request: gr.Request) -> Answer:
        """{id, winner (seat left or right when blind), note, tags, voter} -> {} or {error}."""
        voter, battle_id = voter_of(asked, request), str(asked.get("id") or "")
        try:
            word = str(asked.get("winner") or "")
            if word in ("left", "right"):
                word = "A" if (word == "left") != swapped(battle_id) else "B"
            if word not in set(Winner):
                raise BadInput("A vote is A, B, tie or both_bad.")
            tags = tuple(t.strip()[:40] for t in str(asked.get("tags") or "").split(",") if t.strip())[:12]
            blind = (voter, battle_id) not in seen
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


def swapped(battle_id: str) -> bool:
    """Whether B sits on the left: drawn by hash of the battle alone, as a voter may tell his name after reading."""
    return int(content_id("seats", battle_id), 16) % 2 == 1


def blinded(detail: Detail) -> Answer:
    """Instruction and answers in drawn seats; names inside the texts are blanked too."""
    known = {detail.battle.contender_a, detail.battle.contender_b, *(r.contender for r in detail.answers)}
    names = sorted(known, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, names)), re.IGNORECASE)
    texts = [
        [pattern.sub(BLANK, t) for t in (r.answers if r else ())]
        for r in (detail.response_a, detail.response_b)
    ]
    if swapped(detail.battle.id):
        texts.reverse()
    return {
        "blind": True,
        "id": detail.battle.id,
        "turns": [pattern.sub(BLANK, t) for t in detail.instruction.turns],
        "seats": [{"texts": t, "html": [to_html(x) for x in t]} for t in texts],
    }


def opened(detail: Detail) -> Answer:
    """Everything the page shows of a battle, as plain values."""
    battle = detail.battle
    by_id = {battle.response_a: "A", battle.response_b: "B"}
    return {
        "blind": False,
        "fought": True,
        "id": battle.id,
        "instruction": detail.instruction.id,
        "turns": list(detail.instruction.turns),
        "reference": list(detail.instruction.reference),
        "category": battle.category,
        "language": battle.language,
        "winner": str(battle.winner),
        "judge": battle.judge,
        "source": str(battle.source),
        "flipped": battle.flipped,
        "recorded": battle.recorded,
        "run": battle.run,
        "scores": [battle.score_a, battle.score_b],
        "when": time.strftime("%Y-%m-%d %H:%M", time.localtime(battle.made_at)),
        "seats": [
            _seat(battle.contender_a, detail.response_a, detail.contender_a),
            _seat(battle.contender_b, detail.response_b, detail.contender_b),
        ],
        "games": [
            {
                "judge": g.judge, "first": by_id.get(g.first, "?"), "alone": not g.second, "score_first": g.score_first,
                "score_second": g.score_second, "explanation": g.explanation, "outcome": str(g.outcome),
                "raw": g.raw[:20_000],
            }
            for g in detail.games
        ],
        "votes": [
            {"voter": v.voter, "winner": str(v.winner), "blind": v.blind, "note": v.note, "tags": list(v.tags)}
            for v in detail.votes
        ],
        "siblings": [
            {"id": s.id, "a": s.contender_a, "b": s.contender_b, "winner": str(s.winner), "judge": s.judge,
             "source": str(s.source)}
            for s in detail.siblings
        ],
        "others": sorted({r.contender for r in detail.answers}),
    }  # fmt: skip


def _seat(name: str, response: Response | None, contender: Contender | None) -> Answer:
    texts = list(response.answers) if response else []
    whole = "\n".join(texts)
    facts: dict[str, str] = {"words": f"{len(whole.split()):,}", "characters": f"{len(whole):,}"}
    if response:
        facts["tokens"] = f"{response.tokens_out:,}"
        lists = len(re.findall(r"^\s*(?:[-*+]|\d+[.)])\s", whole, re.MULTILINE))
        facts["list items"] = str(lists)
        facts["code blocks"] = str(whole.count("```") // 2)
        facts["time"] = f"{response.seconds:.1f} s"
        if response.seconds > 0:
            facts["speed"] = f"{response.tokens_out / response.seconds:.0f} tokens/s"
        facts["ended"] = response.finish_reason or str(response.outcome)
    if contender:
        facts["temperature"] = f"{contender.sampling.temperature:g}"
        card = [
            contender.organisation,
            contender.licence,
            contender.parent and f"from {contender.parent} by {contender.stage}",
        ]
        facts["model"] = " · ".join(filter(None, card)) or contender.backend
    outcome = str(response.outcome) if response else "missing"
    return {
        "name": name,
        "texts": texts,
        "html": [to_html(t) for t in texts],
        "facts": facts,
        "outcome": outcome,
    }
