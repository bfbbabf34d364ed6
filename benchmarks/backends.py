"""Our calls to model servers against a bare asyncio loop to the same server, and memory by planned calls.

python -m benchmarks.backends              instant fake server: calls a second, memory from 1k to 1M calls
python -m benchmarks.backends --gguf FILE  llama.cpp: tokens a second, ours over bare
python -m benchmarks.backends --url URL    a server of your own
python -m benchmarks.backends --vllm DIR   vLLM: the same, and the share of judge prompts its prefix cache spares
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from arena.backends import Chat, Message, Prompt, managed, open_chat
from arena.battles.judges.prompt import fill, shipped_prompt
from arena.battles.pairing import batches
from arena.battles.tally import Field, Tally
from arena.records import Contender, Instruction, Response, Sampling

SAMPLING = Sampling(0.0, max_tokens=64)
THINGS = ("kite", "clock", "bridge", "mirror")


def prompts(count: int, first: int = 0) -> Iterator[Prompt]:
    for n in range(first, first + count):
        yield Prompt(str(n), (Message("user", f"Tell a story about the number {n}."),), SAMPLING)


async def bare(url: str, key: str, model: str, source: Iterator[Prompt], at_once: int) -> int:
    """The least a client can do: `at_once` workers, no retries, no limits, no outcomes. Tokens out."""
    tokens = 0
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:

        async def work() -> None:
            nonlocal tokens
            for prompt in source:
                sent = {
                    "model": model,
                    "messages": [{"role": "user", "content": prompt.messages[0].content}],
                    "max_tokens": SAMPLING.max_tokens,
                    "temperature": 0.0,
                    "seed": 0,
                }
                async with session.post(f"{url}/chat/completions", json=sent) as reply:
                    tokens += (await reply.json())["usage"]["completion_tokens"]

        await asyncio.gather(*(work() for _ in range(at_once)))
    return tokens


@contextmanager
def fake_server(delay: float = 0.0) -> Iterator[str]:
    """URL of a fake server in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fake_server", str(delay)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as fake:
        assert fake.stdin is not None
        assert fake.stdout is not None
        yield f"http://127.0.0.1:{int(fake.stdout.readline())}/v1"
        fake.stdin.close()


def instant(counts: list[int]) -> None:
    """Calls a second and memory against a server that answers at once."""
    with fake_server() as url:
        began, cpu = time.perf_counter(), time.process_time()
        asyncio.run(bare(url, "", "fake", prompts(10_000), 64))
        report("bare asyncio loop", 10_000, began, cpu)
        with open_chat(Contender("fake", "openai_server", url, "fake")) as chat:
            for count in counts:
                began, cpu = time.perf_counter(), time.process_time()
                assert sum(1 for _ in chat.complete(prompts(count))) == count
                report("openai_server", count, began, cpu)


def report(name: str, count: int, began: float, cpu: float) -> None:
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = f"{count / seconds:7.0f} a second, {count / cpu:7.0f} a CPU-second, peak memory {peak:6.1f} MB"
    print(f"{name:<18} {count:>9,} calls: {figures}", flush=True)


def real(contender: Contender, count: int, at_once: int, rounds: int, contestants: int = 0) -> None:
    """Tokens a second through our client and bare, taking turns, on the same running server; then the prefix cache
    of a vLLM server under a round robin's judge prompts."""
    shares = []
    with open_chat(contender) as chat:
        list(chat.complete(prompts(at_once, 10_000_000)))  # warm
        running = next(iter(managed._running.values()), None)
        url = running.url if running else contender.location
        key = running.key if running else ""
        for turn in range(rounds):
            # Each pass has prompts of its own, so that none lives off another's prefix cache.
            model = contender.model or contender.name
            began = time.perf_counter()
            tokens = asyncio.run(bare(url, key, model, prompts(count, 2 * turn * count), at_once))
            theirs = tokens / (time.perf_counter() - began)
            began = time.perf_counter()
            tokens = sum(c.tokens_out for c in chat.complete(prompts(count, (2 * turn + 1) * count)))
            ours = tokens / (time.perf_counter() - began)
            shares.append(ours / theirs)
            print(f"round {turn}: bare {theirs:.1f} tokens/s, ours {ours:.1f}, ratio {ours / theirs:.3f}")
        print(json.dumps({"mean_ratio": round(sum(shares) / len(shares), 3)}), flush=True)
        if contestants:
            prefix_cache(chat, url.removesuffix("/v1"), contestants)


