"""What a training run is; written to its folder as config.json and compared on resume."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from inspector.data.augment import Augmentation
from inspector.data.geometry import MULTIPLE, input_rules
from inspector.models.detector import Placement

STEPS_PER_ROOT = 200
"""A budget that nobody gave, in steps: this times the square root of the number of training images. Ten times
the images need about three times the steps."""

FEWEST_STEPS, MOST_STEPS = 1_500, 15_000
"""Dozens of images still need a network to be learnt; thousands should be done within half a day of two CPU
cores."""

DEFAULT_PATIENCE = 0.3
"""With a budget that nobody gave: share of it without a better validation after which a run ends."""


class TrainConfig(BaseModel):
    """The defaults suit boards with templates, as in DeepPCB; `inspector train` fits them to the data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "pcb"
    attention: Literal["cbam", "se", "none"] = "cbam"
    reduction: Annotated[int, Field(ge=1)] = 16
    placement: Placement = "neck"
    in_channels: Literal[1, 3] = 1
    widths: tuple[int, int, int, int, int] = (16, 32, 48, 128, 192)
    """Channels at strides 2, 4, 8, 16 and 32."""
    blocks: tuple[int, int, int, int] = (0, 1, 1, 1)
    """Residual blocks at strides 4, 8, 16 and 32."""
    neck_channels: Annotated[int, Field(ge=8)] = 48
    shared_tower: bool = True
    """One convolution before scores and boxes instead of one each."""
    least_hidden: Annotated[int, Field(ge=1)] = 8
    """Hidden units of a channel gate, at least: at 48 channels a reduction of 16 leaves 3, and all three died
    (docs/adr/0002-cbam.md)."""
    started_from: str = ""
    """Name, version and digest of the bundle whose weights the run began with; empty: random ones."""
    scale: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Network pixels per source pixel; see data/geometry.py for this and the next ones."""
    overlap: Annotated[int, Field(ge=0, multiple_of=MULTIPLE)] = 64
    bit_depth: Literal[8, 16] = 8
    white: Annotated[int, Field(ge=1)] = 255
    faintest: Annotated[int, Field(ge=0)] = 0
    size: Annotated[int, Field(ge=64, multiple_of=MULTIPLE)] = 320
    """Side of the training crops, pixels."""
    batch: Annotated[int, Field(ge=1)] = 16
    final_size: Annotated[int, Field(ge=64, multiple_of=MULTIPLE)] = 640
    """Longest side in the last part of the run and in service: image-level scores need whole parts."""
    nominal: tuple[int, int] | None = None
    """Height and width expected in service; None: a square of `final_size`."""
    shrink: Annotated[float, Field(ge=1)] | None = None
    """Area of what the last part of the run sees, by that of the crops before: so many times fewer images are
    in a batch. None: both are squares."""
    final_share: Annotated[float, Field(ge=0, le=1)] = 0.25
    augmentation: Augmentation = Augmentation()
    balance: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How much more often images of rare classes are shown; see data/sampling.py."""
    good_share: Annotated[float, Field(ge=0, le=1)] | None = None
    """Of good ones among the images shown; None: as in the data."""
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    warmup_steps: Annotated[int, Field(ge=0)] = 200
    seed: int = 0
    held_back: tuple[str, ...] = ()
    """Groups that the user held back for validation, instead of the val part."""
    epochs: Annotated[int, Field(ge=1)] | None = None
    minutes: Annotated[float, Field(gt=0)] | None = None
    """One of `epochs` (repeatable to the bit on the CPU) and `minutes` (wall-clock) ends the run."""
    patience: Annotated[float, Field(gt=0, le=1)] | None = None
    """With epochs: share of the run without a better validation after which it ends early. None: never."""
    synthetic_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of synthetic boards among the training images."""
    checkpoint_minutes: Annotated[float, Field(gt=0)] = 3.0

    def phase(self, done: float) -> tuple[int, int]:
        """(crop side, batch) when the fraction `done` of the run is over."""
        if done < 1 - self.final_share:
            return self.size, self.batch
        shrink = self.shrink or (self.final_size / self.size) ** 2
        return self.final_size, max(1, round(self.batch / shrink))

    @property
    def expected(self) -> tuple[int, int]:
        """Height and width of the network's input in service, mostly."""
        return self.nominal or (self.final_size, self.final_size)

    def architecture(self, classes: int) -> dict[str, Any]:
        """What the bundle's manifest names; `models.registry.build` makes the network from it."""
        return {
            "name": "detector",
            "classes": classes,
            "in_channels": self.in_channels,
            "attention": self.attention,
            "reduction": self.reduction,
            "placement": self.placement,
            "widths": self.widths,
            "blocks": self.blocks,
            "neck_channels": self.neck_channels,
            "shared_tower": self.shared_tower,
            "least_hidden": self.least_hidden,
        }

    def input_rules(self) -> dict[str, Any]:
        """Fields of the bundle's InputSpec, without `channels`."""
        return input_rules(
            final=self.final_size,
            nominal=self.expected,
            overlap=self.overlap,
            scale=self.scale,
            bit_depth=self.bit_depth,
            white=self.white,
            faintest=self.faintest,
        )


def default_epochs(images: int, batch: int) -> int:
    """For a run that is given neither minutes nor epochs."""
    steps = min(max(FEWEST_STEPS, STEPS_PER_ROOT * math.sqrt(images)), MOST_STEPS)
    return max(1, round(steps / max(1, math.ceil(images / batch))))
