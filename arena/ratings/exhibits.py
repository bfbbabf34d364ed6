"""Battles that a report prints in full: by a rule, or by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from arena.ratings.leaderboard import Leaderboard
from arena.ratings.slices import Slice
from arena.records import BadInput
from arena.store import Store

RULES: dict[str, str] = {
    "upsets": "won by the contender that stands lower, the widest gap in rating first",
    "widest": "the widest gap of scores first",
    "closest": "the closest scores first",
    "random": "by a hash of the battle, so that nobody picked them",
}
"""Name -> what it says; `_ORDERS` has the order of each."""

_ORDERS = {
    "upsets": "lead DESC NULLS LAST, abs(margin) DESC NULLS LAST, id",
    "widest": "abs(margin) DESC NULLS LAST, id",
    "closest": "abs(margin) NULLS LAST, id",
    "random": "md5(id)",
}
NUMBER = 4
LONGEST = 3000
"""Characters of one answer that are printed."""

_FIGHTS = """WITH rating AS (SELECT unnest(?::VARCHAR[]) AS name, unnest(?::DOUBLE[]) AS value),
fight AS (SELECT b.id, b.instruction, b.contender_a, b.contender_b, {winner} AS winner, b.judge, b.score_a,
    b.score_b, b.margin, b.response_a, b.response_b,
    CASE {winner} WHEN 'A' THEN rb.value - ra.value WHEN 'B' THEN ra.value - rb.value END AS lead
    FROM {battles} JOIN rating ra ON ra.name = b.contender_a JOIN rating rb ON rb.name = b.contender_b
    WHERE {where}),
picked AS (SELECT * FROM fight {choice}),
placed AS (SELECT *, row_number() OVER (ORDER BY {order}) AS place FROM picked)
SELECT p.id, p.contender_a, p.contender_b, p.winner, p.judge, p.score_a, p.score_b, i.turns,
    a.answers AS answers_a, o.answers AS answers_b, w.words
FROM placed p LEFT JOIN instruction i ON i.id = p.instruction
LEFT JOIN response a ON a.id = p.response_a LEFT JOIN response o ON o.id = p.response_b
LEFT JOIN (SELECT least(first, second) AS one, greatest(first, second) AS two, judge,
    list(DISTINCT explanation) AS words FROM judgement WHERE explanation <> '' GROUP BY ALL) w
    ON w.one = least(p.response_a, p.response_b) AND w.two = greatest(p.response_a, p.response_b)
    AND w.judge = p.judge
ORDER BY p.place"""

_BY_RULE = """WHERE response_a IN (SELECT id FROM response) AND response_b IN (SELECT id FROM response)
    {only} QUALIFY row_number() OVER (PARTITION BY instruction ORDER BY {order}) = 1 ORDER BY {order} LIMIT ?"""


@dataclass(frozen=True)
class Choice:
    """Which battles to print: `ids` by hand, then `number` more by a rule."""

    rule: str = "upsets"
    number: int = NUMBER
    ids: tuple[str, ...] = ()


DEFAULT = Choice()


@dataclass(frozen=True)
class Fight:
    """One battle with its texts; an answer is empty where it is not kept."""

    id: str
    contender_a: str
    contender_b: str
    winner: str
    judge: str
    score_a: float | None
    score_b: float | None
    turns: tuple[str, ...]
    answers_a: tuple[str, ...]
    answers_b: tuple[str, ...]
    words: tuple[str, ...]
    """What the judge said of it."""


def pick(store: Store, chosen: Slice, board: Leaderboard, choice: Choice = DEFAULT) -> tuple[Fight, ...]:
    """The chosen battles, those by hand first; one an instruction by rule, both answers kept.

    Raises:
        BadInput: an unknown rule, or an id that is no battle of this slice.
    """
    if choice.rule not in RULES:
        raise BadInput(f"There is no rule {choice.rule!r} for battles; choose one of {', '.join(RULES)}.")
    by_hand = _found(store, chosen, board, "WHERE id IN (SELECT unnest(?))", [list(choice.ids)], "widest")
    missing = sorted(set(choice.ids) - {fight.id for fight in by_hand})
    if missing:
        raise BadInput(
            f"No battle of this slice has the id {', '.join(missing)}. The battle's page shows its id."
        )
    if choice.number < 1:
        return by_hand
    only = "AND lead > 0" if choice.rule == "upsets" else ""
    rule = _BY_RULE.format(only=only, order=_ORDERS[choice.rule])
    more = _found(store, chosen, board, rule, [choice.number + len(by_hand)], choice.rule)
    known = {fight.id for fight in by_hand}
    return (*by_hand, *[fight for fight in more if fight.id not in known][: choice.number])


def _found(
    store: Store, chosen: Slice, board: Leaderboard, choice: str, values: list[object], rule: str
) -> tuple[Fight, ...]:
    where, params = chosen.condition()
    sql = _FIGHTS.format(
        winner=chosen.winner, battles=chosen.battles, where=where, choice=choice, order=_ORDERS[rule]
    )
    ratings: list[object] = [list(board.names), [row.rating for row in board.rows]]
    frame = store.query(sql, [*ratings, *params, *values])
    return tuple(_fight_of(line) for line in frame.iter_rows(named=True))


def _fight_of(line: Mapping[str, Any]) -> Fight:
    texts = {name: tuple(line[name] or ()) for name in ("turns", "answers_a", "answers_b", "words")}
    return Fight(**{**line, **texts})


def html(found: tuple[Fight, ...], choice: Choice) -> str:
    """The battles as plain, escaped HTML, printable as it stands."""
    if not found:
        return f"<p>No battle with both answers kept was {escape(RULES[choice.rule])}.</p>"
    rule = f"by the rule {choice.rule!r}: {RULES[choice.rule]}" if choice.number else ""
    hand = f"{len(choice.ids)} by hand" if choice.ids else ""
    said = f"<p>Chosen {escape('; the others '.join(filter(None, (hand, rule))))}.</p>"
    return FIGHT_STYLE + said + "".join(_printed(fight) for fight in found)


FIGHT_STYLE = """<style>
.fight{border-top:1px solid #8886;padding:.4rem 0 1rem;break-inside:avoid-page}
.fight pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;margin:.2rem 0}
.fight .sides{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:1.2rem}
.fight h4{margin:.4rem 0}
</style>"""


def _printed(fight: Fight) -> str:
    names = {"A": fight.contender_a, "B": fight.contender_b}
    verdict = f"{names[fight.winner]} won" if fight.winner in names else fight.winner.replace("_", " ")
    question = "".join(f"<pre>{escape(turn[:LONGEST])}</pre>" for turn in fight.turns) or "<p>not kept</p>"
    sides = _side(fight.contender_a, fight.score_a, fight.answers_a)
    sides += _side(fight.contender_b, fight.score_b, fight.answers_b)
    words = "".join(f"<p><i>{escape(words[:LONGEST])}</i></p>" for words in fight.words)
    return (
        f'<section class="fight"><h3>{escape(verdict)}, says {escape(fight.judge or "nobody by name")}</h3>'
        f'{question}<div class="sides">{sides}</div>{words}<p><small>Battle {escape(fight.id)}</small></p>'
        "</section>"
    )


def _side(name: str, score: float | None, answers: tuple[str, ...]) -> str:
    given = "" if score is None else f", {score:.1f}"
    texts = "".join(f"<pre>{escape(_cut(answer))}</pre>" for answer in answers) or "<p>not kept</p>"
    return f"<div><h4>{escape(name)}{given}</h4>{texts}</div>"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ... ({len(text) - LONGEST:,} characters more)"
