"""Other benchmarks of a checkpoint: grades by a single-answer judge, and lm-evaluation-harness where it is."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from arena import jobs
from arena.battles.fight import FightSettings
from arena.collector import collect
from arena.flywheel import harness
from arena.flywheel.grades import Grade, grades
from arena.records import BadInput, Contender, Instruction, Json, Judge, Judgement, Pick, Response, TestSet
from arena.store import Store
from pages.flywheel_exams import start_grading, table_html
from tests.flywheel.rooms import run_here
from tests.tiny_model import make_tiny_model


def graded(store: Store, contender: str, instruction: str, sample: int, grade: float | None) -> None:
    answer = Response(f"{contender}-{instruction}-{sample}", contender, instruction, "x", sample, ("words",))
    outcome = {} if grade is not None else {"outcome": "invalid_judgement"}
    game = Judgement(
        f"g-{answer.id}", "grader", "p", instruction, answer.id, "", grade, None, "because", **outcome  # type: ignore[arg-type]  # an outcome or nothing
    )  # fmt: skip
    store.save([answer, game])


def test_a_grade_is_the_mean_over_instructions_of_their_readable_samples() -> None:
    with Store.open(None) as store:
        store.save([Judge("grader", "single"), Pick("mix", "i1", 0), Pick("mix", "i2", 1)])
        for instruction, sample, grade in (("i1", 0, 8.0), ("i1", 1, 6.0), ("i2", 0, 3.0), ("i3", 0, 9.0)):
            graded(store, "a", instruction, sample, grade)
        graded(store, "a", "i2", 1, None)  # unreadable: no grade, never a guess
        graded(store, "b", "i1", 0, 2.0)
        a, b = grades(store, "mix", "grader")
        assert (a.contender, a.mean, a.instructions) == ("a", 5.0, 2)
        assert a.low == pytest.approx(5 - 1.96 * 2)  # 7 and 3: a standard error of 2
        assert b == Grade("b", "grader", 2.0, None, None, 1)
        assert grades(store)[0].instructions == 3
        assert grades(store, judge="another") == []


def test_contenders_are_graded_one_by_one_in_a_job(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(home) as store:
        said: dict[str, Json] = {
            f"[quality {n}.00]": json.dumps({"explanation": "as marked", "score": n}) for n in (2, 9)
        }
        asked = [Instruction.of(f"Question {n}?") for n in range(3)]
        store.save(
            [
                Contender("weak", "scripted", options={"quality": 2}, iteration=1),
                Contender("strong", "scripted", options={"quality": 9}, iteration=2),
                Contender("rule", "scripted", options={"answers": said}),
                TestSet("mix", "hand-picked", size=3),
                *asked,
                *(Pick("mix", i.id, n) for n, i in enumerate(asked)),
            ]
        )
        monkeypatch.setattr(jobs, "_spawn", lambda job: None)
        job = start_grading(store, ("weak", "strong"), "mix", "rule")
        assert FightSettings("mix", ("weak", "strong"), "rule-single").judge == job.settings["judge"]
        assert run_here(store, job).state is jobs.State.DONE
        strong, weak = grades(store, "mix")
        assert (strong.contender, weak.contender) == ("strong", "weak")
        assert (strong.mean, weak.mean) == (9.0, 2.0)
        shown = table_html(store)
        assert shown.index("weak") < shown.index("strong")  # by iteration
        assert f"{strong.mean:.2f}" in shown


def test_without_the_harness_a_sentence_says_what_to_install(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)
    with Store.open(home) as store:
        store.save([Contender("tiny", "local_transformers", str(tmp_path))])
        (tmp_path / "config.json").write_text("{}")
        for named, words in ((str(bare), "pip install lm_eval"), (str(tmp_path / "none"), "cannot be run")):
            monkeypatch.setenv(harness.PYTHON, named)
            with pytest.raises(BadInput, match=words):
                harness.launch(store, "tiny", ("general",))
        with pytest.raises(BadInput, match="not a local model folder"):
            harness.launch(store, "nobody", ("general",))
        assert jobs.jobs(home) == []


def test_the_harness_results_are_read_with_their_errors(home: Path) -> None:
    figures = {
        "general": {"alias": "general", "acc,none": 0.5, "acc_stderr,none": 0.1, "acc_norm,none": 0.75,
                    "acc_norm_stderr,none": "N/A"}
    }  # fmt: skip
    for number, name in enumerate(("harness-1", "harness-2")):
        folder = home / "runs" / name
        (folder / "inputs").mkdir(parents=True)
        plan = {"id": name, "kind": "harness", "target": "x:y", "title": name, "created": 1.0 + number,
                "lease": True, "settings": {"contender": "tiny"}}  # fmt: skip
        (folder / "plan.json").write_text(json.dumps(plan), "utf-8")
        kept = {"results": figures, "samples": {"general": {"original": 24, "effective": 8}}}
        (folder / "harness.json").write_text(json.dumps(kept), "utf-8")
        figures["general"]["acc,none"] = 0.625
    found = {s.metric: s for s in harness.scores(home)}
    assert (found["acc"].value, found["acc"].error, found["acc"].samples) == (0.625, 0.1, 8)
    assert (found["acc_norm"].value, found["acc_norm"].error) == (0.75, None)


def _harness_is_here() -> bool:
    try:
        harness.interpreter()
    except BadInput:
        return False
    return True


@pytest.mark.models
@pytest.mark.skipif(not _harness_is_here(), reason="lm_eval is not installed")
def test_the_harness_answers_our_own_task_offline(home: Path, tmp_path: Path) -> None:
    with Store.open(home) as store:
        store.save([Contender("tiny", "local_transformers", str(make_tiny_model(tmp_path / "tiny")))])
        job = harness.launch(store, "tiny", ("general",), limit=6)
        while jobs.status(job).active:
            time.sleep(0.2)
        collect(store)
        assert jobs.status(job).state is jobs.State.DONE, jobs.log_tail(job)
        found = {s.metric: s for s in harness.scores(home)}
        assert found["acc"].samples == 6
        assert 0 <= found["acc"].value <= 1
        assert "general, acc" in table_html(store)
