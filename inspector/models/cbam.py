"""CBAM, the convolutional block attention module (Woo et al., ECCV 2018, section 3), and its alternatives.

    M_c(F) = sigmoid( MLP(avgpool F) + MLP(maxpool F) )          F'  = M_c * F
    M_s(F') = sigmoid( BN( conv7x7( [max_c F'; mean_c F'] ) ) )  F'' = M_s * F'

The shared MLP is C -> C/r -> C with biases and one ReLU; the spatial convolution has no bias. All modules
here take (N, C, H, W) and give the same shape, so that they can stand in for each other:

    attention("cbam" | "se" | "none", channels, reduction)

`gain` multiplies a gate: 1 is the paper's, for a residual branch; 2 makes a fresh gate (sigmoid(0) = 1/2) the
identity, for a place outside residual blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

AttentionKind = Literal["cbam", "se", "none"]


class ChannelGate(nn.Module):
    """M_c: which channels matter. `pools` = ("avg",) is squeeze-and-excitation (Hu et al., CVPR 2018)."""

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        *,
        gain: float = 1.0,
        pools: tuple[Literal["avg", "max"], ...] = ("avg", "max"),
        least_hidden: int = 1,
    ) -> None:
        super().__init__()
        hidden = max(channels // reduction, least_hidden)
        # 1x1 convolutions are the MLP: they keep (N, C, 1, 1), which exports without reshapes.
        self.mlp = nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1))
        self.gain = gain
        self.pools = pools

    def logits(self, x: Tensor) -> Tensor:  # (N, C, H, W) -> (N, C, 1, 1)
        # amax, not max or AdaptiveMaxPool: those compute indices nobody uses, and export badly.
        pooled = {"avg": lambda: x.mean((2, 3), keepdim=True), "max": lambda: x.amax((2, 3), keepdim=True)}
        total: Tensor = sum((self.mlp(pooled[pool]()) for pool in self.pools), start=x.new_zeros(()))
        return total

    def forward(self, x: Tensor) -> Tensor:
        return x * (self.gain * torch.sigmoid(self.logits(x)))


class SpatialGate(nn.Module):
    """M_s: where to look. Its BN starts with gamma 0, as the reference does: a fresh map is exactly 0.5."""

    def __init__(self, kernel: int = 7, *, gain: float = 1.0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(1, momentum=0.01)
        nn.init.zeros_(self.bn.weight)
        self.gain = gain

    def logits(self, x: Tensor) -> Tensor:  # (N, C, H, W) -> (N, 1, H, W)
        described = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)
        logits: Tensor = self.bn(self.conv(described))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        return self.gate(x, self.logits(x))

    def gate(self, x: Tensor, logits: Tensor) -> Tensor:
        """For a caller that needs the logits too (supervision, the map)."""
        return x * (self.gain * torch.sigmoid(logits))


class CBAM(nn.Module):
    """Channel first, then space. C^2/8 + 17C/16 + 100 parameters at reduction 16."""

    def __init__(
        self, channels: int, reduction: int = 16, *, gain: float = 1.0, least_hidden: int = 1
    ) -> None:
        super().__init__()
        self.channel = ChannelGate(channels, reduction, gain=gain, least_hidden=least_hidden)
        self.spatial = SpatialGate(gain=gain)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.spatial(self.channel(x))
        return out


def attention(
    kind: AttentionKind, channels: int, reduction: int = 16, *, gain: float = 1.0, least_hidden: int = 1
) -> nn.Module:
    """The module of that kind. Raises KeyError for another kind: arguments are checked where they come in."""
    makers: dict[AttentionKind, Callable[[], nn.Module]] = {
        "cbam": lambda: CBAM(channels, reduction, gain=gain, least_hidden=least_hidden),
        # The paper's "+SE" column counts exactly these parameters: the channel gate, average pooled.
        "se": lambda: ChannelGate(channels, reduction, gain=gain, pools=("avg",), least_hidden=least_hidden),
        "none": nn.Identity,
    }
    return makers[kind]()
