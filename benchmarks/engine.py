"""A whole battle run on a vLLM server against vLLM's own benchmark client and a bare asyncio loop.

python -m benchmarks.engine --model .arena/models/smollm2-135m [--minutes 7]

Each round is one `python -m arena battle` in a new arena (plan, answers, judging, journal, collector, store); both
clients send that run's prompts again, phase by phase, as many at once. Each pass begins with an empty prefix cache.
WIZARDARENA_VLLM_PYTHON names the interpreter that has vLLM; .venv-vllm is the default.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from arena.backends import Completion, Message, Prompt, managed, open_chat, openai_wire
from arena.battles.judges.chat_bench import ChatBench, Manner
from arena.battles.judges.game import Game
from arena.battles.judges.prompt import make_judge
from arena.battles.judges.scores import SHAPE, verdict
from arena.battles.pairing import batches
from arena.battles.respond import Wanted, respond
from arena.battles.tally import Field, Tally
from arena.records import Contender, Instruction, Json, Judge, Pick, Response, Sampling, TestSet
from arena.store import Store
from benchmarks.backends import cached

ROOT = Path(__file__).resolve().parents[1]
KEY = "WIZARDARENA_BENCH_KEY"
SERVED = "served"
THINGS = ("kite", "clock", "bridge", "mirror", "tide", "lamp", "loom", "bell", "lock", "sail", "well", "kiln")
# `vllm bench serve` without importing vLLM anew for each pass; its console script crashes in the CPU build.
BENCH = """
import json, sys
from vllm.benchmarks.serve import add_cli_args, main
from vllm.utils.argparse_utils import FlexibleArgumentParser
parser = FlexibleArgumentParser()
add_cli_args(parser)
out, sys.stdout = sys.stdout, sys.stderr
print("ready", file=out, flush=True)
for line in sys.stdin:
    found = main(parser.parse_args(json.loads(line)))
    kept = ("duration", "completed", "failed", "total_input_tokens", "total_output_tokens")
    print(json.dumps({name: found[name] for name in kept}), file=out, flush=True)
"""


@dataclass(frozen=True)
class Phase:
    """Prompts that a battle run sends before it goes on: one contender's answers, or the judge's games."""

    prompts: tuple[Prompt, ...]
    ignore_eos: bool

    def bodies(self) -> Iterator[dict[str, Any]]:
        extra = {"ignore_eos": True} if self.ignore_eos else {}
        return (openai_wire.body(prompt, SERVED, set(), extra) for prompt in self.prompts)


@dataclass(frozen=True)
class Pass:
    """What one client did with one run's prompts."""

    calls: int
    read: int
    written: int
    seconds: float
    hits: float = 0.0
    """Share of prompt tokens that the prefix cache spared."""
    note: str = ""

    @property
    def rate(self) -> float:
        return (self.read + self.written) / self.seconds


class Listening:
    """A chat that only notes what it is asked."""

    def __init__(self) -> None:
        self.heard: list[Prompt] = []

    def complete(self, prompts: Iterable[Prompt]) -> Iterator[Completion]:
        self.heard.extend(prompts)
        return iter(())

    def stream(self, prompt: Prompt) -> Iterator[str]:
        raise NotImplementedError

    def close(self) -> None:
        pass

    def __enter__(self) -> Listening:
        return self

    def __exit__(self, *exc: object) -> None:
        pass


