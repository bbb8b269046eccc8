"""Task-aligned assignment (Feng et al., "TOOD", ICCV 2021): which anchor points answer for which box.

For each true box the anchor points inside it are ranked by score^ALPHA * IoU^BETA; the TOP best are its own.
A point wanted by several boxes goes to the one it overlaps most.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

ALPHA, BETA = 0.5, 6.0
TOP = 10
REACH = 8.0
"""Pixels: a box smaller than this each way still holds the anchor point of its cell."""


class Assignment(NamedTuple):
    targets: Tensor  # (N, A, K) wanted scores, 0-1
    boxes: Tensor  # (N, A, 4) the box each point answers for
    weight: Tensor  # (N, A) its quality; 0 for background


@torch.no_grad()
def assign(
    scores: Tensor, predicted: Tensor, points: Tensor, boxes: Tensor, labels: Tensor, valid: Tensor
) -> Assignment:
    """Scores (N, A, K) 0-1 and predicted boxes (N, A, 4) at points (A, 2), against boxes (N, M, 4)."""
    overlap = pairwise_iou(boxes, predicted)  # (N, M, A)
    of_label = scores.gather(2, labels[:, None, :].expand(-1, scores.shape[1], -1)).transpose(1, 2)
    inside = _inside(points, boxes) & valid[:, :, None]
    aligned = of_label.pow(ALPHA) * overlap.pow(BETA) * inside
    chosen = _best(aligned) & inside
    owner = torch.where(chosen, overlap, -1.0).argmax(1)  # (N, A) the box a point belongs to
    chosen &= torch.nn.functional.one_hot(owner, boxes.shape[1]).transpose(1, 2).bool()
    quality = _quality(aligned * chosen, overlap * chosen)  # (N, M, A)
    weight, owner = quality.max(1)
    owned = owner[..., None]
    kinds = torch.nn.functional.one_hot(labels.gather(1, owner), scores.shape[2])
    return Assignment(kinds * weight[..., None], boxes.gather(1, owned.expand(-1, -1, 4)), weight)


def pairwise_iou(left: Tensor, right: Tensor) -> Tensor:
    """(N, M, 4), (N, A, 4) -> (N, M, A)."""
    corner = torch.maximum(left[:, :, None, :2], right[:, None, :, :2])
    opposite = torch.minimum(left[:, :, None, 2:], right[:, None, :, 2:])
    shared = (opposite - corner).clamp(min=0).prod(3)
    areas = [(boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(2) for boxes in (left, right)]
    return shared / (areas[0][:, :, None] + areas[1][:, None] - shared).clamp(min=1e-6)


def _inside(points: Tensor, boxes: Tensor) -> Tensor:  # -> (N, M, A)
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    half = ((boxes[..., 2:] - boxes[..., :2]) / 2).clamp(min=REACH)
    away = (points[None, None] - centre[:, :, None]).abs()
    return (away < half[:, :, None]).all(3)


def _best(aligned: Tensor) -> Tensor:
    top = aligned.topk(min(TOP, aligned.shape[2]), dim=2).indices
    return torch.zeros_like(aligned, dtype=torch.bool).scatter_(2, top, True)


def _quality(aligned: Tensor, overlap: Tensor) -> Tensor:
    """Rescaled so that each box's best point is wanted at the best IoU any of its points reaches."""
    best = aligned.amax(2, keepdim=True).clamp(min=1e-9)
    return aligned / best * overlap.amax(2, keepdim=True)
