"""Gates replaced by their mean: does the detector use what they say, or only that they are there?

A spatial gate becomes its mean over each image, so that every place is weighted alike; a channel gate its
mean over the images of the study, so that every image is. What mAP is lost then is what their choices were
worth. A quiet gate's mean is low and dims the defects too; "open", its maximum over the image, does not.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from inspector.models.cbam import ChannelGate, SpatialGate
from inspector.models.detector import Detector
from inspector.models.neck import GatedLevel

Level = Literal["mean", "open"]


class LevelSpatialGate(SpatialGate):
    """A spatial gate that weights every place of an image alike; its logits, the map, stay as they are."""

    def __init__(self, kernel: int = 7, *, gain: float = 1.0, level: Level = "mean") -> None:
        super().__init__(kernel, gain=gain)
        self.level = level

    def gate(self, x: Tensor, logits: Tensor) -> Tensor:
        weights = torch.sigmoid(logits)
        alike = (
            weights.mean((2, 3), keepdim=True) if self.level == "mean" else weights.amax((2, 3), keepdim=True)
        )
        return x * (self.gain * alike)


class FixedChannelGate(nn.Module):
    """A channel gate that says the same of every image: `weights` (C,), 0 to the gain."""

    weights: Tensor

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.register_buffer("weights", weights)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W)
        return x * self.weights[None, :, None, None]


def spatial_gates(network: Detector) -> list[str]:
    """Names of the spatial gates that gate: not the maps of networks without them."""
    idle = {
        f"{name}.spatial"
        for name, module in network.named_modules()
        if isinstance(module, GatedLevel) and not module.gates_space
    }
    gates = [name for name, module in network.named_modules() if isinstance(module, SpatialGate)]
    return [name for name in gates if name not in idle]


def channel_gates(network: Detector) -> list[str]:
    return [name for name, module in network.named_modules() if isinstance(module, ChannelGate)]


def levelled(network: Detector, names: Sequence[str], level: Level = "mean") -> Detector:
    """A copy in which these spatial gates are replaced by their mean, or maximum, over each image."""
    changed = copy.deepcopy(network)
    for name in names:
        gate = changed.get_submodule(name)
        if not isinstance(gate, SpatialGate):
            raise TypeError(f"{name} is not a spatial gate")
        alike = LevelSpatialGate(gate.conv.kernel_size[0], gain=gate.gain, level=level)
        alike.load_state_dict(gate.state_dict())
        changed.set_submodule(name, alike)
    return changed.eval()


def fixed(network: Detector, means: dict[str, Tensor]) -> Detector:
    """A copy in which these channel gates say `means` of every image."""
    changed = copy.deepcopy(network)
    for name, weights in means.items():
        changed.set_submodule(name, FixedChannelGate(weights))
    return changed.eval()


class Said(NamedTuple):
    """By one channel gate, over many images; weights are 0 to the gain."""

    mean: Tensor  # (C,)
    spread: Tensor  # (C,) standard deviation over images: 0 is a channel that no image raises or damps
    live: int
    """Hidden units of its MLP that any image excites; with none left the gate is a constant."""
    hidden: int


class Listener:
    """Listens to the channel gates while a network runs."""

    def __init__(self) -> None:
        self._weights: dict[str, list[Tensor]] = {}
        self._live: dict[str, Tensor] = {}

    def hear(self, network: Detector, images: Tensor) -> None:
        """(N, C, H, W), 0-1."""
        for name, (weights, excited) in _channel_gates_on(network, images).items():
            self._weights.setdefault(name, []).append(weights)
            self._live[name] = self._live.get(name, torch.zeros_like(excited)) | excited

    def said(self) -> dict[str, Said]:
        """By name of the gate."""
        return {name: self._of(torch.cat(parts), self._live[name]) for name, parts in self._weights.items()}

    def _of(self, weights: Tensor, live: Tensor) -> Said:
        return Said(weights.mean(0), weights.std(0, correction=0), int(live.sum()), len(live))


def channel_weights(network: Detector, images: Tensor) -> dict[str, Tensor]:
    """Name of each channel gate -> (N, C) what it says of each image, 0 to the gain."""
    return {name: weights for name, (weights, _) in _channel_gates_on(network, images).items()}


@torch.no_grad()
def gate_inputs(network: Detector, images: Tensor) -> dict[str, Tensor]:
    """Name of each channel gate -> (N, C, h, w) the features that it is laid on."""
    seen: dict[str, Tensor] = {}

    def listen(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _module, inputs: seen.__setitem__(name, inputs[0])

    handles = [
        network.get_submodule(name).register_forward_pre_hook(listen(name)) for name in channel_gates(network)
    ]
    try:
        network.raw(images)
    finally:
        for handle in handles:
            handle.remove()
    return seen


@torch.no_grad()
def ask_gate(gate: nn.Module, features: Tensor) -> tuple[Tensor, Tensor]:
    """Its weights (N, C), 0 to the gain, and which hidden units (C/r,) any image excites."""
    if not isinstance(gate, ChannelGate):
        raise TypeError("not a channel gate")
    hidden: list[Tensor] = []
    handle = gate.mlp[1].register_forward_hook(lambda _module, _inputs, output: hidden.append(output))
    try:
        weights = gate.gain * torch.sigmoid(gate.logits(features))[:, :, 0, 0]
    finally:
        handle.remove()
    return weights, torch.cat(hidden).gt(0).flatten(1).any(0)


def _channel_gates_on(network: Detector, images: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    inputs = gate_inputs(network, images)
    return {name: ask_gate(network.get_submodule(name), features) for name, features in inputs.items()}
