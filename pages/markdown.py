"""Markdown of models as safe HTML: raw HTML is text, images are words, links are plain web addresses."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

MOST_CHARACTERS = 200_000
"""Longer answers are shown as plain text: a browser has no joy in them."""
FENCES = (("$$", "$$", True), ("\\[", "\\]", True), ("\\(", "\\)", False), ("$", "$", False))
"""Opening and closing of maths, and whether it stands on a line of its own."""


def to_html(text: str) -> str:
    """Safe to set as innerHTML; maths stands in `<span class="math">` as escaped TeX for KaTeX."""
    if len(text) > MOST_CHARACTERS:
        return f"<pre>{escape(text)}</pre>"
    return _rendered(text)


@lru_cache(maxsize=256)
def _rendered(text: str) -> str:
    return str(_parser().render(text))


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    parser.inline.ruler.before("escape", "math", _math)
    parser.add_render_rule("math", _show_math)
    parser.add_render_rule("image", _show_image)
    parser.add_render_rule("link_open", _show_link)
    return parser


def _math(state: StateInline, silent: bool) -> bool:
    for opening, closing, display in FENCES:
        if not state.src.startswith(opening, state.pos):
            continue
        start = state.pos + len(opening)
        end = state.src.find(closing, start)
        inside = state.src[start:end] if end > start else ""
        # "$5 and $6" is money: inline dollars hug their formula and hold no line break.
        if opening == "$" and (not inside or inside != inside.strip() or "\n" in inside):
            continue
        if not inside.strip() or end > state.posMax:
            continue
        if not silent:
            token = state.push("math", "", 0)
            token.content, token.meta = inside, {"display": display}
        state.pos = end + len(closing)
        return True
    return False


def _show_math(
    _self: Any, tokens: Sequence[Token], at: int, _options: Any, _env: MutableMapping[str, Any]
) -> str:
    display = " data-display" if tokens[at].meta["display"] else ""
    return f'<span class="math"{display}>{escape(tokens[at].content)}</span>'


def _show_image(
    _self: Any, tokens: Sequence[Token], at: int, _options: Any, _env: MutableMapping[str, Any]
) -> str:
    return f'<span class="chip">image: {escape(tokens[at].content or "no description")}</span>'


def _show_link(
    self: Any, tokens: Sequence[Token], at: int, options: Any, env: MutableMapping[str, Any]
) -> str:
    address = str(tokens[at].attrGet("href") or "")
    if not address.startswith(("http://", "https://", "mailto:")):
        tokens[at].attrs.pop("href", None)  # no "#" either: with Gradio's base address it leads home
    tokens[at].attrSet("rel", "noopener noreferrer nofollow")
    tokens[at].attrSet("target", "_blank")
    return str(self.renderToken(tokens, at, options, env))
