"""The detector: backbone, neck with supervised CBAM, heads. One forward pass gives boxes, scores and the map.

    image (N, C, H, W), 0-1, H and W multiples of 32
      -> backbone   features at strides 4, 8, 16, 32
      -> neck       p3, p4 and the logits of the spatial gate at stride 8
      -> heads      class scores and box distances at strides 8 and 16; image-level scores

`raw` gives logits, for the losses; `forward` gives what an engine returns (engines.base.RawOutput).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from inspector.models.backbone import Backbone
from inspector.models.cbam import AttentionKind
from inspector.models.head import STRIDES, ImageHead, LevelHead, anchor_points, expected_distances, to_boxes
from inspector.models.neck import Neck

Placement = Literal["neck", "block", "stage"]


class RawPredictions(NamedTuple):
    """Logits of N images at A anchor points."""

    scores: Tensor  # (N, A, K)
    distances: Tensor  # (N, A, 4 * BINS)
    image: Tensor  # (N, 1 + K)
    map_logits: Tensor  # (N, 1, H/8, W/8)
    points: Tensor  # (A, 2) pixels
    strides: Tensor  # (A, 1) pixels


class Answers(NamedTuple):
    """What an engine returns: sigmoids applied, all scores and the map 0-1."""

    boxes: Tensor  # (N, A, 4) pixels
    scores: Tensor  # (N, A, K)
    classes: Tensor  # (N, 1 + K)
    attention: Tensor  # (N, H/8, W/8)


class Detector(nn.Module):
    """`attention` says which, `placement` where: "neck" (its map supervised), and besides "block": in every
    residual block of the backbone, or "stage": behind every stage of it.
    """

    def __init__(
        self,
        classes: int,
        in_channels: int = 1,
        *,
        attention: AttentionKind = "cbam",
        reduction: int = 16,
        placement: Placement = "neck",
        widths: tuple[int, int, int, int, int] = (16, 32, 64, 128, 192),
        blocks: tuple[int, int, int, int] = (0, 1, 1, 1),
        neck_channels: int = 64,
        shared_tower: bool = False,
        least_hidden: int = 1,
    ) -> None:
        super().__init__()
        in_blocks: AttentionKind = attention if placement == "block" else "none"
        after_stages: AttentionKind = attention if placement == "stage" else "none"
        self.backbone = Backbone(
            in_channels, widths, blocks, in_blocks, reduction, after_stages, least_hidden
        )
        self.neck = Neck(widths[1:], neck_channels, attention, reduction, least_hidden)
        self.heads = nn.ModuleList(LevelHead(neck_channels, classes, shared=shared_tower) for _ in STRIDES)
        self.image_head = ImageHead(neck_channels, classes)

    def raw(self, x: Tensor) -> RawPredictions:
        neck = self.neck(self.backbone(x))
        levels = (neck.p3, neck.p4)
        outputs = [head(level) for head, level in zip(self.heads, levels, strict=True)]
        grids = [
            anchor_points(level.shape[2], level.shape[3], stride, x)
            for level, stride in zip(levels, STRIDES, strict=True)
        ]
        steps = [torch.full_like(grid[:, :1], stride) for grid, stride in zip(grids, STRIDES, strict=True)]
        return RawPredictions(
            scores=torch.cat([scores for scores, _ in outputs], 1),
            distances=torch.cat([distances for _, distances in outputs], 1),
            image=self.image_head(neck.p3, neck.p4),
            map_logits=neck.map_logits,
            points=torch.cat(grids),
            strides=torch.cat(steps),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The fields of Answers, as a plain tuple: exports name them by their order."""
        found = answers(self.raw(x))
        return found.boxes, found.scores, found.classes, found.attention


def answers(raw: RawPredictions) -> Answers:
    """In float32 at least, whatever the network ran in: a sigmoid of 8 bits has one value for all scores
    above 0.998, and a box has no place between two pixels.
    """
    scores, distances, image, map_logits = (
        _wide(logits) for logits in (raw.scores, raw.distances, raw.image, raw.map_logits)
    )
    boxes = to_boxes(raw.points, expected_distances(distances), raw.strides)
    image = image.sigmoid()
    # P(defect here) = P(defect here | the image is defective) x P(the image is defective). By itself a
    # box takes odd but good patterns of a board never seen for defects (figures: docs/model.md).
    return Answers(boxes, scores.sigmoid() * image[:, None, :1], image, map_logits[:, 0].sigmoid())


def _wide(values: Tensor) -> Tensor:
    return values if values.dtype in {torch.float32, torch.float64} else values.float()
