"""What a choice of lessons holds, in words."""

from __future__ import annotations

from html import escape
from pathlib import Path

from arena.flywheel.offers import token_lengths
from arena.flywheel.presets import PRESETS
from arena.flywheel.training_sets import Preview
from pages.table import table


def tokens_html(folder: Path, stage: str, shown: Preview) -> str:
    """How long the lessons are for this student, and how many the stage would leave out."""
    sizes = token_lengths(folder, shown.selected.kept, stage)
    if not sizes:
        return ""
    looked = f" of the first {len(sizes):,}" if len(sizes) < len(shown.selected.kept) else ""
    cuts = []
    for preset, settings in PRESETS[stage].items():
        most = settings.get("max_length", settings.get("max_prompt_length"))
        if isinstance(most, int):
            over = sum(size > most for size in sizes)
            cuts.append(f"{preset} takes {most:,} tokens and leaves out {over:,}{looked}")
    middle = f"<p>{sizes[len(sizes) // 2]:,} tokens in the middle, {sizes[-1]:,} at most{looked}. "
    return middle + (f"The preset {', '.join(cuts)}.</p>" if cuts else "</p>")


def found_html(shown: Preview, tokens: str = "") -> str:
    """The selection in words: how many, from whom, how long, what fell and why."""
    kept = len(shown.selected.kept)
    teachers = ", ".join(
        f"{escape(r['teacher'])} {r['share']:.0%}" for r in shown.teachers.head(5).to_dicts()
    )
    fell = table(["left out because", "battles"], shown.selected.dropped.items())
    lengths = sorted(shown.lengths["characters"].to_list())
    middle = f"{lengths[kept // 2]:,} characters in the middle, {lengths[-1]:,} at most." if kept else ""
    hard = ""
    if shown.difficulty is not None and shown.difficulty_whole is not None:
        hard = f"<p>Mean difficulty {shown.difficulty:.1f} against {shown.difficulty_whole:.1f} of all.</p>"
    return (
        f"<h2>{kept:,} lessons</h2>"
        f"<p>of {shown.pool:,} battles that could teach, {shown.bouts:,} read. {middle}</p>{tokens}"
        f"<p>Teachers: {teachers or 'none'}</p>{hard}" + (fell if shown.selected.dropped else "")
    )
