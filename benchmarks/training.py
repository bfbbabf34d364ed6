"""What our training job costs over a bare TRL script, and whether two processes learn what one learns.

    python -m benchmarks.training overhead [--model FOLDER] [--rows 64] [--steps 30]
    python -m benchmarks.training processes

`overhead` prints CPU seconds and peak memory of both, each in a process of its own, same settings, same
rows; loading libraries and model is in both. `processes` trains a tiny random model (SFT, DPO, reward) by
one process and by two under torchrun with the same global batch, and prints the largest difference of their losses.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from arena import jobs
from arena.flywheel import train
from arena.flywheel.bouts import Bout
from arena.flywheel.rounds import RoundPlan
from arena.flywheel.selection import Selection
from arena.flywheel.training_sets import make_training_set
from arena.records import Contender, Json
from arena.store import Store
from tests.tiny_model import make_tiny_model

BARE = """
import json, sys, torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer
folder, rows, out, settings = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
torch.set_num_threads(1)
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
data = Dataset.from_list([json.loads(line) for line in open(rows)])
config = SFTConfig(output_dir=out, use_cpu=True, bf16=False, activation_checkpointing=False, report_to="none",
                   logging_steps=1, seed=0, dataloader_pin_memory=False, disable_tqdm=True, save_total_limit=1,
                   save_strategy="steps", **settings)
trainer = SFTTrainer(model=model, args=config, train_dataset=data, processing_class=tokenizer)
trainer.train()
trainer.model.save_pretrained(out + "/final")
tokenizer.save_pretrained(out + "/final")
"""


def prepared(store: Store, model: Path, rows: int, settings: dict[str, Json], stage: str = "sft") -> jobs.Job:
    """A run folder that is ready to be worked on."""
    bouts = [
        Bout(
            f"b{n}", f"i{n}", (f"Name a number near {n} and say why in two sentences.",), "", "student", "t",
            ("No.",), (f"A number near {n} is {n + 1}. It follows {n} when we count by ones.",), "B", -5.0,
        )
        for n in range(rows)
    ]  # fmt: skip
    store.save([Contender("student", "local_transformers", str(model.resolve()))])
    make_training_set(store, "rows", "student", stage, Selection(), bouts)
    with mock.patch.object(jobs, "_spawn"):  # we start it ourselves, to measure it
        return train.launch(store, RoundPlan("measured", stage, "student", "rows", settings=settings))


def measured(command: list[str]) -> tuple[float, float]:
    """CPU seconds and peak MiB of a command."""
    code = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]).returncode; "
        "u = resource.getrusage(resource.RUSAGE_CHILDREN); print('COST', u.ru_utime + u.ru_stime, u.ru_maxrss); "
        "sys.exit(done)"
    )
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    _, seconds, kilobytes = next(line for line in done.stdout.splitlines() if line.startswith("COST")).split()
    return float(seconds), int(kilobytes) / 1024


def overhead(model: Path, rows: int, steps: int) -> None:
    settings: dict[str, Json] = {"max_steps": steps, "per_device_train_batch_size": 4, "save_steps": 1000}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with Store.open(home) as store:
            job = prepared(store, model, rows, {**settings, "learning_rate": 5e-5, "max_length": 512})
        lines = [
            json.loads(line) for line in (job.folder / "inputs" / "example.jsonl").read_text().splitlines()
        ]
        data = Path(folder) / "rows.jsonl"
        shaped = [
            {
                "prompt": [{"role": "user", "content": row["turns"][0]}],
                "completion": [{"role": "assistant", "content": row["chosen"][0]}],
            }
            for row in lines
        ]
        data.write_text("".join(json.dumps(row) + "\n" for row in shaped))
        bare = {**job.settings["settings"]}  # type: ignore[dict-item]  # a mapping by construction
        ours = measured([sys.executable, "-m", "arena.flywheel.train", str(job.folder)])
        theirs = measured(
            [sys.executable, "-c", BARE, str(model), str(data), f"{folder}/out", json.dumps(bare)]
        )
    print(f"{'':12}{'CPU s':>9}{'peak MiB':>10}")
    print(f"{'bare TRL':12}{theirs[0]:9.1f}{theirs[1]:10.0f}")
    print(f"{'our job':12}{ours[0]:9.1f}{ours[1]:10.0f}")
    print(f"{'overhead':12}{ours[0] / theirs[0] - 1:9.1%}{ours[1] / theirs[1] - 1:10.1%}")


STAGES = ("sft", "dpo", "reward")
"""Those whose loss is a mean over rows, whoever computes it; PPO and RLOO draw other answers."""


TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
ACCELERATE = (
    sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
    "--num_machines", "1", "--main_process_port", "0", "--mixed_precision", "no", "--dynamo_backend", "no",
)  # fmt: skip
"""It starts two processes without a GPU only when it is told that there are several."""


def processes(
    stages: Sequence[str] = STAGES, steps: int = 6, launcher: Sequence[str] = TORCHRUN
) -> dict[str, list[list[float]]]:
    """Stage -> the losses of a tiny model trained by one process and by two, with the same global batch."""
    curves: dict[str, list[list[float]]] = {stage: [] for stage in stages}
    with tempfile.TemporaryDirectory() as folder:
        model = make_tiny_model(Path(folder) / "tiny")
        for count in (1, 2):
            settings: dict[str, Json] = {
                "max_steps": steps, "per_device_train_batch_size": 4 // count, "learning_rate": 1e-3,
                "max_length": 128,
            }  # fmt: skip
            found = []
            for stage in stages:
                with Store.open(Path(folder) / f"{stage}-{count}") as store:
                    found.append(prepared(store, model, 16, settings, stage))
            start = [sys.executable] if count == 1 else launcher
            folders = [str(job.folder) for job in found]
            measured([*start, "-m", "benchmarks.training", "work", *folders])
            for stage, job in zip(stages, found, strict=True):
                assert jobs.status(job).state is jobs.State.DONE, jobs.log_tail(job)
                curves[stage].append([float(str(m["loss"])) for m in jobs.metrics(job) if "loss" in m])
    return curves


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", default="overhead", choices=["overhead", "processes", "work"])
    parser.add_argument("folders", nargs="*", type=Path, help="of runs to work on, one after another")
    parser.add_argument("--model", type=Path, default=Path(".arena/models/smollm2-135m"))
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--steps", type=int, default=30)
    arguments = parser.parse_args()
    if arguments.what == "overhead":
        overhead(arguments.model, arguments.rows, arguments.steps)
        return
    if arguments.what == "work":  # what each process does; torch is loaded once for all stages
        sys.exit(max(train.main(folder) for folder in arguments.folders))
    for stage, (one, two) in processes().items():
        print(f"{stage:8}one process  ", [round(x, 5) for x in one])
        print(f"{'':8}two processes", [round(x, 5) for x in two])
        print(f"{'':8}largest difference {max(abs(a - b) for a, b in zip(one, two, strict=True)):.2g}")


if __name__ == "__main__":
    main()
