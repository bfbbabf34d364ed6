"""A whole battle run against a server full of faults: each call is done once or has failed in a typed way."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random

from arena import jobs
from arena.battles import fight
from arena.battles.fight import FightSettings
from arena.battles.judges.prompt import make_judge
from arena.records import Battle, Contender, Judgement, Outcome, Response, Sampling
from arena.store import Store
from tests.battles.conftest import finish, small_arena
from tests.fake_server import FakeServer, Reply, Request, answer, refusal

NAMES = ("ann", "bob", "cat")
INSTRUCTIONS = 25
VERDICT = '{"right_answer": "x", "score_a": 7, "score_b": 3}'
OPTIONS = {"backoff": 0.01, "timeout": 1.0, "max_retries": 12, "max_in_flight": 16, "start_in_flight": 16}


class Faulty:
    """20% 429, 10% 500, 3% dropped, .5% hanging, 1% garbage; and bob refuses question 7."""

    def __init__(self) -> None:
        self.draw = Random(5)
        self.bob_refuses = True
        self.tries: Counter[str] = Counter()
        self.served: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()

    def __call__(self, request: Request) -> Reply:
        asked = json.dumps([request["model"], request["messages"]])
        self.tries[asked] += 1
        if self.bob_refuses and request["model"] == "bob" and "Question 7?" in asked:
            return refusal(400, "broken for good")
        drawn = self.draw.random()
        judging = request["model"] == "judge"
        for share, name, reply in (
            (0.20, "429", refusal(429, "slow down", (("Retry-After", "0.01"),))),
            (0.30, "500", refusal(500, "oops")),
            (0.33, "dropped", Reply(drop=True)),
            (0.335, "hanging", Reply(hang=True)),
            (0.345, "garbage", answer("I prefer the first.") if judging else Reply(body=b"\x00garbage")),
        ):
            if drawn < share:
                self.faults[name] += 1
                return reply
        self.served[asked] += 1
        return answer(VERDICT if judging else "An answer of " + request["model"])


def test_a_battle_run_under_faults_loses_and_doubles_nothing(home: Path) -> None:
    faulty = Faulty()
    with FakeServer(faulty, keep=False) as server, Store.open(home) as store:
        small_arena(store, INSTRUCTIONS)
        for name in (*NAMES, "judge"):
            sampling = Sampling(max_tokens=9)
            store.save(
                [Contender(name, "openai_server", server.url, name, sampling=sampling, options=OPTIONS)]
            )
        store.save([make_judge("judge", "scores", "judge")])
        status = finish(store, fight.launch(store, FightSettings("small", NAMES, "judge")))
        assert status.state is jobs.State.DONE, status.error
        assert Counter(r.outcome for r in store.load(Response)) == {
            Outcome.OK: 3 * INSTRUCTIONS - 1,
            Outcome.FAILED: 1,
        }
        battles = 3 * INSTRUCTIONS - 2  # bob's two meetings on question 7 cannot be fought
        assert Counter(j.outcome for j in store.load(Judgement)) == {Outcome.OK: 2 * battles}
        assert store.count(Battle) == battles
        faulty.bob_refuses = False
        again = finish(store, fight.launch(store, FightSettings("small", NAMES, "judge")))
        assert again.figures["calls"] == 1 + 4  # what failed, the games that waited for it, and nothing else
        assert store.count(Battle) == 3 * INSTRUCTIONS
    assert set(faulty.served.values()) == {1}, "an answered call was made again"
    assert {"429", "500", "dropped"} <= set(faulty.faults)
    assert (
        max(faulty.tries.values()) <= 2 * 13
    )  # a dropped connection is tried once more inside the HTTP library
