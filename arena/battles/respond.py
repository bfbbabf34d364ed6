"""Contenders answer instructions, each once: multi-turn conversations turn by turn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from arena.backends import Chat, Completion, Message, Prompt
from arena.records import Contender, Instruction, Outcome, Response, Sampling

USABLE = (Outcome.OK, Outcome.TRUNCATED)
"""What can battle. A truncated answer is what this contender says within its limit."""
RETRIED = (Outcome.FAILED,)
"""What a later run asks for again: the other outcomes would come out the same."""
TOGETHER = 64
"""Conversations of several turns that go on side by side; a kill repeats at most their turns."""


@dataclass(frozen=True)
class Wanted:
    """One answer that should exist."""

    instruction: Instruction
    sample: int = 0

    def key(self, contender: Contender, sampling: Sampling) -> str:
        return Response.key(contender.name, self.instruction.id, sampling.id, self.sample)


@dataclass
class _Talk:
    """A conversation on its way."""

    wanted: Wanted
    answers: list[str] = field(default_factory=list)
    turns: list[Completion] = field(default_factory=list)


def missing(
    contender: Contender, sampling: Sampling, wanted: Iterable[Wanted], held: Collection[str]
) -> list[Wanted]:
    """The wanted answers whose ids are not held; single-turn ones first, so that they stream."""
    open_ones = [one for one in wanted if one.key(contender, sampling) not in held]
    return sorted(open_ones, key=lambda one: len(one.instruction.turns) > 1)


def respond(
    chat: Chat,
    contender: Contender,
    sampling: Sampling,
    wanted: Iterable[Wanted],
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[Response]:
    """Ask for each wanted answer once, yielding as they finish.

    Args:
        stopping: once true, no further call is begun; those in flight still come out.
    """
    several: list[_Talk] = []

    def singles() -> Iterator[_Talk]:
        for one in wanted:
            if stopping():
                return
            if len(one.instruction.turns) > 1:
                several.append(_Talk(one))
            else:
                yield _Talk(one)

    yield from _ask(chat, contender, sampling, singles())
    for start in range(0, len(several), TOGETHER):
        talks = several[start : start + TOGETHER]
        while talks and not stopping():
            done = list(_ask(chat, contender, sampling, talks))
            yield from done
            ended = {(r.instruction, r.sample) for r in done}
            talks = [t for t in talks if (t.wanted.instruction.id, t.wanted.sample) not in ended]


def _ask(chat: Chat, contender: Contender, sampling: Sampling, talks: Iterable[_Talk]) -> Iterator[Response]:
    """One more turn for every conversation; those that ended come out as responses."""
    asked: dict[str, _Talk] = {}

    def prompts() -> Iterator[Prompt]:
        for talk in talks:
            key = talk.wanted.key(contender, sampling)
            asked[key] = talk
            yield Prompt(key, _messages(contender, talk), _drawn(sampling, talk.wanted.sample))

    for completion in chat.complete(prompts()):
        talk = asked.pop(completion.key)
        talk.turns.append(completion)
        talk.answers.append(completion.text)
        over = len(talk.answers) == len(talk.wanted.instruction.turns)
        if over or completion.outcome not in USABLE:
            yield _response(completion.key, contender, sampling, talk)


def _messages(contender: Contender, talk: _Talk) -> tuple[Message, ...]:
    said = [Message("system", contender.system_prompt)] if contender.system_prompt else []
    for question, answer in zip(talk.wanted.instruction.turns, [*talk.answers, None], strict=False):
        said.append(Message("user", question))
        if answer is not None:
            said.append(Message("assistant", answer))
    return tuple(said)


def _drawn(sampling: Sampling, sample: int) -> Sampling:
    """Further samples need seeds of their own, else they would all be the first one."""
    if sample == 0 or sampling.seed is None:
        return sampling
    return dataclasses.replace(sampling, seed=sampling.seed + sample)


def _response(key: str, contender: Contender, sampling: Sampling, talk: _Talk) -> Response:
    outcomes = [turn.outcome for turn in talk.turns]
    worst = next((o for o in outcomes if o not in USABLE), None)
    cut = Outcome.TRUNCATED if Outcome.TRUNCATED in outcomes else Outcome.OK
    last = talk.turns[-1]
    return Response(
        id=key,
        contender=contender.name,
        instruction=talk.wanted.instruction.id,
        sampling=sampling.id,
        sample=talk.wanted.sample,
        answers=tuple(talk.answers),
        outcome=worst or cut,
        finish_reason=last.finish_reason,
        tokens_in=sum(turn.tokens_in for turn in talk.turns),
        tokens_out=sum(turn.tokens_out for turn in talk.turns),
        seconds=sum(turn.seconds for turn in talk.turns),
        error=last.error,
    )
