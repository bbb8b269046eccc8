"""CBAM against its paper: the formulas written out plainly, and the parameter counts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from inspector.models.cbam import CBAM, AttentionKind, ChannelGate, SpatialGate, attention


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def randomised(module: nn.Module) -> nn.Module:
    """float64, evaluation mode, nothing left at its initial value."""
    generator = torch.Generator().manual_seed(5)
    module = module.double().eval()
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point():
            tensor.data = torch.rand(tensor.shape, generator=generator, dtype=torch.float64) + 0.1
    return module


@pytest.mark.parametrize(
    ("channels", "parameters"),
    [(64, 680), (128, 2_284), (256, 8_564), (512, 33_412), (1024, 132_260), (2048, 526_564)],
)
def test_parameters_of_a_module_are_the_papers(channels: int, parameters: int) -> None:
    assert count(CBAM(channels)) == parameters


def plain_channel_gate(x: Tensor, gate: ChannelGate) -> Tensor:
    first, _, second = gate.mlp
    assert isinstance(first, nn.Conv2d)
    assert isinstance(second, nn.Conv2d)
    first_bias, second_bias = first.bias, second.bias
    assert first_bias is not None
    assert second_bias is not None

    def mlp(v: Tensor) -> Tensor:  # (N, C)
        hidden = (v @ first.weight[:, :, 0, 0].T + first_bias).clamp(min=0)
        return hidden @ second.weight[:, :, 0, 0].T + second_bias

    average = x.sum((2, 3)) / (x.shape[2] * x.shape[3])
    largest = x.flatten(2).sort(2).values[:, :, -1]
    return 1 / (1 + torch.exp(-(mlp(average) + mlp(largest))))


def plain_spatial_gate(x: Tensor, gate: SpatialGate) -> Tensor:
    largest = x.sort(1).values[:, -1]
    average = x.sum(1) / x.shape[1]
    padded = nn.functional.pad(torch.stack([largest, average], 1), (3, 3, 3, 3))
    windows = padded.unfold(2, 7, 1).unfold(3, 7, 1)  # (N, 2, H, W, 7, 7)
    convolved = (windows * gate.conv.weight[0][None, :, None, None]).sum((1, 4, 5))
    bn = gate.bn
    assert bn.running_mean is not None
    assert bn.running_var is not None
    normal = (convolved - bn.running_mean) / torch.sqrt(bn.running_var + bn.eps) * bn.weight + bn.bias
    return 1 / (1 + torch.exp(-normal))


def test_the_module_is_the_two_formulas_channel_first_then_space() -> None:
    module = randomised(CBAM(32, reduction=8))
    assert isinstance(module, CBAM)
    x = torch.randn(3, 32, 9, 13, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    after_channel = x * plain_channel_gate(x, module.channel)[:, :, None, None]
    expected = after_channel * plain_spatial_gate(after_channel, module.spatial)[:, None]

    torch.testing.assert_close(module(x), expected, rtol=1e-6, atol=1e-6)


def test_a_fresh_spatial_map_is_exactly_one_half() -> None:
    gate = SpatialGate().eval()
    x = torch.randn(2, 16, 8, 8)
    assert torch.equal(gate.logits(x).sigmoid(), torch.full((2, 1, 8, 8), 0.5))
    assert gate.bn.momentum == 0.01


def test_gain_two_makes_a_fresh_spatial_gate_the_identity() -> None:
    x = torch.randn(2, 16, 8, 8)
    assert torch.equal(SpatialGate(gain=2.0).eval()(x), x)


def test_the_squeeze_and_excitation_gate_has_the_channel_gates_parameters_and_no_max_pool() -> None:
    squeeze = attention("se", 64)
    assert isinstance(squeeze, ChannelGate)
    assert count(squeeze) == 680 - 100
    x = torch.zeros(1, 64, 4, 4)
    spiked = x.clone()
    spiked[0, :, 0, 0], spiked[0, :, 1, 1] = 9.0, -9.0  # another maximum, the same mean
    assert torch.allclose(squeeze.logits(x), squeeze.logits(spiked), atol=1e-6)


@pytest.mark.parametrize("kind", ["cbam", "se", "none"])
def test_the_kinds_stand_in_for_each_other(kind: AttentionKind) -> None:
    x = torch.randn(2, 32, 5, 7)
    assert attention(kind, 32, 8)(x).shape == x.shape


def test_few_channels_keep_at_least_one_hidden_unit() -> None:
    assert ChannelGate(8, reduction=16)(torch.randn(1, 8, 3, 3)).shape == (1, 8, 3, 3)