def prefix_cache(chat: Chat, server: str, contestants: int) -> None:
    """Share of prompt tokens that vLLM need not read again when a scores judge plays a round robin, both seats."""
    names = tuple(f"m{n}" for n in range(contestants))
    asked = {i.id: i for i in (Instruction.of(f"Explain to a child how a {x} works.") for x in THINGS)}
    answers = {
        (name, one.id): Response("", name, one.id, "", 0, (f"{name} says: {one.turns[0]} It depends. " * 5,))
        for name in names
        for one in asked.values()
    }
    text = shipped_prompt("scores")
    games = [
        (asked[m.instruction], answers[x, m.instruction], answers[y, m.instruction])
        for chunk in batches("round-robin", Field(tuple(asked), names), Tally(names))
        for m in chunk
        for x, y in ((m.a, m.b), (m.b, m.a))
    ]
    before = cached(server)
    list(
        chat.complete(
            Prompt(str(n), fill(text, *game), Sampling(0.0, max_tokens=1)) for n, game in enumerate(games)
        )
    )
    queries, hits = (after - first for after, first in zip(cached(server), before, strict=True))
    print(
        f"{len(games)} judge prompts: {hits:,.0f} of {queries:,.0f} prompt tokens from the prefix cache",
        end="",
    )
    print(f" ({hits / queries:.0%})")


def cached(server: str) -> tuple[float, float]:
    """Tokens looked up in vLLM's prefix cache, and found, since it started."""
    with urllib.request.urlopen(f"{server}/metrics", timeout=30) as reply:
        lines = reply.read().decode().splitlines()
    queries, hits = (
        sum(float(line.split()[-1]) for line in lines if line.startswith(f"vllm:prefix_cache_{what}_total"))
        for what in ("queries", "hits")
    )
    return queries, hits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--url")
    parser.add_argument(
        "--vllm", type=Path, help="folder of a model; WIZARDARENA_VLLM_PYTHON names an interpreter"
    )
    parser.add_argument("--contestants", type=int, default=5, help="of the round robin for --vllm")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds")
    parser.add_argument("--model", default="")
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, nargs="*", default=[1_000, 10_000, 100_000, 1_000_000])
    given = parser.parse_args()
    if given.gguf:
        options = {"parallel": given.at_once, "n_ctx": 512, "log": "/dev/null"}
        real(
            Contender("gguf", "llama_cpp", str(given.gguf), options=options),
            given.count,
            given.at_once,
            given.rounds,
        )
    elif given.vllm:
        flags = {"max-model-len": 1024, "max-num-seqs": given.at_once}
        served = Contender(
            "vllm", "vllm_server", str(given.vllm), options={"flags": flags, "log": "/dev/null"}
        )
        real(served, given.count, given.at_once, given.rounds, given.contestants)
    elif given.delay:
        options = {"max_in_flight": given.at_once, "start_in_flight": given.at_once}
        with fake_server(given.delay) as url:
            served = Contender("fake", "openai_server", url, "fake", options=options)
            real(served, given.count, given.at_once, given.rounds)
    elif given.url:
        options = {"max_in_flight": given.at_once, "start_in_flight": given.at_once}
        served = Contender("served", "openai_server", given.url, given.model, options=options)
        real(served, given.count, given.at_once, given.rounds)
    else:
        instant(given.calls)


if __name__ == "__main__":
    main()
