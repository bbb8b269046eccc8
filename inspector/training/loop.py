"""The run: steps, schedule, averaged weights, checkpoints, progress."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from inspector.data.dataset import Dataset
from inspector.errors import DataError
from inspector.models.detector import Detector, RawPredictions
from inspector.models.registry import build
from inspector.training import checkpoint, weak
from inspector.training.config import TrainConfig
from inspector.training.loader import Batch, Loader
from inspector.training.losses import Losses

AVERAGE_DECAY = 0.999
"""The weights that are kept are a running mean over about the last thousand steps."""

GRADIENT_LIMIT = 10.0
"""Norm that a step's gradient is cut to: one odd batch must not undo many good ones."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """What is shown while a run goes on."""

    done: float  # fraction of the run, 0-1
    step: int
    seconds: float  # used so far, earlier sessions counted in
    losses: dict[str, float]  # means since the last report

    @property
    def seconds_left(self) -> float:
        return self.seconds * (1 - self.done) / self.done if self.done else math.inf


class Run:
    """One training run in one folder. `train()` returns the averaged network, in evaluation mode."""

    def __init__(self, config: TrainConfig, data: Dataset, folder: Path, *, device: str = "cpu") -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.folder = folder
        self.device = torch.device(device)
        self.architecture = {
            "name": "detector",
            "classes": len(data.classes),
            "in_channels": config.in_channels,
            "attention": config.attention,
            "reduction": config.reduction,
            "widths": config.widths,
            "neck_channels": config.neck_channels,
            "shared_tower": config.shared_tower,
        }
        """What the bundle's manifest names; `models.registry.build` makes the network from it."""
        self.network = build(self.architecture).to(self.device)
        self.average = AveragedModel(self.network, avg_fn=_running_mean, use_buffers=True)
        self.optimizer = torch.optim.AdamW(
            _parameter_groups(self.network, config.weight_decay), lr=config.learning_rate, fused=True
        )
        self.loader = Loader(data.samples, config.in_channels, config.seed, config.synthetic_share)
        self.step = 0
        self._used = 0.0
        self._since = time.monotonic()

    def resume(self) -> None:
        """Go on from the folder's checkpoint. Raises DataError: none, or of a run with other options."""
        facts = checkpoint.load(self.folder, self.network, self.average, self.optimizer)
        ends = {"minutes", "epochs", "checkpoint_minutes"}
        earlier = TrainConfig.model_validate(facts["config"])
        if earlier.model_dump(exclude=ends) != self.config.model_dump(exclude=ends):
            raise DataError(f"{self.folder}: the checkpoint is of a run with other options; see config.json")
        self.step, self._used = facts["step"], facts["seconds"]

    def save(self) -> None:
        facts = {"step": self.step, "seconds": self.seconds, "config": self.config.model_dump()}
        checkpoint.save(self.folder, self.network, self.average, self.optimizer, facts)

    @property
    def seconds(self) -> float:
        return self._used + time.monotonic() - self._since

    @property
    def done(self) -> float:
        """Fraction of the run that is over: by epochs where given, which repeats to the bit, else by time."""
        if self.config.epochs is not None:
            steps = self.config.epochs * self.loader.epoch_steps(self.config.batch)
            return min(self.step / steps, 1.0)
        return min(self.seconds / (60 * (self.config.minutes or 60.0)), 1.0)

    def train(self, report: Callable[[Progress], None], every: int = 50) -> Detector:
        """Run to the end, calling `report` every so many steps."""
        self._since = time.monotonic()
        saved = time.monotonic()
        sums = torch.zeros(len(Losses._fields))
        while self.done < 1.0:
            for batch in self.loader.batches(self.step, *self.config.phase(self.done)):
                phase = self.config.phase(self.done)
                sums += self._learn(batch)
                if self.step % every == 0:
                    report(self._progress(sums / every))
                    sums.zero_()
                if time.monotonic() - saved > 60 * self.config.checkpoint_minutes:
                    self.save()
                    saved = time.monotonic()
                if self.done >= 1.0 or self.config.phase(self.done) != phase:
                    break
        self.loader.close()
        self.save()
        return self.averaged()

    def averaged(self) -> Detector:
        network = self.average.module
        if not isinstance(network, Detector):
            raise TypeError("the average is not of a detector")
        return network.eval()

    def _learn(self, batch: Batch) -> Tensor:
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * self._rate()
        self.network.train()
        batch = batch.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            raw = self.network.raw(batch.images.contiguous(memory_format=torch.channels_last))
        parts = weak.losses(RawPredictions(*(tensor.float() for tensor in raw)), batch)
        if not torch.isfinite(parts.total):
            raise DataError(f"the loss is not a number at step {self.step}; lower the learning rate")
        self.optimizer.zero_grad()
        parts.total.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_LIMIT)
        self.optimizer.step()
        self.average.update_parameters(self.network)
        self.step += 1
        return torch.stack([part.detach().cpu() for part in parts])

    def _rate(self) -> float:
        """Warm up by steps, then a cosine over the run, down to a hundredth."""
        warm = min((self.step + 1) / max(self.config.warmup_steps, 1), 1.0)
        return warm * (0.01 + 0.99 * (1 + math.cos(math.pi * self.done)) / 2)

    def _progress(self, means: Tensor) -> Progress:
        named = dict(zip(Losses._fields, means.tolist(), strict=True))
        return Progress(self.done, self.step, self.seconds, named)


def _running_mean(average: Tensor, current: Tensor, seen: Tensor | int) -> Tensor:
    # Young averages follow faster, or the random start would weigh on them for long.
    decay = min(AVERAGE_DECAY, (1 + int(seen)) / (10 + int(seen)))
    return average * decay + current * (1 - decay)


def _parameter_groups(network: nn.Module, decay: float) -> list[dict[str, object]]:
    """Weight decay for convolution and linear weights only; never for BN, biases and the like."""
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
