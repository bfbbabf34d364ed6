"""The proof that the flywheel helps: a real model learns from its lost battles, through the app's own road.

    python -m benchmarks.flywheel [--home .arena-proof] [--stages sft dpo ppo-alone]     (make flywheel)

SmolLM2-135M battles a teacher made of our reference answers; code checks the answers; lost battles train
SFT, the SFT model's own new losses DPO; PPO is paid for answers that pass, straight after SFT (`ppo-alone`, and
`rloo-alone` in its place) or after DPO (`ppo`), which leaves it next to nothing to learn. Held-out instructions
share no subject with any training row. Each figure is a battle in the store; what is done already is not done
again. Prints held-out success with exact McNemar p against the model before, and the plain questions that no
stage may spoil; writes flywheel.json and flywheel.svg into the home.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path

from scipy.stats import binomtest

from arena import loop
from arena.backends import embedded
from arena.battles import fight
from arena.battles.fight import FightSettings
from arena.flywheel.bouts import read_bouts
from arena.flywheel.rounds import RoundPlan
from arena.flywheel.selection import Selection
from arena.flywheel.training_sets import make_training_set
from arena.records import Contender, Instruction, Json, Judge, Judgement, Pick, Round, Sampling, TestSet
from arena.store import Store
from arena.terminal import say, wait

ROWS = Path(__file__).resolve().parent.parent / "assets" / "instructions" / "verifiable.jsonl"
TEACHER = "reference-teacher"
JUDGE = "code"
GREEDY = Sampling(temperature=0.0, max_tokens=64)
DRAWN = Sampling(temperature=0.8, max_tokens=64)
D1 = 65
"""Training instructions whose lost battles feed SFT; the other 270 feed DPO. With 195 and two epochs SFT alone
reaches 108 of 112, which leaves the later stages nothing to show."""


@dataclasses.dataclass(frozen=True)
class Lesson:
    """One stage of the proof."""

    stage: str
    starts_from: str
    split: str
    selection: Selection
    settings: dict[str, Json]
    samples: int = 1
    name: str = ""
    """Empty takes the stage's."""

    @property
    def makes(self) -> str:
        return f"{self.name or self.stage}-1"


PPO: dict[str, Json] = {
    "max_steps": 16, "learning_rate": 1e-5, "per_device_train_batch_size": 16, "minibatch_size": 8,
    "ppo_epochs": 1, "max_completion_length": 32, "lam": 1.0, "value_learning_rate": 5e-5,
    "bf16": True,
}  # fmt: skip
"""A second pass over the same answers costs as much as fresh ones. The first word often decides, and a lambda
below 1 would pay it less than the last while the value model still expects nothing. In bfloat16 a step takes
30 CPU-s instead of 53 where the processor has such a product."""
RLOO: dict[str, Json] = {"max_steps": 24, "learning_rate": 1e-5, "per_device_train_batch_size": 16}
"""One update a step where PPO makes four, hence the larger rate."""
LOST = Selection(k=3.0, drop_unfinished=False)
"""Prompts whose drawn answer failed: 140 of 335 for the SFT model, 40 for the DPO model. A prompt that always
passes pays every answer the same and teaches nothing."""

LESSONS = {
    lesson.name or lesson.stage: lesson
    for lesson in (
        Lesson(
            "sft", embedded.STUDENT, "D1", Selection(k=3.0), {"num_train_epochs": 1, "learning_rate": 1e-4}
        ),
        Lesson(
            "dpo",
            "sft-1",
            "D2",
            Selection(k=2.0, pairs="student-lost", per_instruction=2, drop_unfinished=False),
            {"num_train_epochs": 1, "learning_rate": 5e-6, "beta": 0.1},
            samples=3,
        ),
        Lesson("ppo", "dpo-1", "D3", LOST, PPO),
        Lesson("ppo", "sft-1", "D3", LOST, PPO, name="ppo-alone"),
        Lesson("rloo", "sft-1", "D3", LOST, RLOO, name="rloo-alone"),
    )
}