@dataclass
class Bout:
    """The run that is played in every round."""

    url: str
    contenders: int
    instructions: int
    at_once: int
    tokens: int

    def __post_init__(self) -> None:
        self.asked = [
            Instruction.of(f"Explain to a child how a {THINGS[n % len(THINGS)]} works, in {n + 2} sentences.")
            for n in range(self.instructions)
        ]
        self.names = tuple(f"c{n}" for n in range(self.contenders))
        self.players = [
            self._contender(
                name, {"ignore_eos": True}, f"You are assistant number {n}. You like to be brief."
            )
            for n, name in enumerate(self.names)
        ]
        self.referee = self._contender("referee", {})
        self.judge: Judge = make_judge("referee", "scores", "referee")

    def _contender(self, name: str, extra: dict[str, Json], system: str = "") -> Contender:
        options: dict[str, Json] = {"max_in_flight": self.at_once, "start_in_flight": self.at_once}
        sampling = Sampling(0.0, max_tokens=self.tokens)
        return Contender(
            name, "openai_server", self.url, SERVED, KEY, system, sampling, {**options, "extra_body": extra}
        )

    def play(self) -> tuple[Pass, list[Phase]]:
        """`python -m arena battle` in a new arena, and what it asked."""
        with tempfile.TemporaryDirectory() as folder:
            with Store.open(Path(folder)) as store:
                picks = [Pick("t", one.id, n) for n, one in enumerate(self.asked)]
                store.save([*self.asked, TestSet("t", "uploaded"), *picks, *self.players, self.referee])
                store.save([self.judge])
            command = [sys.executable, "-m", "arena", "battle", "--home", folder, "--testset", "t", "--json"]
            command += [
                "--contenders",
                ",".join(self.names),
                "--judge",
                "referee",
                "--pairing",
                "round-robin",
            ]
            began = time.perf_counter()
            ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if ended.returncode:
                raise SystemExit(f"{ended.stdout}\n{ended.stderr[-3000:]}")
            whole = time.perf_counter() - began
            with Store.open(Path(folder)) as store:
                return self._read(store, whole)

    def _read(self, store: Store, whole: float) -> tuple[Pass, list[Phase]]:
        calls, read, written, first, last, odd = store.query(
            "SELECT count(*), sum(tokens_in), sum(tokens_out), min(made_at - seconds), max(made_at), "
            "count(*) FILTER (outcome NOT IN ('ok', 'truncated')) FROM "
            "(SELECT tokens_in, tokens_out, made_at, seconds, outcome FROM response UNION ALL "
            "SELECT tokens_in, tokens_out, made_at, seconds, outcome FROM judgement)"
        ).row(0)
        battles, settled = store.query("SELECT count(*), max(made_at) FROM battle").row(0)
        note = f"{battles} battles, {odd} calls unreadable, the whole command {whole:.1f} s"
        done = Pass(int(calls), int(read), int(written), max(last, settled) - first, note=note)
        return done, self._phases(store.load(Response))

    def _phases(self, responses: list[Response]) -> list[Phase]:
        phases = []
        for player in self.players:
            chat = Listening()
            list(respond(chat, player, player.sampling, [Wanted(one) for one in self.asked]))
            phases.append(Phase(tuple(chat.heard), True))
        answers = {(r.contender, r.instruction): r for r in responses}
        asked = {one.id: one for one in self.asked}
        games = [
            Game(asked[m.instruction], answers[x, m.instruction], answers[y, m.instruction])
            for chunk in batches("round-robin", Field(tuple(asked), self.names), Tally(self.names))
            for m in chunk
            for x, y in ((m.a, m.b), (m.b, m.a))
        ]
        chat = Listening()
        list(ChatBench(self.judge, chat, Manner(verdict, SHAPE, longest=60)).play(games))
        return [*phases, Phase(tuple(chat.heard), False)]


def bare(url: str, phases: list[Phase], at_once: int) -> Pass:
    """The least a client can do: `at_once` workers, no retries, no limits, no outcomes."""
    read = written = 0

    async def work(session: aiohttp.ClientSession, source: Iterator[dict[str, Any]]) -> None:
        nonlocal read, written
        for body in source:
            async with session.post(f"{url}/chat/completions", json=body) as reply:
                usage = (await reply.json())["usage"]
                read, written = read + usage["prompt_tokens"], written + usage["completion_tokens"]

    async def all_phases() -> None:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {os.environ[KEY]}"}) as session:
            for phase in phases:
                source = phase.bodies()
                await asyncio.gather(*(work(session, source) for _ in range(at_once)))

    began = time.perf_counter()
    asyncio.run(all_phases())
    return Pass(sum(len(p.prompts) for p in phases), read, written, time.perf_counter() - began)


class VllmBench:
    """`vllm bench serve`, kept open between passes."""

    def __init__(self, python: str, model: Path, url: str, at_once: int) -> None:
        from transformers import AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(str(model), local_files_only=True)
        self._model, self._url, self._at_once = model, url.removesuffix("/v1"), at_once
        quiet = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "OPENAI_API_KEY": os.environ[KEY]}
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [python, "-c", BENCH],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **quiet},
        )
        self._said()

    def _said(self) -> str:
        assert self._process.stdout
        if line := self._process.stdout.readline():
            return line
        self._log.seek(0)
        raise SystemExit(f"vllm bench serve ended:\n{self._log.read()[-3000:]}")

    def send(self, phases: list[Phase]) -> Pass:
        total = Pass(0, 0, 0, 0.0)
        for phase in phases:
            done = self._send(phase)
            assert not done["failed"], done
            total = Pass(
                total.calls + done["completed"],
                total.read + done["total_input_tokens"],
                total.written + done["total_output_tokens"],
                total.seconds + done["duration"],
            )
        return total

    def _send(self, phase: Phase) -> dict[str, Any]:
        body = next(phase.bodies())
        extra = {name: body[name] for name in ("response_format", "seed", "top_p") if name in body}
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            for prompt in phase.prompts:
                file.write(json.dumps({"prompt": self._text(prompt.messages)}) + "\n")
            file.flush()
            flags: dict[str, object] = {
                "backend": "openai",
                "base-url": self._url,
                "endpoint": "/v1/completions",
                "model": self._model,
                "served-model-name": SERVED,
                "dataset-name": "custom",
                "dataset-path": file.name,
                "num-prompts": len(phase.prompts),
                "custom-output-len": phase.prompts[0].sampling.max_tokens,
                "max-concurrency": self._at_once,
                "temperature": 0,
                "ready-check-timeout-sec": 0,
                "extra-body": json.dumps(extra),
            }
            words = [str(word) for flag, value in flags.items() for word in (f"--{flag}", value)]
            words += ["--skip-chat-template", "--disable-shuffle", "--no-oversample", "--disable-tqdm"]
            assert self._process.stdin
            self._process.stdin.write(json.dumps(words + ["--ignore-eos"] * phase.ignore_eos) + "\n")
            self._process.stdin.flush()
            found: dict[str, Any] = json.loads(self._said())
            return found

    def _text(self, messages: tuple[Message, ...]) -> str:
        """What the server makes of a chat, so that the tokens are the same."""
        said = [{"role": m.role, "content": m.content} for m in messages]
        return str(self._tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True))

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(30)


