"""Levels in the device's memory -> what little of the network's output comes back. As sifting.py, by torch.

No shape here depends on a value and nothing is looked at from the host, so that a device can record it once
and replay it (cuda_engine.py).

    row of `packed`, 4 bytes each:  finite  lowest  highest  count | classes | map | scores | places | boxes
                                                                                      ROOM     ROOM     4 ROOM

`places` are indices into the scores of all anchor points, flattened. An input with more than ROOM candidates
is rare: its `count` says so, and its boxes and scores are fetched whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from inspector.engines.base import FloatArray, Sifted
from inspector.engines.sifting import boxed, check_boxes, check_probabilities
from inspector.imaging.preprocess import unit
from inspector.models.bundle import Manifest
from inspector.models.detector import Answers

ROOM = 512
"""Candidates of one input that come back with it: 12 kB. Boards of DeepPCB have some 30 to 100."""

_FACTS = 4
"""finite, lowest, highest, count."""


class Left(NamedTuple):
    """What a run leaves in the device's memory."""

    packed: Tensor  # (N, Layout.width) float32
    boxes: Tensor  # (N, A, 4) float32
    scores: Tensor  # (N, A, K) float32


@dataclass(frozen=True, slots=True)
class Layout:
    """Of a row of `packed`, for inputs of one size."""

    classes: int
    """K."""
    cells: tuple[int, int]
    """Of the map."""

    @classmethod
    def of(cls, manifest: Manifest, size: tuple[int, int]) -> Layout:
        stride = manifest.attention.stride
        return cls(len(manifest.classes), (size[0] // stride, size[1] // stride))

    @property
    def width(self) -> int:
        return _FACTS + 1 + self.classes + self.cells[0] * self.cells[1] + 6 * ROOM

    def count(self, row: FloatArray) -> int:
        """Candidates of that input, also those for which there was no room."""
        return int(row[3:4].view(np.int32)[0])

    def check(self, row: FloatArray) -> None:
        """Raises InspectionFailed when boxes or scores make no sense."""
        finite, lowest, highest = row[:3].tolist()
        check_boxes(finite == 1)
        check_probabilities("scores", lowest, highest)

    def unpacked(self, row: FloatArray) -> Sifted:
        """Of an input whose candidates all found room. The arrays are views of the row."""
        count, cells = self.count(row), self.cells[0] * self.cells[1]
        lengths = (_FACTS, 1 + self.classes, cells, ROOM, ROOM)
        _, classes, attention, scores, places, boxes = np.split(row, np.cumsum(lengths))
        return Sifted(
            boxes=boxes.reshape(ROOM, 4)[:count],
            scores=scores[:count],
            labels=(places[:count].view(np.int32) % self.classes).astype(np.intp),
            classes=classes,
            attention=attention.reshape(self.cells),
        )


class Step:
    """(N, H, W, C) levels, uint8, or int16 that holds the bits of uint16 -> Left."""

    def __init__(
        self, network: Callable[[Tensor], Answers], manifest: Manifest, device: torch.device
    ) -> None:
        self._network = network
        self._unit = float(unit(manifest.input))
        # As a float32, since the host compares with that too.
        self._least = torch.tensor(manifest.postprocess["min_score"], dtype=torch.float32, device=device)
        self._boxed = torch.from_numpy(boxed(manifest)).to(device)

    def __call__(self, levels: Tensor) -> Left:
        boxes, scores, classes, attention = self._network(self.input(levels))
        count, kept, places = self._candidates(scores)
        corners = boxes.gather(1, (places // scores.shape[2])[..., None].expand(-1, -1, 4))
        facts = [boxes.isfinite().all(2).all(1).float(), scores.amin((1, 2)), scores.amax((1, 2))]
        packed = torch.cat(
            [
                torch.stack([*facts, _as_float(count)], 1),
                classes,
                attention.flatten(1),
                kept,
                _as_float(places),
                corners.flatten(1),
            ],
            1,
        )
        return Left(packed, boxes, scores)

    def input(self, levels: Tensor) -> Tensor:
        """(N, C, H, W) float32 0-1: the very numbers that imaging.preprocess makes on the host."""
        planes = levels.permute(0, 3, 1, 2)
        if levels.dtype == torch.int16:
            planes = planes.int() & 0xFFFF
        return planes.float() * self._unit

    def _candidates(self, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """How many each input has (N,), and the first ROOM of them: scores and places, (N, ROOM)."""
        flat = scores.flatten(1)
        reaches = ((scores >= self._least) & self._boxed).flatten(1)
        rank = reaches.cumsum(1)
        # One cell more than there is room, which nobody reads: all that is not wanted is written there.
        cell = torch.where(reaches & (rank <= ROOM), rank - 1, ROOM)
        every = torch.arange(flat.shape[1], device=flat.device).expand_as(cell)
        places = torch.zeros((len(flat), ROOM + 1), dtype=torch.long, device=flat.device)
        places = places.scatter(1, cell, every)[:, :ROOM]
        return reaches.sum(1), flat.gather(1, places), places


def _as_float(values: Tensor) -> Tensor:
    """The bits of int32 under float32's name: they are only carried."""
    return values.int().contiguous().view(torch.float32)