def prepare(store: Store, size: int | None) -> None:
    """The instructions, the splits, the teacher, the judge and the student."""
    rows = [json.loads(line) for line in ROWS.read_text("utf-8").splitlines()]
    split: dict[str, list[Instruction]] = {"train": [], "heldout": [], "plain": []}
    for row in rows:
        instruction = Instruction(
            row["id"], tuple(row["turns"]), row["category"], row["language"], "verifiable.jsonl",
            tuple(row["reference"]), row["check"],
        )  # fmt: skip
        split[row["split"]].append(instruction)
    train = split["train"]
    sets = {
        "D1": train[:D1],
        "D2": train[D1:],
        "D3": train,
        "heldout": split["heldout"],
        "plain": split["plain"],
    }
    records: list[object] = []
    for name, members in sets.items():
        chosen = members[:size]
        purpose = "train" if name.startswith("D") else "test"
        records.append(TestSet(name, "hand-picked", purpose, len(chosen), source="verifiable.jsonl"))
        records += [*chosen, *(Pick(name, i.id, n) for n, i in enumerate(chosen))]
    answers: dict[str, Json] = {row["turns"][0]: row["reference"][0] for row in rows}
    student = next(c for c in embedded.contenders(store.home) if c.name == embedded.STUDENT)
    store.save(
        [
            *records,
            Contender(
                TEACHER, "scripted", options={"answers": answers}, description="Our reference answers."
            ),
            Judge(JUDGE, "code"),
            dataclasses.replace(student, sampling=DRAWN),
        ]
    )


def battle(store: Store, contender: str, testset: str, sampling: Sampling, samples: int = 1) -> None:
    """The contender against the teacher on every instruction of the set."""
    settings = FightSettings(testset, (contender, TEACHER), JUDGE, sampling=sampling, samples=samples)
    wait(store, fight.launch(store, settings))


def passed(store: Store, contender: str, testset: str) -> dict[str, bool]:
    """Instruction -> whether the greedy answer met its check, by the code judge's own judgements."""
    frame = store.query(
        f"""SELECT r.instruction, max(g.score_first) >= 10 AS passed
        FROM response r JOIN {Judgement.__name__.lower()} g ON g.first = r.id AND g.judge = ?
        WHERE r.contender = ? AND r.sampling = ?
          AND r.instruction IN (SELECT instruction FROM pick WHERE testset = ?)
        GROUP BY r.instruction""",
        [JUDGE, contender, GREEDY.id, testset],
    )
    wanted = [p.instruction for p in store.load(Pick, "testset = ?", [testset])]
    found = dict(frame.iter_rows())
    return {i: bool(found.get(i, False)) for i in wanted}


def learn(store: Store, lesson: Lesson) -> None:
    """Battle on the split, select the lost battles, train, register."""
    battle(store, lesson.starts_from, lesson.split, DRAWN, lesson.samples)
    bouts = read_bouts(store, testset=lesson.split, judge=JUDGE, student=lesson.starts_from)
    name = f"{lesson.makes}-data"
    chosen = make_training_set(store, name, lesson.starts_from, lesson.stage, lesson.selection, bouts)
    say(f"{name}: {chosen.size} examples")
    plan = RoundPlan(
        lesson.makes,
        lesson.stage,
        lesson.starts_from,
        name,
        settings=lesson.settings,
        iteration=1,
        forbid_leaks=True,
    )
    loop.learn(store, plan)  # resumes a training that was stopped


