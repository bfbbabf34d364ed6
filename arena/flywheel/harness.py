"""lm-evaluation-harness on a checkpoint, as a job of its own. The program is optional: it is looked for in this
environment, or in that of the interpreter which WIZARDARENA_LM_EVAL_PYTHON names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from arena import jobs
from arena.records import ArenaError, BadInput, Contender, Json
from arena.store import Store
from arena.worker import Run, Stopped

OURS = Path(__file__).resolve().parent.parent.parent / "assets" / "harness"
"""Tasks that come with the app and need no network."""
PYTHON = "WIZARDARENA_LM_EVAL_PYTHON"
FIND = "import importlib.util, sys; sys.exit(importlib.util.find_spec('lm_eval') is None)"
EVALUATE = """
import json, sys
import lm_eval
from lm_eval.tasks import TaskManager
asked = json.load(open(sys.argv[1]))
found = lm_eval.simple_evaluate(
    model="hf", model_args={"pretrained": asked["folder"], "dtype": "auto", "trust_remote_code": False},
    tasks=asked["tasks"], limit=asked["limit"] or None, batch_size=8, device=asked["device"], log_samples=False,
    task_manager=TaskManager(include_path=asked["task_folder"]),
)
json.dump({"results": found["results"], "samples": found.get("n-samples", {})}, open(sys.argv[2], "w"), default=str)
"""


@dataclass(frozen=True)
class Score:
    """One figure of one task."""

    contender: str
    task: str
    metric: str
    value: float
    error: float | None
    """Standard error, where the harness gives one."""
    samples: int | None
    made_at: float


def interpreter() -> str:
    """The Python that has the harness.

    Raises:
        BadInput: none has.
    """
    python = os.environ.get(PYTHON) or sys.executable
    try:
        found = subprocess.run([python, "-c", FIND], check=False, timeout=60).returncode == 0
    except OSError as error:
        raise BadInput(f"{PYTHON} names {python}, which cannot be run: {error.strerror}.") from error
    if not found:
        raise BadInput(
            f"lm-evaluation-harness is not installed for {python}. Run `pip install lm_eval` there, or in an "
            f"environment of its own and name that one's Python in {PYTHON}."
        )
    return python


def launch(
    store: Store, contender: str, tasks: tuple[str, ...], task_folder: Path | None = None, limit: int = 0
) -> jobs.Job:
    """Start the evaluation.

    Args:
        task_folder: of YAML task files; None takes those that come with the app. The harness's own tasks can be
            named too, where their data is on this machine.
        limit: most questions of each task; 0 for all.

    Raises:
        BadInput: no local model folder, no task, no such folder, or no harness.
    """
    model = store.get(Contender, contender)
    folder = Path(model.location) if model else Path()
    if model is None or model.backend != "local_transformers" or not (folder / "config.json").is_file():
        raise BadInput(
            f"{contender!r} is not a local model folder with a config.json; only such can be evaluated."
        )
    where = (task_folder or OURS).resolve()
    if not tasks:
        raise BadInput("Name a task, e.g. general.")
    if limit < 0:
        raise BadInput(f"The most questions of a task must be 0 (all) or more, not {limit}.")
    if not where.is_dir():
        raise BadInput(f"There is no folder of tasks {where}.")
    interpreter()
    asked: dict[str, Json] = {
        "contender": contender, "folder": str(folder), "tasks": list(tasks), "task_folder": str(where),
        "limit": limit,
    }  # fmt: skip
    title = f"{', '.join(tasks)} on {contender}"
    return jobs.start(store.home, "harness", "arena.flywheel.harness:work", title, asked)


def work(run: Run) -> None:
    """Run the harness in its own process, whose words go to this job's log."""
    import torch

    asked = {**run.settings, "device": "cuda" if torch.cuda.is_available() else "cpu"}
    (run.folder / "asked.json").write_text(json.dumps(asked), "utf-8")
    files = [str(run.folder / "asked.json"), str(run.folder / "harness.part")]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    child = subprocess.Popen(
        [interpreter(), "-c", EVALUATE, *files],
        cwd=str(run.settings["task_folder"]),  # a task names its data beside it
        env={**offline, **os.environ, "HF_DATASETS_CACHE": str(run.folder / "cache")},
        stderr=subprocess.STDOUT,
    )
    run.progress(0, 1, "evaluating")
    while child.poll() is None:
        if run.stopping:
            child.terminate()
            child.wait()
            raise Stopped
        time.sleep(0.2)
    if child.returncode:
        raise ArenaError(
            "lm-evaluation-harness gave up; the log's last lines say why. A task it does not know, or one whose "
            "data is not on this machine, is the usual reason."
        )
    (run.folder / "harness.part").rename(run.folder / "harness.json")
    run.progress(1, 1, "evaluating")


def scores(home: Path) -> list[Score]:
    """The figures of all finished evaluations; of one that was repeated the newest."""
    found: dict[tuple[str, str, str], Score] = {}
    for job in reversed([job for job in jobs.jobs(home) if job.kind == "harness"]):
        try:
            kept = json.loads((job.folder / "harness.json").read_text("utf-8"))
        except OSError:
            continue
        for task, figures in kept["results"].items():
            for score in _scores(str(job.settings["contender"]), task, figures, kept["samples"], job.created):
                found[score.contender, task, score.metric] = score
    return list(found.values())


def _scores(
    contender: str, task: str, figures: dict[str, object], samples: dict[str, dict[str, int]], made_at: float
) -> list[Score]:
    """The harness writes "acc,none": 0.5 and "acc_stderr,none": 0.1 side by side."""
    rows = []
    for name, value in figures.items():
        metric, comma, way = name.partition(",")
        if comma and not metric.endswith("_stderr") and isinstance(value, (int, float)):
            error = figures.get(f"{metric}_stderr,{way}")
            number = samples.get(task, {}).get("effective")
            error = float(error) if isinstance(error, (int, float)) else None
            rows.append(Score(contender, task, metric, float(value), error, number, made_at))
    return rows
