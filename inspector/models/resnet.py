"""ResNet 18/34/50/101 (He et al., CVPR 2016) with CBAM, SE or no attention in every residual block.

The attention sits after the block's last BN and before the add (Woo et al., ECCV 2018, figure 3). Bottlenecks
stride in the 3x3 convolution, as the released CBAM code does.
"""

from __future__ import annotations

from torch import Tensor, nn

from inspector.models.cbam import AttentionKind, attention

DEPTHS: dict[int, tuple[bool, tuple[int, int, int, int]]] = {
    18: (False, (2, 2, 2, 2)),
    34: (False, (3, 4, 6, 3)),
    50: (True, (3, 4, 6, 3)),
    101: (True, (3, 4, 23, 3)),
}
"""depth -> (bottleneck?, blocks in each of the four stages)."""


def _conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(outputs)]


class Block(nn.Module):
    """relu( shortcut(x) + attention( branch(x) ) )."""

    def __init__(
        self, inputs: int, width: int, stride: int, bottleneck: bool, kind: AttentionKind, reduction: int
    ) -> None:
        super().__init__()
        outputs = width * (4 if bottleneck else 1)
        self.branch = _bottleneck(inputs, width, stride) if bottleneck else _basic(inputs, width, stride)
        self.attention = attention(kind, outputs, reduction)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(*_conv_bn(inputs, outputs, 1, stride))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu(self.shortcut(x) + self.attention(self.branch(x)))
        return out


def _basic(inputs: int, width: int, stride: int) -> nn.Sequential:
    return nn.Sequential(*_conv_bn(inputs, width, 3, stride), nn.ReLU(), *_conv_bn(width, width, 3))


def _bottleneck(inputs: int, width: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        *_conv_bn(inputs, width, 1),
        nn.ReLU(inplace=True),
        *_conv_bn(width, width, 3, stride),
        nn.ReLU(inplace=True),
        *_conv_bn(width, width * 4, 1),
    )


class ResNet(nn.Module):
    """(N, in_channels, H, W) -> class logits (N, classes)."""

    def __init__(
        self, depth: int, kind: AttentionKind, classes: int, in_channels: int, reduction: int
    ) -> None:
        super().__init__()
        bottleneck, counts = DEPTHS[depth]
        stem = nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)
        self.stem = nn.Sequential(stem, nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))
        channels = 64
        stages = []
        for index, count in enumerate(counts):
            width = 64 << index
            blocks = []
            for position in range(count):
                stride = 2 if index > 0 and position == 0 else 1
                blocks.append(Block(channels, width, stride, bottleneck, kind, reduction))
                channels = width * (4 if bottleneck else 1)
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.stages(self.stem(x)).mean((2, 3)))
        return logits


def resnet(
    depth: int,
    attention: AttentionKind = "cbam",
    classes: int = 1000,
    in_channels: int = 3,
    reduction: int = 16,
) -> ResNet:
    """A ResNet of that depth: 18, 34, 50 or 101; another one is a ValueError."""
    if depth not in DEPTHS:
        raise ValueError(f"depth must be one of {', '.join(map(str, DEPTHS))}, not {depth}")
    return ResNet(depth, attention, classes, in_channels, reduction)
