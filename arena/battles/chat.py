"""The chat arena: two contenders answer one person live; the vote makes it a battle like any other."""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from arena import jobs
from arena.backends import Chat, Message, Prompt, open_chat
from arena.battles import serving
from arena.battles.votes import HUMAN
from arena.jobs import Job
from arena.records import (
    ArenaError,
    BackendError,
    BadInput,
    Battle,
    Contender,
    Instruction,
    Outcome,
    Response,
    Source,
    Vote,
    Winner,
    content_id,
)
from arena.store import Store

MOST_KEPT = 200
DIRECT = ("openai_server", "scripted")
"""Backends that cost the app nothing; every other contender is served by a job while it is used."""


@dataclass
class Seat:
    """One side of a talk while it is being answered."""

    contender: Contender
    text: str = ""
    done: bool = False
    error: str = ""
    seconds: float = 0.0
    pieces: int = 0


@dataclass(frozen=True)
class Talk:
    """One instruction and its two answers, growing."""

    id: str
    instruction: str
    seats: tuple[Seat, Seat]
    anonymous: bool
    voted: list[str] = field(default_factory=list)


def live_form(contender: Contender) -> Contender | None:
    """The contender as it can chat here, or None: a folder that carries its GGUF speaks through that, which is
    several times faster on a CPU; other checkpoints are loaded as they are."""
    place = Path(contender.location).expanduser() if contender.location else None
    if contender.backend == "local_transformers" and place:
        gguf = place / "model.gguf"
        if gguf.is_file():
            return dataclasses.replace(contender, backend="llama_cpp", location=str(gguf))
        return contender if (place / "config.json").is_file() else None
    if contender.backend == "llama_cpp":
        return contender if place and place.is_file() else None
    return contender if contender.backend in (*DIRECT, "vllm_server") else None


def candidates(store: Store) -> list[str]:
    """Contenders that can chat here."""
    found = store.load(Contender, "NOT hidden AND stage <> 'reward'", order="name")
    return [c.name for c in found if live_form(c)]


