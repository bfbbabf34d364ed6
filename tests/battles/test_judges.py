"""Every kind of judge passes one contract; what small models say is read as it was meant."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from arena.backends import Completion
from arena.battles.judges import JUDGES, preference, probability, weighed
from arena.battles.judges.chat_bench import Verdict
from arena.battles.judges.game import NEEDS_MODEL, POINTWISE, Game, open_bench
from arena.battles.judges.prompt import make_judge
from arena.battles.judges.strict import Unreadable
from arena.battles.settle import scores_of
from arena.records import Contender, Instruction, Judge, Judgement, Outcome, Response, Winner, to_json
from tests.battles.conftest import contender
from tests.tiny_model import make_tiny_model

INSTRUCTION = Instruction.of("Name the capital of France.", check={"kind": "contains", "text": "Paris"})


def answer(name: str, text: str) -> Response:
    return Response(f"response-{name}", name, INSTRUCTION.id, "s", 0, (text,))


GOOD = answer("good", "[quality 9] The capital of France is Paris.")
POOR = answer("poor", "[quality 2] I like trains.")


def judge_of(kind: str) -> Judge:
    if kind == "jury":
        members = [to_json(make_judge(f"member-{k}", k, "reader")) for k in ("scores", "verdict")]
        return make_judge("judge", kind, settings={"members": list(members)})
    return make_judge("judge", kind, "reader" if kind in NEEDS_MODEL else "")


def reward_model(folder: Path) -> Contender:
    """A tiny classifier with one output and random weights."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForSequenceClassification

    make_tiny_model(folder)
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    config = LlamaConfig.from_pretrained(str(folder), num_labels=1, pad_token_id=tokenizer.pad_token_id)
    torch.manual_seed(0)
    LlamaForSequenceClassification(config).save_pretrained(str(folder))
    return Contender("reader", "local_transformers", str(folder))


def played(kind: str, folder: Path) -> dict[str, Judgement]:
    judge = judge_of(kind)
    model = reward_model(folder) if kind == "reward" else contender("reader", judge=True)
    games = (
        [Game(INSTRUCTION, GOOD), Game(INSTRUCTION, POOR)]
        if kind in POINTWISE
        else [Game(INSTRUCTION, GOOD, POOR), Game(INSTRUCTION, POOR, GOOD)]
    )
    with open_bench(judge, {"reader": model}) as bench:
        found = {made.id: made for made in bench.play(games)}
    assert set(found) == {game.key(judge) for game in games}
    return {("first" if game.first is GOOD else "second"): found[game.key(judge)] for game in games}


@pytest.mark.parametrize("kind", JUDGES)
def test_every_kind_scores_both_games_from_1_to_10_and_says_why(kind: str, tmp_path: Path) -> None:
    for judgement in played(kind, tmp_path / "model").values():
        assert judgement.outcome is Outcome.OK
        assert judgement.explanation
        assert judgement.score_first is not None
        assert 1 <= judgement.score_first <= 10
        assert (judgement.score_second is None) == (kind in POINTWISE)


@pytest.mark.parametrize("kind", [kind for kind in JUDGES if kind not in {"reward", "single", "probability"}])
def test_the_better_answer_wins_in_both_seats(kind: str, tmp_path: Path) -> None:
    games = played(kind, tmp_path / "model")
    scores = scores_of(list(games.values()), GOOD.id, POOR.id)
    assert scores
    assert {one.winner for one in scores} == {Winner.A}


def said(text: str, **chances: float) -> Completion:
    return Completion("k", text, Outcome.OK, logprobs={word: math.log(p) for word, p in chances.items()})


@pytest.mark.parametrize(
    ("completion", "verdict"),
    [
        (said("A", A=0.5, B=0.5), Verdict(5.5, 5.5, "[P(first is better) = 0.50]")),
        (said("B", A=0.25, b=0.25, B=0.25), Verdict(2.8, 8.2, "[P(first is better) = 0.33]")),
        (said("A", A=0.999, B=0.001), Verdict(10.0, 1.0, "[P(first is better) = 1.00]")),
    ],
)  # fmt: skip
def test_a_preference_is_read_from_the_first_word(completion: Completion, verdict: Verdict) -> None:
    found = preference.verdict(completion)
    assert found.explanation == verdict.explanation
    assert found.score_first == pytest.approx(verdict.score_first, abs=0.05)
    assert found.score_second == pytest.approx(verdict.score_second, abs=0.05)


def test_a_lean_to_a_seat_cancels_out_over_both_orders() -> None:
    def odds(lead: float) -> Mapping[str, float]:
        return {"A": 1 / (1 + math.exp(-lead)), "B": 1 / (1 + math.exp(lead))}

    better, lean = 0.1, 0.3
    one = preference.verdict(said("A", **odds(lean + better)))
    two = preference.verdict(said("A", **odds(lean - better)))
    assert one.score_first > one.score_second
    assert two.score_first > two.score_second, "alone, the second game would go to the worse answer"
    assert two.score_second is not None
    assert one.score_second is not None
    assert one.score_first + two.score_second > one.score_second + two.score_first


@pytest.mark.parametrize("read", [preference.verdict, probability.verdict])
def test_other_words_are_unreadable(read: object) -> None:
    with pytest.raises(Unreadable):
        read(said("Perhaps", Perhaps=0.9))  # type: ignore[operator]  # one of the two functions above


def test_two_readings_are_weighed_together() -> None:
    made = weighed.weigh(2.0, 2.0, 0.2)
    assert made.score_first > (made.score_second or 0), "equal alone, so the comparison decides"
    made = weighed.weigh(3.0, -1.0, -0.4)
    assert made.score_first > (made.score_second or 0), "a lean to a seat cannot undo a clear difference"
    assert made.explanation == "[alone 8.4 and 4.4, P(first is better) = 0.40]"


@pytest.mark.parametrize("kind", ["preference", "weighed"])
def test_reasons_can_be_left_out(kind: str) -> None:
    judge = make_judge("judge", kind, "reader", settings={"explain": False})
    with open_bench(judge, {"reader": contender("reader", judge=True)}) as bench:
        (made,) = bench.play([Game(INSTRUCTION, GOOD, POOR)])
    assert made.explanation.startswith("[")
    assert made.outcome is Outcome.OK
