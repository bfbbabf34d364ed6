"""Proximal policy optimisation, ours on accelerate (TRL dropped its own after 1.12): the student answers,
is paid on its end token, and moves towards what paid more than its value model expected.

One step: draw answers -> score them -> reward every token by its KL to the student as it was, the end token
by the score too -> advantages (GAE) -> some passes of clipped updates. Masks are explicit everywhere, since
pad and end token may be one. Schulman et al. 2017; Ouyang et al. 2022 for the KL reward.
"""

from __future__ import annotations

import math
import shutil
import time

import torch
from accelerate import Accelerator
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification

from arena.flywheel.stages.over_trl import (
    kept_dtype,
    load_model,
    load_tokenizer,
    lora_config,
    wish_to_stop,
)
from arena.flywheel.stages.ppo_config import PPOConfig, read_config
from arena.flywheel.stages.ppo_prompts import Prompts
from arena.flywheel.stages.ppo_sums import (
    Rollout,
    answer_mask,
    gae,
    log_probs_of,
    mean,
    policy_objective,
    token_rewards,
    values_of,
    whiten,
)
from arena.flywheel.stages.rewards import check_reward, load_reward_model
from arena.flywheel.stages.sharded import refuse_engine
from arena.flywheel.task import Task
from arena.records import ArenaError, Example
from arena.worker import Stopped

Tensor = torch.Tensor


def train(task: Task) -> dict[str, float]:
    refuse_engine("PPO")
    config = read_config(task)
    gpu = torch.cuda.is_available()
    half = gpu and torch.cuda.is_bf16_supported() if config.bf16 is None else config.bf16
    accelerator = Accelerator(cpu=not gpu, mixed_precision="bf16" if half else "no")
    trainer = _Trainer(task, config, accelerator)
    trainer.resume()
    while trainer.step < trainer.steps:
        trainer.take_step()
        if wish_to_stop(task) and trainer.step < trainer.steps:
            trainer.checkpoint()
            raise Stopped
        if trainer.step % config.save_steps == 0 and trainer.step < trainer.steps:
            trainer.checkpoint()
    return trainer.finish()


