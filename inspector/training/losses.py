"""What the network is punished for: scores, boxes, image-level scores, and where its gate looks."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from inspector.models.detector import RawPredictions
from inspector.models.head import BINS, expected_distances, to_boxes
from inspector.models.neck import MAP_STRIDE
from inspector.training.assign import Assignment, assign
from inspector.training.loader import Batch


class Losses(NamedTuple):
    """Each already weighted; `total` is their sum."""

    score: Tensor
    box: Tensor
    edge: Tensor
    image: Tensor
    gate: Tensor

    @property
    def total(self) -> Tensor:
        return torch.stack(list(self)).sum()


WEIGHTS = Losses(*(torch.tensor(weight) for weight in (1.0, 5.0, 1.0, 0.5, 0.5)))
"""Boxes weigh most: at IoU 0.5 and above they are what is hard on parts of 20 to 40 pixels."""


def losses(raw: RawPredictions, batch: Batch) -> Losses:
    """`raw` as the network gives it, in whatever precision: what is used is taken to float32 here."""
    found = _assigned(raw, batch)
    normal = found.targets.sum().clamp(min=1.0)
    score = _score_loss(raw.scores.float(), found.targets) / normal
    own = found.weight > 0
    weight, boxes = found.weight[own], found.boxes[own]
    # Gradients for the points that answer for a box alone: one in a hundred, and the softmax over the bins of
    # all the others would cost more than the rest of the losses together.
    distances, points, strides = _rows(raw, own)
    predicted = to_boxes(points, expected_distances(distances[None]), strides)[0]
    box = ((1 - complete_iou(predicted, boxes)) * weight).sum() / normal
    edge = (_edge_loss(distances, points, strides, boxes) * weight).sum() / normal
    image = _image_loss(raw.image.float(), batch)
    parts = Losses(score, box, edge, image, gate_loss(raw.map_logits.float(), batch))
    return Losses(*(part * factor for part, factor in zip(parts, WEIGHTS, strict=True)))


def _score_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Quality focal loss (Li et al., "Generalized Focal Loss", NeurIPS 2020), summed.

    What is right already hardly counts. Without that, where defects are few the thousands of points of mere
    background outweigh them for a run's first thousand steps.
    """
    bce = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (bce * (targets - logits.sigmoid()).square()).sum()


@torch.no_grad()
def _assigned(raw: RawPredictions, batch: Batch) -> Assignment:
    predicted = to_boxes(raw.points, expected_distances(raw.distances.float()), raw.strides)
    return assign(raw.scores.float().sigmoid(), predicted, raw.points, batch.boxes, batch.labels, batch.valid)


def _rows(raw: RawPredictions, own: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of the points that are chosen: distance logits (n, 4 * BINS), points (n, 2), strides (n, 1)."""
    points = raw.points.expand(len(own), -1, -1)[own]
    strides = raw.strides.expand(len(own), -1, -1)[own]
    return raw.distances[own].float(), points, strides


def complete_iou(left: Tensor, right: Tensor) -> Tensor:
    """CIoU (Zheng et al., AAAI 2020) of matching rows (n, 4) -> (n,)."""
    size_l, size_r = left[:, 2:] - left[:, :2], right[:, 2:] - right[:, :2]
    overlap = torch.minimum(left[:, 2:], right[:, 2:]) - torch.maximum(left[:, :2], right[:, :2])
    shared = overlap.clamp(min=0).prod(1)
    iou = shared / (size_l.prod(1) + size_r.prod(1) - shared).clamp(min=1e-6)
    hull = torch.maximum(left[:, 2:], right[:, 2:]) - torch.minimum(left[:, :2], right[:, :2])
    between = (left[:, :2] + left[:, 2:] - right[:, :2] - right[:, 2:]) / 2
    distance = between.square().sum(1) / hull.square().sum(1).clamp(min=1e-6)
    angles = [torch.atan(size[:, 0] / size[:, 1].clamp(min=1e-6)) for size in (size_l, size_r)]
    aspect = (4 / math.pi**2) * (angles[0] - angles[1]).square()
    with torch.no_grad():
        trade = aspect / (1 - iou + aspect).clamp(min=1e-6)
    return iou - distance - trade * aspect


def _edge_loss(distances: Tensor, points: Tensor, strides: Tensor, boxes: Tensor) -> Tensor:
    """Cross entropy of each side's distribution against the two bins around the true distance; (n,)."""
    wanted = torch.cat([points - boxes[:, :2], boxes[:, 2:] - points], 1) / strides
    wanted = wanted.clamp(0, BINS - 1.01)
    low = wanted.floor()
    share = wanted - low
    logits = distances.reshape(-1, 4, BINS).transpose(1, 2)  # (n, BINS, 4)
    at_low = F.cross_entropy(logits, low.long(), reduction="none")
    at_high = F.cross_entropy(logits, low.long() + 1, reduction="none")
    return (at_low * (1 - share) + at_high * share).mean(1)


def _image_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Defective at all, and each class: independent yes-or-no questions."""
    wanted = torch.zeros_like(logits)
    wanted[:, 0] = batch.valid.any(1).float()
    rows, columns = batch.valid.nonzero(as_tuple=True)
    wanted[rows, 1 + batch.labels[rows, columns]] = 1.0
    return F.binary_cross_entropy_with_logits(logits, wanted)


LEAST_COVERED = 0.01
"""Of the cells, when the gate's error is shared out among those that a defect covers. Among a handful, as in
a batch of good parts, it would drown all other losses: seen at 170 beside 10, and nothing was learnt."""


def gate_loss(logits: Tensor, batch: Batch) -> Tensor:
    """The spatial gate against the boxes: BCE + Dice (Milletari et al., 3DV 2016); a good image wants 0."""
    wanted = covered(batch, logits.shape[2], logits.shape[3])
    gate = logits[:, 0]
    covered_cells = wanted.sum().clamp(min=LEAST_COVERED * wanted.numel())
    bce = F.binary_cross_entropy_with_logits(gate, wanted, reduction="sum") / covered_cells
    probability = gate.sigmoid()
    # Over the whole batch: an image without a defect would make its own Dice meaningless.
    dice = 1 - (2 * (probability * wanted).sum() + 1) / (probability.sum() + wanted.sum() + 1)
    return 0.5 * bce + dice


def covered(batch: Batch, height: int, width: int) -> Tensor:
    """(N, h, w): the share of each gate cell that some box covers."""
    x, y = _shares(batch.boxes[..., 0::2], width), _shares(batch.boxes[..., 1::2], height)
    shares = y[..., :, None] * x[..., None, :] * batch.valid[..., None, None]
    return shares.amax(1)


def _shares(spans: Tensor, cells: int) -> Tensor:
    """(N, M, 2) low and high in pixels -> (N, M, cells) share of each cell inside."""
    edges = torch.arange(cells, device=spans.device) * MAP_STRIDE
    inner = torch.minimum(spans[..., 1:], edges + MAP_STRIDE) - torch.maximum(spans[..., :1], edges.float())
    return inner.clamp(min=0) / MAP_STRIDE
