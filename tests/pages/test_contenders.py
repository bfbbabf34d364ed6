"""The contenders page keeps what its form says, and names what is wrong with it."""

from __future__ import annotations

import pytest

from arena.records import BadInput, Sampling
from arena.store import Store
from pages import contenders

FORM: dict[str, object] = {
    "name": "big", "kind": "Server", "place": "http://a:1/v1 http://b:1/v1", "model": "m", "key": "MY_KEY",
    "licence": "MIT", "organisation": "us", "system": "Be kind.", "options": "", "temperature": 0.5,
    "top_p": 0.9, "tokens": 64,
}  # fmt: skip


def test_the_form_makes_a_contender_with_its_options(store: Store) -> None:
    options = "max_in_flight=9\n\nchat_template={{ messages }}\n"
    made = contenders._described(store, tuple((FORM | {"options": options}).values()))
    assert made.location == "http://a:1/v1 http://b:1/v1"
    assert made.sampling == Sampling(0.5, 0.9, 64)
    assert made.options == {"max_in_flight": 9, "chat_template": "{{ messages }}"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"place": " "}, "Say where the model is"),
        ({"place": "localhost"}, "http://HOST:PORT"),
        ({"kind": "Folder", "place": "/nowhere"}, "no config.json"),
        ({"key": "sk-1234"}, "no name of an environment variable"),
        ({"options": "fast"}, "NAME=VALUE"),
        ({"name": "two words"}, "no contender name"),
    ],
)
def test_what_is_wrong_is_named(store: Store, changes: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        contenders._described(store, tuple((FORM | changes).values()))
