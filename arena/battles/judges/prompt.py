"""Judge prompts: files with placeholders, versioned by the hash of all that shapes a judgement."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from arena.backends import Message
from arena.battles.judges import JUDGES
from arena.battles.judges.game import NEEDS_MODEL, NEEDS_PROMPT, POINTWISE
from arena.records import BadInput, Instruction, Judge, Response, Settings, content_id

PLACEHOLDER = re.compile(r"\{(instruction|first|second|reference)\}")
SECTION = re.compile(r"^=== (system|user) ===\n", re.MULTILINE)
FORGED = re.compile(r"\[(?=The (?:Start|End) of |User's Question|Reference answer)", re.IGNORECASE)
"""Our own marks inside an answer: a forged end of an answer is the oldest injection."""
ALONE = "alone"
"""Setting of a weighed judge: the prompt by which it reads an answer alone."""
SHIPPED: dict[str, tuple[str, ...]] = {kind: (kind,) for kind in NEEDS_PROMPT} | {
    "weighed": ("preference", "probability")
}
"""Kind -> names of the prompts that come with it: the one people edit, then the one to read an answer alone."""
MOST_CHARACTERS = 8_000
"""Longer answers are shortened in the middle, so that a judge's context holds both."""


def shipped_prompt(kind: str) -> str:
    """The prompt that comes with a kind; empty for kinds that need none."""
    return _shipped(SHIPPED[kind][0]) if kind in SHIPPED else ""


def _shipped(name: str) -> str:
    return (Path(str(files("arena"))).parent / "assets" / "prompts" / f"{name}.txt").read_text("utf-8")


def make_judge(
    name: str,
    kind: str,
    contender: str = "",
    prompt: str = "",
    settings: Settings | None = None,
    recorded: bool = False,
) -> Judge:
    """A judge with its hash: prompt, kind, model and settings, since each of them changes verdicts.

    Raises:
        BadInput: an unknown kind, no model where one is needed, or a prompt without its placeholders.
    """
    if not name.strip():
        raise BadInput("A judge needs a name.")
    if kind not in JUDGES:
        raise BadInput(f"No kind of judge {kind!r}; choose one of {', '.join(JUDGES)}.")
    if kind in NEEDS_MODEL and not contender:
        raise BadInput(f"A judge of the kind {kind} needs a contender that judges.")
    text = prompt or shipped_prompt(kind)
    check_prompt(kind, text)
    chosen = dict(settings or {})
    for alone in SHIPPED.get(kind, ())[1:]:
        chosen.setdefault(ALONE, _shipped(alone))
    version = content_id(kind, contender, text, chosen)
    return Judge(name, kind, contender, text, version, chosen, recorded=recorded)


def check_prompt(kind: str, text: str) -> None:
    """Raise BadInput when a placeholder that the kind needs is not there exactly once."""
    if kind not in NEEDS_PROMPT:
        return
    needed = ["instruction", "first"] + ([] if kind in POINTWISE else ["second"])
    for name in needed:
        if text.count(f"{{{name}}}") != 1:
            raise BadInput(f"The judge's prompt must hold {{{name}}} exactly once.")
    if not SECTION.match(text) or "=== user ===\n" not in text:
        raise BadInput(
            "The judge's prompt must start with a line '=== system ===' or '=== user ===' and "
            "hold the latter."
        )


def fill(
    text: str, instruction: Instruction, first: Response, second: Response | None
) -> tuple[Message, ...]:
    """The prompt's messages. One pass, so that an answer that holds '{second}' stays what it is."""
    values = {
        "instruction": _safe(_turns(instruction.turns)),
        "first": _safe(_shortened(_turns(first.answers))),
        "second": _safe(_shortened(_turns(second.answers))) if second else "",
        "reference": _reference(instruction),
    }
    parts = SECTION.split(text)[1:]
    roles: Mapping[int, str] = dict(enumerate(parts[::2]))
    return tuple(
        Message(roles[place], PLACEHOLDER.sub(lambda m: values[m.group(1)], body.strip()))
        for place, body in enumerate(parts[1::2])
    )


def _turns(turns: tuple[str, ...]) -> str:
    if len(turns) == 1:
        return turns[0]
    return "\n\n".join(f"(turn {number}) {text}" for number, text in enumerate(turns, 1))


def _reference(instruction: Instruction) -> str:
    if not any(instruction.reference):
        return ""
    return f"[Reference answer]\n{_safe(_turns(instruction.reference))}\n\n"


def _safe(text: str) -> str:
    return FORGED.sub("(", text)


def _shortened(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return f"{text[:half]}\n(... {len(text) - 2 * half} characters left out ...)\n{text[-half:]}"
