"""The words of this room on the command line: testset build, list, show, export, preview."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from arena.records import BadInput, Json, to_json
from arena.store import Store
from arena.terminal import Subparsers, command, group, say, show, wait
from arena.testsets import build, catalog
from arena.testsets.clean import STEPS, USUAL
from arena.testsets.containers import CONTAINERS
from arena.testsets.plan import Plan, estimate, locate, rows_of, words_for
from arena.testsets.read import preview, recognise
from arena.testsets.recipes import RECIPES
from arena.testsets.rows import Correction
from arena.testsets.shapes import FORMATS


def add(commands: Subparsers) -> None:
    """Register `testset ...`."""
    words = group(commands, "testset", "make, list, show and export test sets")
    parser = command(words, "build", _build, "build a test set from instructions")
    parser.add_argument("input", metavar="INPUT", help="file, dataset folder, or shipped instructions (demo)")
    parser.add_argument("--name", required=True)
    parser.add_argument("--recipe", choices=tuple(RECIPES), default=Plan.recipe)
    parser.add_argument("--size", type=int, default=Plan.size)
    parser.add_argument("--clusters", type=int, default=Plan.clusters)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--embedder", default=Plan.embedder, help="name or folder of the embedding model")
    parser.add_argument("--rater", default=Plan.rater, help="contender that rates difficulty, or baseline")
    parser.add_argument(
        "--per-cluster", type=int, default=Plan.per_cluster, help="candidates rated a cluster"
    )
    parser.add_argument("--splits", type=int, default=0, help="training splits D1..DN of what is left over")
    parser.add_argument("--purpose", choices=("test", "train"), default="test")
    parser.add_argument(
        "--benchmark", action="append", default=[], help="set or file that counts as contamination"
    )
    parser.add_argument("--steps", default=",".join(USUAL), help=f"cleaning steps among {','.join(STEPS)}")
    parser.add_argument("--set", action="append", default=[], metavar="STEP.SETTING=VALUE", dest="changes")
    parser.add_argument("--ids", type=Path, help="hand-picked: file with one instruction id a line")
    parser.add_argument("--map", default=Plan.map, help="pca, tsne or umap")
    parser.add_argument("--rows", type=int, default=Plan.rows, help="most rows to read")
    parser.add_argument("--bytes", type=int, default=Plan.bytes, help="most bytes of the whole input")
    parser.add_argument("--line", type=int, default=Plan.line, help="most bytes of one row")
    _reading(parser)
    command(words, "list", _list, "the test sets of this arena")
    parser = command(words, "show", _show, "one test set's card")
    parser.add_argument("name")
    parser = command(words, "export", _export, "write a test set as JSONL or Parquet")
    parser.add_argument("name")
    parser.add_argument("path", type=Path)
    parser = command(words, "preview", _preview, "how a file would be read")
    parser.add_argument("input")
    _reading(parser)


def _reading(parser: argparse.ArgumentParser) -> None:
    """What may be corrected of how a file is read."""
    parser.add_argument("--kind", choices=tuple(CONTAINERS), default="", help="of file, whatever its name")
    parser.add_argument("--shape", choices=tuple(FORMATS), default="")
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="OURS=THEIRS",
        help="e.g. instruction=ask; also conversation, turns, category, language, reference",
    )
    parser.add_argument("--encoding", default="")
    parser.add_argument("--delimiter", default="", help="of a CSV file")
    parser.add_argument("--header", choices=("yes", "no"), help="whether a CSV's first row names its columns")


def _correction(arguments: argparse.Namespace) -> Correction:
    columns = {}
    for change in arguments.column:
        ours, equals, theirs = change.partition("=")
        if not equals:
            raise BadInput(f"--column {change!r} should read OURS=THEIRS, e.g. instruction=ask.")
        columns[ours] = theirs
    return Correction(
        arguments.kind,
        arguments.shape,
        columns,
        arguments.encoding,
        arguments.delimiter,
        None if arguments.header is None else arguments.header == "yes",
    )


def _steps(arguments: argparse.Namespace) -> dict[str, Json]:
    steps: dict[str, dict[str, Json]] = {name: {} for name in arguments.steps.split(",") if name}
    for change in arguments.changes:
        place, equals, value = change.partition("=")
        step, dot, setting = place.partition(".")
        if not equals or not dot or step not in steps:
            raise BadInput(f"--set {change!r} should read STEP.SETTING=VALUE with a step that is on.")
        try:
            steps[step][setting] = json.loads(value)
        except ValueError:
            steps[step][setting] = value
    return dict(steps)


def _ids(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        return tuple(path.read_text("utf-8").split())
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error


def _build(arguments: argparse.Namespace) -> None:
    path, given = locate(arguments.input), _correction(arguments)
    plan = Plan(
        name=arguments.name,
        input=arguments.input,
        recipe=arguments.recipe,
        size=arguments.size,
        clusters=arguments.clusters,
        seed=arguments.seed,
        embedder=arguments.embedder,
        rater=arguments.rater,
        per_cluster=arguments.per_cluster,
        steps=_steps(arguments),
        benchmarks=tuple(arguments.benchmark),
        splits=arguments.splits,
        purpose=arguments.purpose,
        wanted=_ids(arguments.ids),
        map=arguments.map,
        rows=arguments.rows,
        bytes=arguments.bytes,
        line=arguments.line,
        layout={} if given == Correction() else to_json(recognise(path, given)),
    )
    rows = min(rows_of(path), plan.rows)
    say(f"About {rows:,} rows; about {words_for(estimate(rows, plan))} on one core.")
    with Store.open(arguments.home) as store:
        job = build.launch(store, plan)
        say(f"Building {plan.name}; its log is {job.folder / 'log.txt'}")
        wait(store, job)
        if refused := build.refusals(job.folder):
            say(refused)
        document = {**_card(store, plan.name), "rejects": str(job.folder / build.REJECTS) if refused else ""}
        show(arguments, document, _text(store, plan.name))


def _list(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        frame = catalog.testsets(store)
        lines = [
            f"{row['name']:<30} {row['purpose']:<6} {row['recipe']:<11} {row['size']:>7,}  {row['source']}"
            for row in frame.iter_rows(named=True)
        ]
        show(arguments, list(frame.to_dicts()), "\n".join(lines) or "No test sets yet.")


def _card(store: Store, name: str) -> dict[str, Json]:
    card = catalog.card(store, name)
    facts = to_json(card.testset)
    settings = facts.pop("settings")
    assert isinstance(settings, Mapping)
    kept = {k: v for k, v in settings.items() if k not in {"points", "clusters_found"}}
    return {
        **facts,
        "settings": kept,
        "clusters": card.clusters,
        "categories": dict(card.categories.iter_rows()),
        "languages": dict(card.languages.iter_rows()),
        "turns": {str(turns): count for turns, count in card.turns.iter_rows()},
        "overlaps": list(card.overlaps.to_dicts()),
    }


def _text(store: Store, name: str) -> str:
    card = _card(store, name)
    settings = card["settings"]
    assert isinstance(settings, Mapping)
    lines = [f"{card['name']}: {card['size']:,} instructions, {card['recipe']}, seed {card['seed']}"]
    lines += [f"content hash {card['content_hash']}, source {card['source']}, {card['clusters']} clusters"]
    funnel = settings.get("funnel")
    for stage in funnel if isinstance(funnel, list) else []:
        assert isinstance(stage, Mapping)
        lines.append(f"  {stage['step']!s:<15} kept {stage['kept']:>9,}  dropped {stage['dropped']:>8,}")
    for word in ("categories", "languages"):
        counts = card[word]
        assert isinstance(counts, Mapping)
        lines.append(f"{word}: " + ", ".join(f"{k or 'unnamed'} {v}" for k, v in list(counts.items())[:12]))
    return "\n".join(lines)


def _show(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        catalog.find(store, arguments.name)
        show(arguments, _card(store, arguments.name), _text(store, arguments.name))


def _export(arguments: argparse.Namespace) -> None:
    with Store.open(arguments.home) as store:
        path = catalog.export(store, arguments.name, arguments.path)
        show(arguments, {"path": str(path)}, f"Written to {path}")


def _preview(arguments: argparse.Namespace) -> None:
    path = locate(arguments.input)
    found = preview(path, recognise(path, _correction(arguments)))
    layout = dataclasses.asdict(found.layout)
    document: dict[str, Json] = {
        "layout": json.loads(json.dumps(layout)),
        "columns": list(found.columns),
        "rows": [{"line": row.line, **to_json(row.instruction)} for row in found.rows],
        "rejects": [json.loads(json.dumps(dataclasses.asdict(reject))) for reject in found.rejects],
    }
    lines = [f"{layout['container']}, {layout['shape']}; columns {layout['columns']}"]
    lines += [f"line {row.line}: {row.instruction.turns[0][:100]}" for row in found.rows]
    lines += [f"line {reject.line} rejected: {reject.reason}" for reject in found.rejects]
    show(arguments, document, "\n".join(lines))