class _Trainer:
    """Policy, reference, value model, and where the training stands."""

    def __init__(self, task: Task, config: PPOConfig, accelerator: Accelerator) -> None:
        self.task, self.config, self.accelerator = task, config, accelerator
        self.tokenizer = load_tokenizer(task)
        self.tokenizer.padding_side = "left"
        self.prompts = Prompts(task, config, self.tokenizer)
        count = len(self.prompts.examples)
        batch = config.per_device_train_batch_size * accelerator.num_processes
        whole = max(1, math.ceil(count * config.num_train_epochs / batch))
        self.steps = config.max_steps if config.max_steps > 0 else whole
        self.step = 0
        self.seconds = 0.0
        policy = load_model(task, AutoModelForCausalLM)
        if task.lora:
            from peft import get_peft_model

            policy = get_peft_model(policy, lora_config(task))
        self.reference = load_model(task, AutoModelForCausalLM).to(accelerator.device).eval()
        self.reference.requires_grad_(False)
        value = load_model(task, AutoModelForTokenClassification, num_labels=1)
        torch.nn.init.zeros_(value.score.weight)  # at first nothing is expected, so scores count in full
        self.reward = load_reward_model(task, self.tokenizer)[0] if task.reward_folder else None
        if self.reward is not None:
            self.reward.to(accelerator.device)
        groups = [p for p in policy.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(
            [
                {"params": groups, "lr": config.learning_rate},
                {"params": value.parameters(), "lr": config.value_learning_rate},
            ],
            weight_decay=0.0,
        )
        prepared = accelerator.prepare(policy.eval(), value.eval(), optimizer)
        self.policy, self.value, self.optimizer = prepared
        self.history: list[dict[str, float]] = []
        if task.main:
            task.run.log(f"PPO: {self.steps} steps of {batch} answers to {count} prompts.")

    def take_step(self) -> None:
        # A seed a step, on every device: a resumed run draws what the uninterrupted one would.
        place = self.step * self.accelerator.num_processes + self.accelerator.process_index
        torch.manual_seed(self.config.seed * 1_000_003 + place)
        began = time.monotonic()
        examples = self.prompts.batch(place)
        rollout, figures = self._roll_out(examples)
        losses = self._update(rollout)
        self.step += 1
        self.seconds += time.monotonic() - began
        figures |= losses
        if not all(math.isfinite(v) for v in figures.values()):
            raise ArenaError(
                f"A figure became no number at step {self.step}. Lower learning_rate (now "
                f"{self.config.learning_rate:g}) or raise beta."
            )
        self.history.append(figures)
        if self.task.main:
            self.task.run.metric(step=self.step, **figures)
            self.task.run.progress(self.step, self.steps, "training", figures)

    @torch.no_grad()
    def _roll_out(self, examples: list[Example]) -> tuple[Rollout, dict[str, float]]:
        c, device = self.config, self.accelerator.device
        prompts = [self.prompts.tokens(e) for e in examples]
        padded = self.tokenizer.pad({"input_ids": prompts}, return_tensors="pt").to(device)
        # The mask comes from the lengths: where pad is also the end token no id can tell.
        width = padded["input_ids"].shape[1]
        lengths = torch.tensor([len(p) for p in prompts], device=device)
        attention = (torch.arange(width, device=device) >= (width - lengths)[:, None]).long()
        ends = self._end_tokens()
        tokens = self.accelerator.unwrap_model(self.policy).generate(
            input_ids=padded["input_ids"],
            attention_mask=attention,
            do_sample=True,
            temperature=c.temperature,
            top_p=c.top_p,
            top_k=0,
            max_new_tokens=c.max_completion_length,
            eos_token_id=ends,
            pad_token_id=self.tokenizer.pad_token_id,
        )
        answers = tokens[:, width:]
        ended = torch.isin(answers, torch.tensor(ends, device=device))
        mask = answer_mask(ended)
        attention = torch.cat([attention, mask], dim=1)
        seen = tokens, attention, answers.shape[1], c.temperature
        log_probs, _ = log_probs_of(self.policy, *seen)
        values = values_of(self.value, tokens, attention, answers.shape[1])
        with self.accelerator.autocast():  # as the policy computes, or the KL would be of two precisions
            reference, _ = log_probs_of(self.reference, *seen)
            score = self._score(examples, answers, mask, tokens, attention)
        finished = ended.any(dim=1)
        score = score - c.missing_eos_penalty * (~finished).float()
        kl = (log_probs - reference) * mask
        rewards = token_rewards(score, kl, mask, c.beta)
        advantages, returns = gae(rewards, values, mask, c.gamma, c.lam)
        figures = {
            "reward": float(score.mean()),
            "kl": float(kl.sum(dim=1).mean()),
            "finished": float(finished.float().mean()),
            "answer_tokens": float(mask.sum(dim=1).float().mean()),
        }
        whitened = whiten(advantages, mask)
        return Rollout(tokens, attention, mask, log_probs, values, whitened, returns), figures

    def _end_tokens(self) -> list[int]:
        ends = self.reference.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [ends]
        return sorted({int(e) for e in [*ends, self.tokenizer.eos_token_id] if e is not None})

    def _score(
        self, examples: list[Example], answers: Tensor, mask: Tensor, tokens: Tensor, attention: Tensor
    ) -> Tensor:
        """One score an answer: the reward model's, or 1 for an answer that passes its check."""
        if self.reward is not None:
            # Padding moves to the right, so that the last token is the end token, whatever the pad id is.
            order = torch.argsort(attention, dim=1, descending=True, stable=True)
            ids, seen = tokens.gather(1, order), attention.gather(1, order)
            hidden = self.reward.base_model(input_ids=ids, attention_mask=seen).last_hidden_state
            scores: Tensor = self.reward.score(hidden).squeeze(-1)
            last = (seen.sum(dim=1) - 1).unsqueeze(1)
            return scores.gather(1, last).squeeze(1).float()
        texts = [
            self.tokenizer.decode(row[keep.bool()], skip_special_tokens=True)
            for row, keep in zip(answers, mask, strict=True)
        ]
        checks = [dict(self.task.checks[e.instruction]) for e in examples]
        found = [check_reward(check, text) for check, text in zip(checks, texts, strict=True)]
        return torch.tensor(found, device=answers.device)

    def _update(self, rollout: Rollout) -> dict[str, float]:
        c = self.config
        total: dict[str, float] = {}
        count = 0
        for _ in range(c.ppo_epochs):
            for rows in torch.split(torch.randperm(len(rollout.tokens)), c.minibatch_size):
                figures = self._minibatch(rollout, rows.to(rollout.tokens.device))
                total = {k: total.get(k, 0.0) + v for k, v in figures.items()}
                count += 1
        return {k: v / count for k, v in total.items()}

    def _minibatch(self, r: Rollout, rows: Tensor) -> dict[str, float]:
        c = self.config
        # Cut to what these rows need: one long answer of the batch would cost all of them its width.
        width = int(r.mask[rows].sum(dim=1).max())
        first = int((r.attention[rows].cumsum(dim=1) == 0).sum(dim=1).min())
        end = r.tokens.shape[1] - r.mask.shape[1] + width
        tokens, attention = (t[rows, first:end] for t in (r.tokens, r.attention))
        mask, log_probs, advantages, old, returns = (
            t[rows, :width] for t in (r.mask, r.log_probs, r.advantages, r.values, r.returns)
        )
        new, entropy = log_probs_of(self.policy, tokens, attention, width, c.temperature)
        policy_loss, clipped = policy_objective(new, log_probs, advantages, mask, c.clip)
        values = values_of(self.value, tokens, attention, width)
        near = old + (values - old).clamp(-c.value_clip, c.value_clip)
        worst = torch.maximum((values - returns) ** 2, (near - returns) ** 2)
        value_loss = 0.5 * mean(worst, mask)
        loss = policy_loss + c.value_coefficient * value_loss
        self.optimizer.zero_grad()
        self.accelerator.backward(loss)
        # Each by itself: a value model that errs much would else take the policy's steps away.
        norms = [
            self.accelerator.clip_grad_norm_(g["params"], c.max_grad_norm)
            for g in self.optimizer.param_groups
        ]
        self.optimizer.step()
        return {
            "loss": float(loss.detach()),
            "policy_loss": float(policy_loss.detach()),
            "value_loss": float(value_loss.detach()),
            "clipped": float(clipped),
            "entropy": float(mean(entropy.detach(), mask)),
            "grad_norm": float(norms[0]),
        }

    # --- keeping it -----------------------------------------------------------------------------

    def checkpoint(self) -> None:
        """All state, in a folder that takes its name only when it is whole; the one before goes then."""
        self.accelerator.wait_for_everyone()
        place, part = self.task.work / f"ppo-{self.step}", self.task.work / f"part-{self.step}"
        if self.task.main:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            state = {
                "policy": self.accelerator.unwrap_model(self.policy).state_dict(),
                "value": self.accelerator.unwrap_model(self.value).state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
                "history": self.history,
            }
            torch.save(state, part / "state.pt")
            part.rename(place)
            for other in self.task.work.glob("ppo-*"):
                if other != place:
                    shutil.rmtree(other)
        self.accelerator.wait_for_everyone()

    def resume(self) -> None:
        """Go on from the newest whole checkpoint; half-written ones are deleted."""
        if self.task.main:
            for part in self.task.work.glob("part-*"):
                self.task.run.log(f"{part.name} was not written to its end and is discarded.")
                shutil.rmtree(part)
        self.accelerator.wait_for_everyone()
        found = sorted(self.task.work.glob("ppo-*"), key=lambda p: int(p.name.rpartition("-")[2]))
        if not found:
            return
        state = torch.load(found[-1] / "state.pt", map_location=self.accelerator.device, weights_only=True)
        self.accelerator.unwrap_model(self.policy).load_state_dict(state["policy"])
        self.accelerator.unwrap_model(self.value).load_state_dict(state["value"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.history, self.seconds = state["step"], state["history"], state["seconds"]

    def finish(self) -> dict[str, float]:
        """Save the policy as the draft and return the round's figures."""
        if self.task.main:
            model = self.accelerator.unwrap_model(self.policy)
            if self.task.lora:
                model = model.merge_and_unload()
            self.tokenizer.padding_side = "right"
            model.to(kept_dtype(self.task)).save_pretrained(self.task.draft)
            self.tokenizer.save_pretrained(self.task.draft)
        first, last = self.history[0], self.history[-1]
        return {
            "steps": float(self.step),
            "first_reward": first["reward"],
            "last_reward": last["reward"],
            "first_loss": first["loss"],
            "last_loss": last["loss"],
            "last_kl": last["kl"],
            "train_runtime": self.seconds,
        }