def mcnemar(before: dict[str, bool], after: dict[str, bool]) -> float:
    """Exact two-sided p of McNemar's test on paired outcomes."""
    gained = sum(after[i] and not before[i] for i in before)
    lost = sum(before[i] and not after[i] for i in before)
    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def report(store: Store, names: list[str], seconds: dict[str, float]) -> list[dict[str, Json]]:
    """One row a model: held-out and plain successes, p against the model it started from."""
    rows: list[dict[str, Json]] = []
    for name in names:
        held, plain = passed(store, name, "heldout"), passed(store, name, "plain")
        before = {t: passed(store, embedded.STUDENT, t) for t in ("heldout", "plain")}
        parent = LESSONS[name.removesuffix("-1")].starts_from if name != embedded.STUDENT else ""
        finished = store.get(Round, name)
        rows.append(
            {
                "model": name,
                "from": parent,
                "heldout": sum(held.values()),
                "of": len(held),
                "p_against_parent": mcnemar(passed(store, parent, "heldout"), held) if parent else None,
                "p_against_student": mcnemar(before["heldout"], held) if parent else None,
                "plain": sum(plain.values()),
                "plain_of": len(plain),
                "plain_p_against_student": mcnemar(before["plain"], plain) if parent else None,
                "train_seconds": finished.metrics.get("train_runtime") if finished else None,
                "road_seconds": seconds.get(name),
            }
        )
    return rows


def picture(rows: list[dict[str, Json]]) -> str:
    """Bars of held-out success, one a model, as SVG."""
    bars = []
    for n, row in enumerate(rows):
        done, of = int(str(row["heldout"])), int(str(row["of"]))
        y, width = 30 + 34 * n, 400 * done / of
        p = row["p_against_parent"]
        note = f"{done}/{of}, plain {row['plain']}/{row['plain_of']}" + (
            f", p = {p:.2g}" if p is not None else ""
        )
        bars.append(
            f'<text x="120" y="{y + 16}" text-anchor="end">{row["model"]}</text>'
            f'<rect x="130" y="{y}" width="400" height="22" fill="#8884"/>'
            f'<rect x="130" y="{y}" width="{width:.0f}" height="22" fill="#0072B2"/>'
            f'<text x="540" y="{y + 16}">{note}</text>'
        )
    head = '<text x="130" y="18">Held-out verifiable instructions answered as asked (p: against its parent)</text>'
    size = f'width="860" height="{40 + 34 * len(rows)}"'
    style = 'font-family="sans-serif" font-size="13" fill="#666"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{head}{"".join(bars)}</svg>\n'


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, default=Path(".arena-proof"))
    parser.add_argument(
        "--models", type=Path, default=Path(".arena"), help="home that holds the embedded student"
    )
    parser.add_argument("--stages", nargs="*", default=["sft", "dpo", "ppo-alone"], choices=list(LESSONS))
    parser.add_argument("--size", type=int, help="only so many instructions a set, to try it out")
    arguments = parser.parse_args()
    home = arguments.home.resolve()
    (home / "models").mkdir(parents=True, exist_ok=True)
    link = home / "models" / embedded.STUDENT
    if not link.exists():
        embedded.fetch(arguments.models, [embedded.STUDENT])
        link.symlink_to(embedded.folder(arguments.models, embedded.STUDENT).resolve())
    seconds: dict[str, float] = {}
    with Store.open(home) as store:
        prepare(store, arguments.size)
        names = [embedded.STUDENT]
        for stage in ["", *arguments.stages]:
            began = time.monotonic()
            if stage and store.get(Contender, LESSONS[stage].makes) is None:
                learn(store, LESSONS[stage])
            names += [LESSONS[stage].makes] if stage else []
            for testset in ("heldout", "plain"):
                battle(store, names[-1], testset, GREEDY)
            seconds[names[-1]] = round(time.monotonic() - began)
            rows = report(store, names, seconds)
            (home / "flywheel.json").write_text(json.dumps(rows, indent=1), "utf-8")
            (home / "flywheel.svg").write_text(picture(rows), "utf-8")
            print(json.dumps(rows[-1]), flush=True)


if __name__ == "__main__":
    main()
