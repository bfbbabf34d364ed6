"""Markdown of models becomes markup that cannot act."""

from __future__ import annotations

import re

import pytest

from pages.markdown import MOST_CHARACTERS, to_html
from tests.browser.hostile import ALL, PAYLOADS


@pytest.mark.parametrize("payload", [*PAYLOADS, ALL])
def test_no_payload_becomes_markup(payload: str) -> None:
    html = to_html(payload)
    assert not re.search(
        r"<(script|img|svg|form|style|link|iframe|object|embed|meta|base|video|audio|input)\b", html
    )
    assert not re.search(r"<[^>]*\son\w+\s*=", html)
    assert not re.search(r'href="(?!https?://|mailto:|#)', html)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("**a**", "<strong>a</strong>"),
        ("| a |\n|---|\n| b |", "<td>b</td>"),
        ("```py\nx<1\n```", "x&lt;1"),
        ("$x^2$", '<span class="math">x^2</span>'),
        ("\\[a_b*c*\\]", '<span class="math" data-display>a_b*c*</span>'),
        ("it costs $5 and $6", "it costs $5 and $6"),
        ("![a cat](x.png)", "image: a cat"),
    ],
)
def test_what_models_write_is_rendered(text: str, part: str) -> None:
    assert part in to_html(text)


def test_endless_answers_are_plain() -> None:
    assert to_html("*a*" * MOST_CHARACTERS).startswith("<pre>")
