"""Where a network looks, by several accounts, each a function (network, images) -> map.

gate_map          the supervised spatial gate: what the bundle calls its map
unsupervised_map  the spatial gate of the other level, which learnt without being told where to look
grad_cam          Grad-CAM (Selvaraju et al., ICCV 2017), before the gate or behind it

Images are (N, C, H, W), 0-1; a map is (N, H/8, W/8), 0-1. `MapEngine` lets a pipeline give any of them, so
that all are read and scored on the same path. `randomised` is the sanity check of Adebayo et al. (NeurIPS
2018): an account that says the same of a network without its weights says nothing about the network.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inspector.engines.base import FloatArray, RawOutput
from inspector.models.detector import Detector, RawPredictions

MapOf = Callable[[Detector, Tensor], Tensor]

Target = Callable[[RawPredictions], Tensor]
"""What Grad-CAM explains: one number an image, (N,)."""

BEFORE_GATE = "neck.p3.conv"
"""The features that the map's gate, and the channel gate before it, are laid on."""

BEHIND_GATE = "neck.p3"
"""What the gates leave of them: such a Grad-CAM has the map inside it as a factor."""

LOWEST_SCORE = 0.05
"""Class scores from here on are explained by `box_target`: what a model reports at all."""


class MapEngine:
    """An Engine: the network's own boxes and scores, and a map of somebody else's."""

    name = "torch"

    def __init__(self, network: Detector, map_of: MapOf | None = None, device: str = "cpu") -> None:
        """Without `map_of` the map is the network's own."""
        self.device = device
        self._network = network.to(device).eval()
        self._map_of = map_of

    def infer(self, batch: FloatArray) -> RawOutput:
        """See Engine.infer."""
        images = torch.from_numpy(np.ascontiguousarray(batch)).to(self.device)
        with torch.no_grad():
            raw = RawOutput(*(output.float().cpu().numpy() for output in self._network(images)))
        if self._map_of is None:
            return raw
        return replace(raw, attention=self._map_of(self._network, images).detach().float().cpu().numpy())


@torch.no_grad()
def gate_map(network: Detector, images: Tensor) -> Tensor:
    return network.raw(images).map_logits[:, 0].sigmoid()


@torch.no_grad()
def unsupervised_map(network: Detector, images: Tensor) -> Tensor:
    """Of stride 16, so each cell stands for four. Means nothing for a network that does not gate with it."""
    with _outputs_of(network.neck.p4) as seen:
        network.raw(images)
    _, logits = seen[0]
    return F.interpolate(logits.sigmoid(), scale_factor=2.0)[:, 0]


def has_unsupervised_map(network: Detector) -> bool:
    return bool(network.neck.p4.gates_space)


def grad_cam(target: Target, at: str = BEFORE_GATE) -> MapOf:
    """relu(sum over channels of (mean gradient of the target) x (feature)), each map to its own maximum.

    `at` names the module whose output, of stride 8, is the features.
    """

    def map_of(network: Detector, images: Tensor) -> Tensor:
        with torch.enable_grad(), _outputs_of(network.get_submodule(at)) as seen:
            wanted = target(network.raw(images.detach().requires_grad_())).sum()
            features = seen[0][0] if isinstance(seen[0], tuple) else seen[0]
            (gradients,) = torch.autograd.grad(wanted, features)
        weights = gradients.mean((2, 3), keepdim=True)
        cam: Tensor = (weights * features).sum(1).relu()
        highest: Tensor = cam.amax((1, 2), keepdim=True).clamp(min=1e-12)
        return cam / highest

    return map_of


def image_target(raw: RawPredictions) -> Tensor:
    """The logit that says whether the image is defective at all."""
    return raw.image[:, 0]


def box_target(raw: RawPredictions) -> Tensor:
    """The sum of the class logits at all points that score; the highest alone where none does."""
    logits = raw.scores.flatten(1)
    scores = logits.sigmoid() * raw.image[:, :1].sigmoid()
    counted = (scores >= LOWEST_SCORE) | (scores == scores.amax(1, keepdim=True))
    return (logits * counted).sum(1)


def randomised(network: Detector, seed: int = 0) -> Detector:
    """A copy whose every weight tensor is shuffled: the same numbers, and nothing learnt in their order.

    Its BN takes each batch's own statistics: with those of the old weights everything would saturate, and a
    constant map is no test.
    """
    generator = torch.Generator().manual_seed(seed)
    shuffled = copy.deepcopy(network).cpu()
    with torch.no_grad():
        for parameter in shuffled.parameters():
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
    for module in shuffled.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = module.running_var = None
    return shuffled.eval()


@contextmanager
def _outputs_of(module: nn.Module) -> Iterator[list[Any]]:
    """What the module gives while this is open, call by call."""
    seen: list[Any] = []
    handle = module.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    try:
        yield seen
    finally:
        handle.remove()
