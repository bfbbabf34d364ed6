"""A server that is too busy gets less at once, one that is down is left alone, and calls find the free one."""

from __future__ import annotations

import asyncio

from arena.backends.endpoints import BREAK_AFTER, LONGEST_PAUSE, Endpoint, Gate


def test_the_limit_doubles_until_the_first_jam_and_one_jam_cuts_it_once() -> None:
    server = Endpoint("u", most=64, limit=8)
    for _ in range(8):
        server.succeeded()
    assert server.limit == 16
    for began in (1.0, 2.0, 3.0):
        server.was_congested(began, now=10.0)
    assert round(server.limit, 1) == 11.2, "calls that began before the cut belong to the same jam"
    server.was_congested(began=11.0, now=12.0)
    assert round(server.limit, 2) == 7.84
    server.succeeded()
    assert server.limit < 8, "after a jam it creeps"


def test_a_server_that_fails_again_and_again_is_left_alone_longer_each_time() -> None:
    server = Endpoint("u", most=64)
    for _ in range(BREAK_AFTER):
        assert server.has_room(now=0.0)
        server.broke(now=0.0)
    assert not server.has_room(now=0.9)
    assert server.has_room(now=1.0)
    server.in_flight = 1
    assert not server.has_room(now=1.0), "one call at a time until it answers"
    server.broke(now=1.0)
    assert server.closed_until == 3.0
    for _ in range(9):
        server.broke(now=server.closed_until)
    assert server.pause == LONGEST_PAUSE
    server.succeeded()
    assert (server.failures, server.pause) == (0, 1.0)


def test_a_call_takes_the_least_busy_server_and_waits_where_none_has_room() -> None:
    async def calls() -> list[str]:
        near, far = Endpoint("near", most=1), Endpoint("far", most=2)
        gate = Gate([near, far])
        taken = [await gate.enter() for _ in range(3)]
        waiting = asyncio.ensure_future(gate.enter())
        await asyncio.sleep(0)
        assert not waiting.done()
        gate.leave(near)
        return [*(one.url for one in taken), (await waiting).url]

    assert asyncio.run(calls()) == ["near", "far", "far", "near"]


def test_a_call_that_failed_at_one_server_tries_another_if_it_can() -> None:
    async def calls() -> list[str]:
        down, busy = Endpoint("down", most=9), Endpoint("busy", most=2)
        gate = Gate([down, busy])
        busy.in_flight = 1
        taken = [await gate.enter(failed=down), await gate.enter(failed=down)]
        return [one.url for one in taken]

    assert asyncio.run(calls()) == ["busy", "down"]
