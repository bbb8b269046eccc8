"""The run: steps, schedule, averaged weights, a look at the validation part now and then, checkpoints.

    every step     a batch, a gradient, the running mean of the weights
    now and then   losses to the journal and the screen; figures of the averaged weights on the validation
                   part, the best of which are kept in best/; a checkpoint
    at the end     by epochs, by time, or when validation has not become better for long

What a run measures is in metrics.jsonl (journal.py); what it can go on from is in checkpoint/.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from inspector.data.dataset import Dataset
from inspector.errors import DataError
from inspector.models.detector import Detector
from inspector.models.registry import build
from inspector.training import checkpoint, weak
from inspector.training.config import TrainConfig
from inspector.training.journal import Journal
from inspector.training.loader import Batch, Loader
from inspector.training.losses import Losses
from inspector.training.precision import half_precision
from inspector.training.watch import Figures, Watch

AVERAGE_DECAY = 0.999
"""The weights that are kept are a running mean over about the last thousand steps."""

GRADIENT_LIMIT = 10.0
"""Norm that a step's gradient is cut to: one odd batch must not undo many good ones."""

GATE_PACE = 10.0
"""Times the learning rate, for a spatial gate's two lone numbers, scale and offset of its logits. Adam moves
each by the rate in a step: from 0 to the -4 of a map that is quiet on good parts would take a short run's
whole length, and until then hardly anything is learnt through the gate."""

LOOK_SHARE = 0.08
"""Of the run's work that looking at the validation part may take."""

LOOKS = 25
"""At the validation part in a run of epochs, unless LOOK_SHARE allows fewer."""

LOOK_STEPS = 100
"""Between looks in a run by time, which does not know its steps, unless LOOK_SHARE asks for more."""

STEP_COST = 2.0
"""A pixel that is learnt from costs as much as so many that are looked at: there and back, and the update."""

LOADER_THREADS = 8
"""Beside a GPU, at most. On the CPU one: the network needs the cores more."""


class Stopped(Exception):
    """The run was asked to stop; its checkpoint is written."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What is shown while a run goes on."""

    done: float  # fraction of the run, 0-1
    step: int
    seconds: float  # used so far, earlier sessions counted in
    losses: dict[str, float]  # means since the last report; empty when this one is about validation
    figures: Figures | None = None
    best: bool = False
    """Whether these figures are the best so far."""

    @property
    def seconds_left(self) -> float:
        return self.seconds * (1 - self.done) / self.done if self.done else math.inf


Report = Callable[[Progress], None]


