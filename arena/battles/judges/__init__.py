"""Ways of judging: each kind is one file and one line in this menu."""

JUDGES: dict[str, str] = {
    "scores": "arena.battles.judges.scores:open_bench",
    "verdict": "arena.battles.judges.verdict:open_bench",
    "single": "arena.battles.judges.single:open_bench",
    "probability": "arena.battles.judges.probability:open_bench",
    "preference": "arena.battles.judges.preference:open_bench",
    "weighed": "arena.battles.judges.weighed:open_bench",
    "reward": "arena.battles.judges.reward:open_bench",
    "code": "arena.battles.judges.code:open_bench",
    "jury": "arena.battles.judges.jury:open_bench",
}
"""Kind -> where its `open_bench(judge, models) -> Bench` lives; imported only when a job needs it."""
