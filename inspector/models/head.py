"""The heads: boxes and class scores at every anchor point, and image-level scores.

An anchor point is the centre of a cell. Each side's distance from it is read off a distribution over bins
(Li et al., "Generalized Focal Loss", NeurIPS 2020), which is sharper than a single number on soft edges.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from inspector.models.backbone import ConvBnReLU

STRIDES = (8, 16)
BINS = 16
"""Distances of 0 to 15 strides: boxes up to 240 px at stride 8 and 480 px at stride 16."""

LARGEST_LOGIT = 80.0
"""Of a bin: e^80 times all the bins is still a float32; trained ones stay below 20."""

RARE = 0.01
"""Score of a fresh head: nearly all anchor points are background, and the loss should know at the start."""


class LevelHead(nn.Module):
    """(N, C, h, w) -> class logits (N, h*w, K) and distance logits (N, h*w, 4*BINS).

    A tower is one 3x3 convolution. One `shared` by scores and boxes saves a tenth of the whole network.
    """

    def __init__(self, channels: int, classes: int, *, shared: bool) -> None:
        super().__init__()
        self.score_tower = ConvBnReLU(channels, channels)
        self.box_tower = None if shared else ConvBnReLU(channels, channels)
        self.scores = nn.Conv2d(channels, classes, 1)
        self.distances = nn.Conv2d(channels, 4 * BINS, 1)
        nn.init.constant_(_bias(self.scores), -math.log((1 - RARE) / RARE))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        tower = self.score_tower(x)
        edges = tower if self.box_tower is None else self.box_tower(x)
        scores = self.scores(tower).flatten(2).transpose(1, 2)
        distances = self.distances(edges).flatten(2).transpose(1, 2)
        return scores, distances


class ImageHead(nn.Module):
    """Image-level logits (N, 1 + K): defective, then each class; from the strongest and the mean response."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(4 * channels, 1 + classes)

    def forward(self, p3: Tensor, p4: Tensor) -> Tensor:
        pooled = [p3.amax((2, 3)), p3.mean((2, 3)), p4.amax((2, 3)), p4.mean((2, 3))]
        logits: Tensor = self.linear(torch.cat(pooled, 1))
        return logits


def anchor_points(height: int, width: int, stride: int, like: Tensor) -> Tensor:
    """(h*w, 2) centres of the cells, x and y in pixels, row by row; in float32 at least: bf16 would put those
    of a picture of 640 pixels on a grid of four."""
    ys = (torch.arange(height, device=like.device) + 0.5) * stride
    xs = (torch.arange(width, device=like.device) + 0.5) * stride
    grid_y, grid_x = torch.meshgrid(ys, xs, indexing="ij")
    return torch.stack([grid_x.reshape(-1), grid_y.reshape(-1)], 1).to(
        torch.promote_types(like.dtype, torch.float32)
    )


def expected_distances(distances: Tensor) -> Tensor:
    """(N, A, 4*BINS) logits -> (N, A, 4) expected left, top, right, bottom in strides.

    The softmax's mean, written as two sums: a softmax over rows this short is slow on CPUs. It needs no
    maximum to be subtracted, since logits are held where the exponential is a number.
    """
    bins = torch.arange(BINS, device=distances.device, dtype=distances.dtype)
    batch, points, _ = distances.shape
    weights = distances.clamp(-LARGEST_LOGIT, LARGEST_LOGIT).exp().reshape(batch, points, 4, BINS)
    return (weights * bins).sum(3) / weights.sum(3)


def to_boxes(points: Tensor, distances: Tensor, strides: Tensor) -> Tensor:
    """Points (A, 2) in pixels, distances (N, A, 4) in strides, strides (A, 1) -> x1 y1 x2 y2 (N, A, 4)."""
    pixels = distances * strides
    return torch.cat([points - pixels[..., :2], points + pixels[..., 2:]], 2)


def _bias(conv: nn.Conv2d) -> Tensor:
    if conv.bias is None:
        raise TypeError("this convolution must have a bias")
    return conv.bias
