"""The neck: fuses strides 4 to 32 into two maps, at strides 8 and 16, and gates each with attention.

Here CBAM does most for small defects (see docs/model.md). Outside a residual block its gates have gain 2, so
that a fresh module is the identity. The spatial gate at stride 8 is the one that is supervised with the boxes
and returned as the attention map: `neck.p3.spatial`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from inspector.models.backbone import ConvBnReLU
from inspector.models.cbam import CBAM, AttentionKind, SpatialGate, attention

MAP_SOURCE = "neck.p3.spatial"
MAP_STRIDE = 8


class NeckFeatures(NamedTuple):
    p3: Tensor  # (N, C, H/8, W/8)
    p4: Tensor  # (N, C, H/16, W/16)
    map_logits: Tensor  # (N, 1, H/8, W/8)


class GatedLevel(nn.Module):
    """conv, the channel gate, then the spatial gate, whose logits are returned beside the features.

    Without attention ("none", "se") the logits are still learnt, as a map that gates nothing: the three
    kinds are then compared with the same supervision.
    """

    def __init__(self, channels: int, kind: AttentionKind, reduction: int, least_hidden: int) -> None:
        super().__init__()
        self.conv = ConvBnReLU(channels, channels)
        gates = attention(kind, channels, reduction, gain=2.0, least_hidden=least_hidden)
        # CBAM is taken apart: its spatial gate is written out below, for its logits.
        self.channel = gates.channel if isinstance(gates, CBAM) else gates
        self.spatial = SpatialGate(gain=2.0)
        self.gates_space = kind == "cbam"

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.channel(self.conv(x))
        logits = self.spatial.logits(x)
        return (self.spatial.gate(x, logits) if self.gates_space else x), logits


class Neck(nn.Module):
    """Top-down from stride 32 to 8, a lateral from stride 4 for the finest detail, then bottom-up to 16."""

    def __init__(
        self,
        widths: tuple[int, int, int, int],
        channels: int,
        kind: AttentionKind,
        reduction: int,
        least_hidden: int,
    ) -> None:
        super().__init__()
        self.fine = ConvBnReLU(widths[0], channels, stride=2)
        self.laterals = nn.ModuleList(ConvBnReLU(width, channels, kernel=1) for width in widths[1:])
        self.top_down = ConvBnReLU(channels, channels)
        self.bottom_up = ConvBnReLU(channels, channels, stride=2)
        self.p3 = GatedLevel(channels, kind, reduction, least_hidden)
        self.p4 = GatedLevel(channels, kind, reduction, least_hidden)

    def forward(self, features: list[Tensor]) -> NeckFeatures:  # strides 4, 8, 16, 32
        fine = self.fine(features[0])
        c3, c4, c5 = (lateral(x) for lateral, x in zip(self.laterals, features[1:], strict=True))
        c4 = self.top_down(c4 + F.interpolate(c5, scale_factor=2.0))
        p3, map_logits = self.p3(c3 + fine + F.interpolate(c4, scale_factor=2.0))
        p4, _ = self.p4(c4 + self.bottom_up(p3))
        return NeckFeatures(p3, p4, map_logits)
