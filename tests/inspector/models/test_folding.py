from __future__ import annotations

import torch
from torch import nn

from inspector.models.detector import Detector
from inspector.models.folding import folded


def trained_looking(network: nn.Module) -> nn.Module:
    """Batch norms that do something."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return network.eval()


def test_the_same_function_with_no_batch_norm_left() -> None:
    network = trained_looking(Detector(6, 1, placement="block"))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    image = torch.rand(2, 1, 64, 96)
    with torch.no_grad():
        wanted, seen = network(image), folded(network)(image)

    torch.testing.assert_close(seen[0], wanted[0], atol=1e-2, rtol=0)
    for one, other in zip(seen[1:], wanted[1:], strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=0)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded(network).modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_convolutions_keep_their_names() -> None:
    network = Detector(6, 1)
    names = {name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    assert names == {
        name for name, module in folded(network).named_modules() if isinstance(module, nn.Conv2d)
    }