@contextmanager
def vllm(python: str, model: Path, at_once: int) -> Iterator[str]:
    """URL of a vLLM server whose prefix cache can be emptied."""
    served = Contender(
        SERVED,
        "vllm_server",
        str(model),
        options={
            "python": python,
            "flags": {"max-model-len": 1024, "max-num-seqs": at_once},
            "env": {"VLLM_SERVER_DEV_MODE": "1"},
            "log": "/dev/null",
        },
    )
    with open_chat(served):
        (running,) = managed._running.values()
        os.environ[KEY] = running.key
        yield running.url


def emptied(url: str, go: Callable[[], Pass]) -> Pass:
    """The pass, from an empty prefix cache, with the share of its prompt tokens that the cache spared."""
    server, headers = url.removesuffix("/v1"), {"Authorization": f"Bearer {os.environ[KEY]}"}
    reset = urllib.request.Request(f"{server}/reset_prefix_cache", b"", headers, method="POST")
    with urllib.request.urlopen(reset, timeout=60):
        pass
    before = cached(server)
    done = go()
    queries, hits = (after - first for after, first in zip(cached(server), before, strict=True))
    return Pass(done.calls, done.read, done.written, done.seconds, hits / max(1.0, queries), done.note)


def compare(bout: Bout, bench: VllmBench, rounds: int, minutes: float) -> None:
    until = time.monotonic() + 60 * minutes
    latest: list[Phase] = []

    def ours() -> Pass:
        nonlocal latest
        done, latest = bout.play()
        return done

    def asyncio_loop() -> Pass:
        return bare(bout.url, latest, bout.at_once)

    def vllm_bench() -> Pass:
        return bench.send(latest)

    for go in (ours, asyncio_loop, vllm_bench):  # warm, and the prompts of a first run
        emptied(bout.url, go)
    order = [ours, asyncio_loop, vllm_bench]
    rates: dict[str, list[float]] = {go.__name__: [] for go in order}
    longest = 0.0
    for turn in range(rounds):
        began = time.monotonic()
        if turn and began + longest > until:
            break
        for go in order[turn % 3 :] + order[: turn % 3]:
            done = emptied(bout.url, go)
            rates[go.__name__].append(done.rate)
            print(
                f"round {turn + 1} {go.__name__:<12} {done.calls} calls, {done.read:,} + {done.written:,} tokens "
                f"in {done.seconds:.1f} s: {done.rate:.0f} tokens/s, prefix cache {done.hits:.0%} "
                f"{done.note} (load {os.getloadavg()[0]:.1f})",
                flush=True,
            )
        longest = max(longest, time.monotonic() - began)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    ratios = {
        f"ours/{name}": [round(x / y, 3) for x, y in zip(rates["ours"], found, strict=True)]
        for name, found in rates.items()
        if name != "ours"
    }
    summary = {
        "tokens_per_second": {name: round(value, 1) for name, value in medians.items()},
        "ratio_of_medians": {
            name: round(medians["ours"] / value, 3) for name, value in medians.items() if name != "ours"
        },
        "rounds": ratios,
        "median_of_rounds": {name: statistics.median(found) for name, found in ratios.items()},
        "cores": os.cpu_count(),
        "load": [round(one, 1) for one in os.getloadavg()],
    }
    print(json.dumps(summary, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--model", type=Path, default=ROOT / ".arena/models/smollm2-135m", help="model folder"
    )
    parser.add_argument("--contenders", type=int, default=3)
    parser.add_argument("--instructions", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=48, help="of each answer")
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--minutes", type=float, default=6.0, help="begin no round that would end later")
    given = parser.parse_args()
    python = os.environ.get("WIZARDARENA_VLLM_PYTHON") or str(ROOT / ".venv-vllm/bin/python")
    began = time.monotonic()
    with vllm(python, given.model, given.at_once) as url:
        bench = VllmBench(python, given.model, url, given.at_once)
        print(f"vLLM and its benchmark client were ready after {time.monotonic() - began:.0f} s", flush=True)
        bout = Bout(url, given.contenders, given.instructions, given.at_once, given.tokens)
        compare(bout, bench, given.rounds, given.minutes)
        bench.close()


if __name__ == "__main__":
    main()
