"""What a battle run costs beside its models: calls a second on an instant server, memory by planned and made calls.

python -m benchmarks.battles [--contenders 12] [--instructions 120]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from arena import jobs
from arena.battles import fight
from arena.battles.fight import FightSettings
from arena.battles.judges.prompt import make_judge
from arena.battles.pairing import batches
from arena.battles.plan import plan
from arena.battles.tally import Field, Tally
from arena.collector import collect
from arena.jobs import Job
from arena.records import Contender, Instruction, Judgement, Pick, Sampling, TestSet
from arena.store import Store

SERVER = """
import sys
from tests.fake_server import FakeServer, answer
reply = answer('{"right_answer": "x", "score_a": 7, "score_b": 3}')
with FakeServer(lambda request: reply, keep=False) as server:
    print(server.port, flush=True)
    sys.stdin.read()
"""


def throughput(contenders: int, instructions: int) -> None:
    """A round robin of instant contenders before a judge behind an instant HTTP server."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[1],
    )
    assert server.stdout
    assert server.stdin
    port = int(server.stdout.readline())
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:
        asked = [Instruction.of(f"Question {n}?") for n in range(instructions)]
        names = tuple(f"c{n}" for n in range(contenders))
        store.save([*asked, TestSet("t", "uploaded"), *(Pick("t", i.id, n) for n, i in enumerate(asked))])
        store.save(
            [Contender(n, "scripted", sampling=Sampling(), options={"text": f"answer of {n}"}) for n in names]
        )
        options = {"max_in_flight": 64, "start_in_flight": 64}
        store.save(
            [Contender("judge", "openai_server", f"http://127.0.0.1:{port}/v1", "fake", options=options)]
        )
        store.save([make_judge("judge", "scores", "judge")])
        job = fight.launch(store, FightSettings("t", names, "judge"))
        while jobs.status(job).active:
            time.sleep(0.1)
        collect(store)
        rows = store.query("SELECT min(made_at), max(made_at), count(*) FROM judgement").row(0)
        good = store.count(Judgement, "outcome = 'ok'")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = used.ru_utime + used.ru_stime
        calls = rows[2] + contenders * instructions
        print(
            f"{rows[2]:,} judgements ({good:,} readable) in {rows[1] - rows[0]:.1f} s: "
            f"{rows[2] / (rows[1] - rows[0]):,.0f} calls a second (state {jobs.status(job).state}; "
            f"{calls / cpu:,.0f} calls a CPU-second of the run, its start included)"
        )
    server.stdin.close()
    server.wait(10)


def memory() -> None:
    """Peak memory while all meetings of a round robin are drawn, for 1k to 1M planned calls, and while such a run
    is planned from the store."""
    names = tuple(f"c{n}" for n in range(10))
    for instructions in (11, 111, 1_111, 11_111):
        field = Field(tuple(f"i{n}" for n in range(instructions)), names)
        tracemalloc.start()
        count = sum(len(chunk) for chunk in batches("round-robin", field, Tally(names)))
        drawn = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:
            settings = _scripted(store, names, instructions)
            tracemalloc.start()
            plan(store, settings)
            planned = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        print(
            f"{2 * count:>9,} planned judge calls: peak of drawing them {drawn / 2**20:.2f} MiB, "
            f"of the plan shown before {planned / 2**20:.2f} MiB",
            flush=True,
        )


def made() -> None:
    """Peak memory of a run's own process by the calls it has made: what it holds so as to ask nothing twice."""
    names = tuple(f"c{n}" for n in range(10))
    peaks = {}
    for instructions in (11, 444):
        with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:
            job = fight.launch(store, _scripted(store, names, instructions))
            peak = 0
            while jobs.status(job).active:
                peak = max(peak, _peak(job))
                time.sleep(0.05)
            calls = instructions * (len(names) + len(names) * (len(names) - 1))
            peaks[calls] = peak
            print(f"{calls:>9,} calls made: peak of the run's process {peak / 2**20:.0f} MiB", flush=True)
    (few, low), (many, high) = sorted(peaks.items())
    print(f"That is {(high - low) / (many - few):.0f} bytes a call made.")


def _scripted(store: Store, names: tuple[str, ...], instructions: int) -> FightSettings:
    """A round robin before a judge in the run's own process."""
    asked = [Instruction.of(f"Question {n}?") for n in range(instructions)]
    store.save([*asked, TestSet("t", "uploaded"), *(Pick("t", i.id, n) for n, i in enumerate(asked))])
    store.save([Contender(n, "scripted", options={"quality": k}) for k, n in enumerate(names)])
    store.save(
        [Contender("reader", "scripted", options={"judge": True}), make_judge("j", "scores", "reader")]
    )
    return FightSettings("t", names, "j")


def _peak(job: Job) -> int:
    """Bytes; 0 when the process has not begun or is gone."""
    try:
        process = json.loads((job.folder / "process.json").read_text("utf-8"))["pid"]
        lines = Path(f"/proc/{process}/status").read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contenders", type=int, default=12)
    parser.add_argument("--instructions", type=int, default=120)
    arguments = parser.parse_args()
    memory()
    made()
    throughput(arguments.contenders, arguments.instructions)


if __name__ == "__main__":
    main()
