"""What a training run is; written to its folder as config.json and compared on resume."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "pcb"
    attention: Literal["cbam", "se", "none"] = "cbam"
    reduction: Annotated[int, Field(ge=1)] = 16
    in_channels: Literal[1, 3] = 1
    widths: tuple[int, int, int, int, int] = (16, 32, 48, 128, 192)
    """Channels at strides 2, 4, 8, 16 and 32."""
    neck_channels: Annotated[int, Field(ge=8)] = 48
    shared_tower: bool = True
    """One convolution before scores and boxes instead of one each."""
    size: Annotated[int, Field(ge=64, multiple_of=32)] = 320
    """Side of the training crops, pixels."""
    batch: Annotated[int, Field(ge=1)] = 16
    final_size: Annotated[int, Field(ge=64, multiple_of=32)] = 640
    """Side in the last part of the run, at equal pixels a batch: image-level scores need whole parts."""
    final_share: Annotated[float, Field(ge=0, le=1)] = 0.25
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    warmup_steps: Annotated[int, Field(ge=0)] = 200
    seed: int = 0
    epochs: Annotated[int, Field(ge=1)] | None = None
    minutes: Annotated[float, Field(gt=0)] | None = None
    """One of `epochs` (repeatable to the bit on the CPU) and `minutes` (wall-clock) ends the run."""
    synthetic_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of synthetic boards among the training images."""
    checkpoint_minutes: Annotated[float, Field(gt=0)] = 3.0

    def phase(self, done: float) -> tuple[int, int]:
        """(crop side, batch) when the fraction `done` of the run is over."""
        if done < 1 - self.final_share:
            return self.size, self.batch
        shrink = (self.final_size / self.size) ** 2
        return self.final_size, max(1, round(self.batch / shrink))
