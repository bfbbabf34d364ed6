"""What the inspect page shows of a battle, as plain values: everything, or what a blind reader may know."""

from __future__ import annotations

import re
import time

from arena.battles.browse import Detail
from arena.records import Contender, Response, content_id
from pages.markdown import to_html

Answer = dict[str, object]
BLANK = "\u25ae\u25ae\u25ae"


def swapped(battle_id: str) -> bool:
    """Whether B sits on the left: drawn by hash of the battle alone, as a voter may tell his name after reading."""
    return int(content_id("seats", battle_id), 16) % 2 == 1


def blinded(detail: Detail) -> Answer:
    """Instruction and answers in drawn seats; names inside the texts are blanked too."""
    known = {detail.battle.contender_a, detail.battle.contender_b, *detail.answered}
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
             "source": str(s.source),
             "same": {s.response_a, s.response_b} == {battle.response_a, battle.response_b}}
            for s in detail.siblings
        ],
        "others": detail.answered,
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
        drawn = contender.sampling
        facts["temperature"] = f"{drawn.temperature:g}"
        if drawn.top_p < 1:
            facts["top-p"] = f"{drawn.top_p:g}"
        facts["at most"] = f"{drawn.max_tokens:,} tokens a turn"
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