class Arena:
    """Talks that are on, and the models that serve them; one for the app."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._talks: dict[str, Talk] = {}
        self._models: dict[str, Chat] = {}
        self._jobs: dict[str, Job] = {}
        self._used: dict[str, float] = {}
        self._lock = threading.Lock()
        self._opening: dict[str, threading.Lock] = {}

    def start(self, instruction: str, left: str = "", right: str = "") -> Talk:
        """Ask two contenders; both names empty means two drawn at random, unknown until the vote.

        Raises:
            BadInput: no words, too few contenders, or one that cannot chat here.
        """
        words = instruction.strip()
        if not words:
            raise BadInput("Write an instruction first.")
        if len(words) > 20_000:
            raise BadInput("An instruction for the chat arena holds at most 20,000 characters.")
        names = [left, right]
        anonymous = not any(names)
        if anonymous:
            known = candidates(self._store)
            if len(known) < 2:
                raise BadInput(
                    "Fewer than two contenders can chat here. Fetch the embedded models or add a server "
                    "on the contenders page."
                )
            names = random.sample(known, 2)
        forms = [self._form(name) for name in names]
        talk = Talk(
            content_id("talk", time.time_ns(), *names), words, (Seat(forms[0]), Seat(forms[1])), anonymous
        )
        with self._lock:
            self._talks[talk.id] = talk
            for old in list(self._talks)[:-MOST_KEPT]:
                del self._talks[old]
        for seat in talk.seats:
            threading.Thread(target=self._answer, args=(seat, words), daemon=True).start()
        return talk

    def talk(self, talk_id: str) -> Talk:
        """Raises:
        BadInput: it was never held, or the app has started anew since.
        """
        if talk_id not in self._talks:
            raise BadInput("This talk is gone: the app has started anew. Ask again.")
        return self._talks[talk_id]

    def vote(self, talk_id: str, voter: str, winner: Winner) -> str:
        """Keep instruction, answers, battle and vote; the battle's id.

        Raises:
            BadInput: no name, or an answer that is not finished.
        """
        talk = self.talk(talk_id)
        name = voter.strip()[:80]
        if not name:
            raise BadInput("A vote needs your name.")
        if not all(seat.done for seat in talk.seats):
            raise BadInput("Wait until both answers are complete.")
        if any(seat.error for seat in talk.seats):
            raise BadInput("One side could not answer, so there is nothing to compare.")
        instruction = Instruction.of(talk.instruction, source="chat arena")
        known = self._store.get(Instruction, instruction.id) or instruction
        a, b = [_response(seat, known.id, talk.id) for seat in talk.seats]
        battle = Battle(
            content_id("live", talk.id),
            known.id,
            a.contender,
            b.contender,
            winner,
            name,
            HUMAN,
            a.id,
            b.id,
            source=Source.LIVE,
            category=known.category,
        )
        vote = Vote(name, battle.id, winner, talk.anonymous)
        self._store.save([known, a, b, battle, vote])
        talk.voted[:] = [str(winner)]
        return battle.id

    def sweep(self, idle: float = serving.IDLE_SECONDS) -> None:
        """Let go of models that nobody has talked to for a while."""
        with self._lock:
            late = [name for name, at in self._used.items() if time.monotonic() - at > idle]
            closing = [self._models.pop(name) for name in late if name in self._models]
            ending = [self._jobs.pop(name) for name in late if name in self._jobs]
            for name in late:
                del self._used[name]
        for model in closing:
            model.close()
        for job in ending:
            jobs.stop(job)

    def _form(self, name: str) -> Contender:
        held = self._store.get(Contender, name)
        form = live_form(held) if held else None
        if form is None:
            raise BadInput(
                f"{name or 'Nobody'} cannot chat here: its answers were recorded elsewhere, or its files are not "
                "on this machine. Choose a model folder, a GGUF file or a server."
            )
        return form

    def _model(self, contender: Contender) -> Chat:
        with self._lock:
            opening = self._opening.setdefault(contender.name, threading.Lock())
        with opening:
            with self._lock:
                self._used[contender.name] = time.monotonic()
                job = self._jobs.get(contender.name)
                if contender.name in self._models and (job is None or jobs.status(job).active):
                    return self._models[contender.name]
            model = self._open(contender)
            with self._lock:
                self._models[contender.name] = model
            return model

    def _open(self, contender: Contender) -> Chat:
        if contender.backend in DIRECT:
            return open_chat(contender)
        job = serving.wake(self._store, contender)
        with self._lock:
            self._jobs[contender.name] = job
        return serving.connect(job, contender)

    def _answer(self, seat: Seat, words: str) -> None:
        began = time.monotonic()
        system = seat.contender.system_prompt
        messages = (*((Message("system", system),) if system else ()), Message("user", words))
        try:
            model = self._model(seat.contender)
            for piece in model.stream(Prompt("live", messages, seat.contender.sampling)):
                seat.text += piece
                seat.pieces += 1
                self._used[seat.contender.name] = time.monotonic()
        except (BackendError, ArenaError) as error:
            seat.error = str(error)
        seat.seconds = time.monotonic() - began
        seat.done = True
        sweeper = threading.Timer(serving.IDLE_SECONDS + 5, self.sweep)
        sweeper.daemon = True  # an app that ends does not wait for it: an idle job ends by itself
        sweeper.start()


def _response(seat: Seat, instruction: str, talk: str) -> Response:
    sampling = content_id(seat.contender.sampling.id, talk, seat.contender.name)
    return Response(
        Response.key(seat.contender.name, instruction, sampling),
        seat.contender.name,
        instruction,
        sampling,
        0,
        (seat.text,),
        Outcome.OK if seat.text.strip() else Outcome.EMPTY,
        tokens_out=seat.pieces,
        seconds=seat.seconds,
        run="chat",
    )
