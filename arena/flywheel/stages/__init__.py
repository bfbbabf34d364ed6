"""How a student learns, one readable file a way; each runs in a job process and owns its libraries."""

STAGES: dict[str, str] = {
    "sft": "arena.flywheel.stages.sft:train",
    "dpo": "arena.flywheel.stages.dpo:train",
    "reward": "arena.flywheel.stages.reward:train",
    "ppo": "arena.flywheel.stages.ppo:train",
    "rloo": "arena.flywheel.stages.rloo:train",
}
"""Name -> where its `train(task) -> figures` lives; imported only inside the job."""
