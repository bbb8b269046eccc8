"""The backbone: plain 3x3 convolutions with BN and ReLU; CPUs run those nearer their limit than clever ones.

Gives the features at strides 4, 8, 16 and 32 of a picture whose sides are multiples of 32.
"""

from __future__ import annotations

from torch import Tensor, nn

from inspector.models.cbam import AttentionKind, ChannelGate, attention


class ConvBnReLU(nn.Sequential):
    """conv - BN - ReLU; folded into one operation on export."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """relu(x + attention(conv-BN(conv-BN-ReLU(x)))): the place that CBAM's paper gives it."""

    def __init__(self, channels: int, kind: AttentionKind, reduction: int, least_hidden: int = 1) -> None:
        super().__init__()
        self.first = ConvBnReLU(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        self.attention = attention(kind, channels, reduction, least_hidden=least_hidden)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu(x + self.attention(self.second(self.first(x))))
        return out


class Backbone(nn.Module):
    """Stages of one strided convolution and some residual blocks each.

    `widths`: channels at strides 2, 4, 8, 16, 32; `blocks`: residual blocks at strides 4, 8, 16, 32.
    Attention of `kind` stands in every residual block, of `after_stages` behind every stage.
    """

    def __init__(
        self,
        in_channels: int,
        widths: tuple[int, int, int, int, int],
        blocks: tuple[int, int, int, int],
        kind: AttentionKind,
        reduction: int,
        after_stages: AttentionKind = "none",
        least_hidden: int = 1,
    ) -> None:
        super().__init__()
        self.stem = ConvBnReLU(in_channels, widths[0], stride=2)
        self.stages = nn.ModuleList(
            nn.Sequential(
                ConvBnReLU(widths[i], widths[i + 1], stride=2),
                *(Residual(widths[i + 1], kind, reduction, least_hidden) for _ in range(blocks[i])),
            )
            for i in range(4)
        )
        self.gates = nn.ModuleList(
            _open_gate(after_stages, width, reduction, least_hidden) for width in widths[1:]
        )

    def forward(self, x: Tensor) -> list[Tensor]:  # (N, C, H, W) -> features at strides 4, 8, 16, 32
        x = self.stem(x)
        features = []
        for stage, gate in zip(self.stages, self.gates, strict=True):
            x = gate(stage(x))
            features.append(x)
        return features


def _open_gate(kind: AttentionKind, channels: int, reduction: int, least_hidden: int) -> nn.Module:
    """Attention outside residual blocks that starts as the identity, exactly.

    Four gates in a row with random logits would start by scrambling the features; the last layer of each
    channel gate therefore starts at 0, as the spatial gate's BN does anyway.
    """
    gates = attention(kind, channels, reduction, gain=2.0, least_hidden=least_hidden)
    for module in gates.modules():
        if isinstance(module, ChannelGate):
            for parameter in module.mlp[-1].parameters():
                nn.init.zeros_(parameter)
    return gates
