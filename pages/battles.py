"""Browse every battle: facets with counts, search, order, panels, export; the address holds it all."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable

import gradio as gr

from arena.battles import browse, exports, facets, panels, searches
from arena.battles.browse import SORTS, Filter
from arena.records import ArenaError
from arena.store import Stop, Store
from pages.theme import when_ready

Answer = dict[str, object]
MOST_PAGES = 500
"""Open pages whose questions can be stopped."""


def render(store: Store) -> None:
    """The browser draws; the server answers four questions about the filter in the address."""
    gr.HTML(
        html_template='<div class="battles-root"><h1>Battles</h1></div>',
        sorts=list(SORTS),
        formats=list(exports.FORMATS),
        js_on_load=when_ready("ArenaBattles(element, server, props)", "ArenaBattles"),
        server_functions=questions(store),
        apply_default_css=False,
    )


def questions(store: Store) -> list[Callable[[Answer], Answer]]:
    """Server functions: each takes {query, ...} and says {error} when the user can mend something."""

    def rows_of(asked: Answer) -> Answer:
        offset = max(0, int(str(asked.get("offset") or 0)))
        limit = max(1, min(200, int(str(asked.get("limit") or 60))))
        total, frame = browse.window(store, _filter(asked), offset, limit)
        return {
            "total": total,
            "rows": frame.to_dicts(),
            "any": total or store_has_battles(store),
            "most": searches.MOST_FOUND if searches.capped(store, _filter(asked)) else 0,
        }

    def facets_of(asked: Answer) -> Answer:
        found = facets.facets(store, _filter(asked))
        return {"facets": [{"name": f.name, "values": [list(v) for v in f.values]} for f in found]}

    def panels_of(asked: Answer) -> Answer:
        return dataclasses.asdict(panels.panels(store, _filter(asked)))

    def export_of(asked: Answer) -> Answer:
        written = exports.export(store, _filter(asked), str(asked.get("format")))
        return dataclasses.asdict(written)

    latest = Latest()

    def stop_of(asked: Answer) -> Answer:
        latest.stop(str(asked.get("page")))
        return {}

    return [*(_mendable(f, latest) for f in (rows_of, facets_of, panels_of, export_of)), stop_of]


class Latest:
    """What each open page asks now: its next question stops the one before, and so does its stop button."""

    def __init__(self) -> None:
        self._asked: OrderedDict[str, tuple[int, Stop]] = OrderedDict()

    def begin(self, page: str, turn: int) -> Stop:
        """The stop of the page's turn; earlier turns end."""
        held, stop = self._asked.get(page, (-1, Stop()))
        if turn > held:
            stop.press()
            stop = Stop()
            self._asked[page] = (turn, stop)
            while len(self._asked) > MOST_PAGES:
                self._asked.popitem(last=False)
        return stop

    def stop(self, page: str) -> None:
        if page in self._asked:
            self._asked[page][1].press()


def store_has_battles(store: Store) -> int:
    """Some number above 0 when there is anything to browse at all."""
    return int(browse.window(store, Filter(), 0, 1)[0])


def _filter(asked: Answer) -> Filter:
    query = asked.get("query")
    return Filter.of(query if isinstance(query, dict) else {})


def _mendable(question: Callable[[Answer], Answer], latest: Latest) -> Callable[[Answer], Answer]:
    """The same question for a page's turn, whose user errors come back as a sentence."""

    def asked(words: Answer) -> Answer:
        page, turn = str(words.get("page") or ""), int(str(words.get("turn") or 0))
        token = searches.stopping.set(latest.begin(page, turn) if page else None)
        try:
            return question(words)
        except ArenaError as error:
            return {"error": str(error)}
        finally:
            searches.stopping.reset(token)

    asked.__name__ = question.__name__
    return asked