class Run:
    """One training run in one folder. `train()` returns the network to keep, in evaluation mode."""

    def __init__(
        self,
        config: TrainConfig,
        data: Dataset,
        folder: Path,
        *,
        device: str = "cpu",
        validation: Dataset | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.classes = data.classes
        self.folder = folder
        self.device = torch.device(device)
        self.journal = Journal(folder)
        self.architecture = config.architecture(len(data.classes))
        """What the bundle's manifest names; `models.registry.build` makes the network from it."""
        # Channels last: the layout that convolutions are fastest in, on CPUs too.
        self.network = build(self.architecture).to(self.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stub
        self.average = AveragedModel(self.network, avg_fn=_running_mean, use_buffers=True)
        self.optimizer = torch.optim.AdamW(
            _parameter_groups(self.network, config.weight_decay), lr=config.learning_rate, fused=True
        )
        self.precision = half_precision(self.device)
        # Does nothing unless half precision is fp16, whose small gradients would vanish.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision is torch.float16)
        self.loader = Loader(
            data, config, threads=loader_threads(self.device), pin=self.device.type == "cuda"
        )
        self.watch = Watch(validation, config) if validation is not None and len(validation) else None
        self.step = 0
        self.best: tuple[int, Figures] | None = None
        """Step and figures of what is in best/."""
        self._interval = self._steps_between_looks()
        self._looked: int | None = None
        self._ended = False
        self._used = 0.0
        self._since = time.monotonic()
        self._sums = torch.zeros(len(Losses._fields))
        self._summed = 0

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Begin with these weights, which fit the network, rather than with random ones."""
        self.network.load_state_dict(weights)
        self.average.module.load_state_dict(weights)

    def resume(self) -> None:
        """Go on from the folder's checkpoint. Raises DataError: none, or of a run with other options."""
        facts = checkpoint.facts_of(self.folder)
        ends = {"minutes", "epochs", "patience", "checkpoint_minutes"}
        earlier = TrainConfig.model_validate(facts["config"])
        if earlier.model_dump(exclude=ends) != self.config.model_dump(exclude=ends):
            raise DataError(f"{self.folder}: the checkpoint is of a run with other options; see config.json")
        if facts.get("classes", list(self.classes)) != list(self.classes):
            known, asked = ", ".join(facts["classes"]), ", ".join(self.classes)
            raise DataError(f"{self.folder}: the checkpoint is of a run on {known}; the data has {asked}")
        checkpoint.load(self.folder, self.network, self.average, self.optimizer)
        self.step, self._used = facts["step"], facts["seconds"]
        # Ended early is ended, unless the run was given a longer way to go.
        self._ended = facts.get("ended", False) and _budget(earlier) == _budget(self.config)
        self._looked = facts.get("looked")
        self.scaler.load_state_dict(facts.get("scaler", {}))
        self.journal.forget_after(self.step)
        if best := checkpoint.best_facts(self.folder):
            self.best = best["step"], Figures(**best["figures"])

    def save(self) -> None:
        """Raises SettingsError when the folder cannot be written, a full disk included."""
        facts = {
            "step": self.step,
            "seconds": self.seconds,
            "ended": self._ended,
            "looked": self._looked,
            "scaler": self.scaler.state_dict(),
            "classes": self.classes,
            "config": self.config.model_dump(),
        }
        checkpoint.save(self.folder, self.network, self.average, self.optimizer, facts)

    @property
    def seconds(self) -> float:
        return self._used + time.monotonic() - self._since

    @property
    def steps(self) -> int | None:
        """Of the whole run; None for one by time."""
        if self.config.epochs is None:
            return None
        return self.config.epochs * self.loader.epoch_steps(self.config.batch)

    @property
    def done(self) -> float:
        """Fraction of the run that is over: by epochs where given, which repeats to the bit, else by time."""
        if self.steps is not None:
            return min(self.step / self.steps, 1.0)
        return min(self.seconds / (60 * (self.config.minutes or 60.0)), 1.0)

    @property
    def over(self) -> bool:
        return self._ended or self.done >= 1.0

    def train(self, report: Report, every: int = 50, *, stop: Callable[[], bool] = lambda: False) -> Detector:
        """Run to the end, calling `report` every so many steps and after each look at the validation part.

        `stop` is asked after every step; once it says so, a checkpoint is written and Stopped is raised.
        """
        self._since = time.monotonic()
        if self.step == 0:
            # A kill before the first checkpoint is a kill at any moment too; and what is wrong with a
            # validation image shows now, not after the first hundred steps.
            self.journal.forget_after(-1)
            self.save()
            self._look(report)
        saved = time.monotonic()
        while not self.over:
            for batch in self.loader.batches(self.step, *self.config.phase(self.done)):
                phase = self.config.phase(self.done)
                self._learn(batch)
                if self.step % every == 0:
                    self._tell(report)
                if self.step % self._interval == 0:
                    self._look(report)
                if stop():
                    self.save()
                    raise Stopped
                if time.monotonic() - saved > 60 * self.config.checkpoint_minutes:
                    self.save()
                    saved = time.monotonic()
                if self.over or self.config.phase(self.done) != phase:
                    break
        self._finish(report)
        return self.kept()

    def averaged(self) -> Detector:
        """The running mean of the weights, as it is now."""
        network = self.average.module
        if not isinstance(network, Detector):
            raise TypeError("the average is not of a detector")
        return network.eval()

    def kept(self) -> Detector:
        """The best of the averaged weights on the validation part; without one, the last."""
        if self.best is None:
            return self.averaged()
        network = build(self.architecture)
        checkpoint.load_best(self.folder, network)
        return network.to(self.device).eval()

    def _finish(self, report: Report) -> None:
        self.loader.close()
        if self._looked != self.step:
            self._look(report)
        self._ended = True
        self.save()

    def _learn(self, batch: Batch) -> None:
        rate = self._learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["pace"]
        self.network.train()
        batch = batch.to(self.device)
        with torch.autocast(self.device.type, self.precision):
            raw = self.network.raw(batch.images.contiguous(memory_format=torch.channels_last))
        parts = weak.losses(raw, batch)
        seen = torch.stack([part.detach() for part in parts]).cpu()
        if not torch.isfinite(seen).all():
            raise DataError(f"the loss is not a number at step {self.step}; lower the learning rate")
        self.optimizer.zero_grad()
        self.scaler.scale(parts.total).backward()  # type: ignore[no-untyped-call]  # unannotated in torch
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_LIMIT)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.average.update_parameters(self.network)
        self.step += 1
        self._sums += seen
        self._summed += 1

    def _tell(self, report: Report) -> None:
        means = dict(zip(Losses._fields, (self._sums / self._summed).tolist(), strict=True))
        self._sums.zero_()
        self._summed = 0
        losses = {name: round(value, 5) for name, value in means.items()}
        self.journal.add({**self._where(), "learning_rate": self._learning_rate(), "losses": losses})
        report(Progress(self.done, self.step, self.seconds, means))

    def _look(self, report: Report) -> None:
        if self.watch is None:
            return
        figures = self.watch.look(self.averaged())
        self._looked = self.step
        # Of equals the later one: it has seen more. Random weights are no candidate.
        candidate = self.step > 0 or bool(self.config.started_from)
        best = candidate and (self.best is None or figures.worth >= self.best[1].worth)
        if best:
            self.best = self.step, figures
            facts = {"step": self.step, "figures": _as_facts(figures), "criterion": self.watch.criterion}
            checkpoint.save_best(self.folder, self.averaged(), facts)
        self.journal.add({**self._where(), "validation": figures.known(), "best": best})
        report(Progress(self.done, self.step, self.seconds, {}, figures, best))
        self._ended = self._ended or self._stalled()

    def _stalled(self) -> bool:
        if self.config.patience is None or self.steps is None or self.best is None:
            return False
        return self.step - self.best[0] >= self.config.patience * self.steps

    def _where(self) -> dict[str, float]:
        return {"step": self.step, "done": round(self.done, 5), "seconds": round(self.seconds, 1)}

    def _steps_between_looks(self) -> int:
        """Fixed by data and options alone, so that a run by epochs repeats, its best weights too."""
        wanted = LOOK_STEPS if self.steps is None else math.ceil(self.steps / LOOKS)
        if self.watch is None:
            return wanted
        a_step = STEP_COST * self.config.batch * self.config.size**2
        return max(wanted, math.ceil(self.watch.pixels() / (LOOK_SHARE * a_step)))

    def _learning_rate(self) -> float:
        return self.config.learning_rate * self._rate()

    def _rate(self) -> float:
        """Warm up by steps, then a cosine over the run, down to a hundredth."""
        warm = min((self.step + 1) / max(self.config.warmup_steps, 1), 1.0)
        return warm * (0.01 + 0.99 * (1 + math.cos(math.pi * self.done)) / 2)


def _budget(config: TrainConfig) -> tuple[float | None, ...]:
    return config.epochs, config.minutes, config.patience


def loader_threads(device: torch.device) -> int:
    return 1 if device.type == "cpu" else max(1, min(LOADER_THREADS, (os.cpu_count() or 2) - 1))


def _as_facts(figures: Figures) -> dict[str, float | None]:
    return {name: getattr(figures, name) for name in Figures.__dataclass_fields__}


def _running_mean(average: Tensor, current: Tensor, seen: Tensor | int) -> Tensor:
    # Young averages follow faster, or the random start would weigh on them for long.
    decay = min(AVERAGE_DECAY, (1 + int(seen)) / (10 + int(seen)))
    return average * decay + current * (1 - decay)


def _parameter_groups(network: nn.Module, decay: float) -> list[dict[str, object]]:
    """Weight decay for convolution and linear weights only; never for BN, biases and the like."""
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    return [
        {"params": weights, "weight_decay": decay, "pace": 1.0},
        {"params": [each for each in others if each.numel() > 1], "weight_decay": 0.0, "pace": 1.0},
        {"params": [each for each in others if each.numel() == 1], "weight_decay": 0.0, "pace": GATE_PACE},
    ]
