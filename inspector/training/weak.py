"""Images whose class is known and whose defects' places are not: what they teach.

    boxes           nothing: where they would belong is not known
    image head      everything: defective or good, and the classes
    spatial gate    that somewhere in a defective image it must fire, and nowhere in a good one

The last is multiple-instance learning: an image is a bag of cells, of which a defective one holds at least
one that good images never show. So the good images say what the map may not point at, and it is as good as
they are many; two things that always come together cannot be told apart.

Nothing in that says that the cell which fires must lie on the defect and not beside it: the gate's 7 x 7
filter can look aside, and one that started from random weights does, by a cell or two (docs/model.md).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from inspector.models.detector import RawPredictions
from inspector.training import losses as of_boxes
from inspector.training.loader import Batch
from inspector.training.losses import WEIGHTS, Losses

TOP = 6
"""Cells of the map, 8 x 8 pixels each, that must fire for a defective image: a defect of about 20 pixels."""

LARGEST = 0.25
"""Share of a defective image that its map may fill for nothing: without it, a set without good images would
be answered by a map that fires everywhere."""


def losses(raw: RawPredictions, batch: Batch) -> Losses:
    """As `training.losses.losses`, for batches in which not every image has its boxes."""
    if batch.boxed is None or batch.boxed.all():
        return of_boxes.losses(raw, batch)
    known, rest = batch.boxed.nonzero()[:, 0], (~batch.boxed).nonzero()[:, 0]
    wanted = _wanted(raw, batch)[rest]
    image = F.binary_cross_entropy_with_logits(raw.image[rest].float(), wanted) * WEIGHTS.image
    gate = gate_loss(raw.map_logits[rest].float(), wanted[:, 0] > 0)
    gate = gate * WEIGHTS.gate
    if not len(known):
        nothing = torch.zeros((), device=image.device)
        return Losses(nothing, nothing, nothing, image, gate)
    boxed = of_boxes.losses(_rows(raw, known), batch.rows(known))
    share = len(known) / len(batch.boxed)
    return boxed._replace(
        image=boxed.image * share + image * (1 - share), gate=boxed.gate * share + gate * (1 - share)
    )


def gate_loss(logits: Tensor, defective: Tensor) -> Tensor:
    """Of map logits (N, 1, h, w): the TOP highest cells decide, up for `defective` (N,) images, else down."""
    cells = logits.flatten(1)
    top = cells.topk(min(TOP, cells.shape[1]), 1).values
    fires, quiet = F.softplus(-top).mean(1), F.softplus(top).mean(1) + F.softplus(cells).mean(1)
    bag = torch.where(defective, fires, quiet)
    too_much = (cells.sigmoid().mean(1) - LARGEST).clamp(min=0) * defective
    return (bag + too_much).mean()


def _wanted(raw: RawPredictions, batch: Batch) -> Tensor:
    """(N, 1 + K): defective at all, and each class; by the labels of the images as a whole."""
    wanted = torch.zeros_like(raw.image, dtype=torch.float32)
    if batch.named is not None:
        rows, columns = batch.named.nonzero(as_tuple=True)
        wanted[rows, 0] = 1.0
        wanted[rows, 1 + batch.labels[rows, columns]] = 1.0
    return wanted


def _rows(raw: RawPredictions, rows: Tensor) -> RawPredictions:
    return raw._replace(
        scores=raw.scores[rows],
        distances=raw.distances[rows],
        image=raw.image[rows],
        map_logits=raw.map_logits[rows],
    )
