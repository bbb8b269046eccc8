"""Accounts of where a network looks: shapes, what they depend on, and that they point where they must."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inspector.engines.torch_engine import TorchEngine, load_network
from inspector.models.bundle import Bundle
from inspector.models.cbam import AttentionKind
from inspector.models.detector import Detector
from inspector.studies import maps

IMAGES = torch.rand(2, 1, 64, 96, generator=torch.Generator().manual_seed(1))

GRAD_CAMS = [
    maps.grad_cam(target, at)
    for target in (maps.box_target, maps.image_target)
    for at in (maps.BEFORE_GATE, maps.BEHIND_GATE)
]


@pytest.fixture(scope="module")
def network(bundle: Bundle) -> Detector:
    return load_network(bundle).eval()


@pytest.mark.parametrize("map_of", [maps.gate_map, maps.unsupervised_map, *GRAD_CAMS])
def test_every_map_has_a_cell_for_eight_pixels_and_is_within_0_and_1(
    network: Detector, map_of: maps.MapOf
) -> None:
    field = map_of(network, IMAGES)
    assert field.shape == (2, 8, 12)
    assert field.min() >= 0
    assert field.max() <= 1
    assert torch.equal(field, map_of(network, IMAGES))


@pytest.mark.parametrize("map_of", GRAD_CAMS)
def test_an_image_has_the_same_grad_cam_alone_and_in_a_batch(network: Detector, map_of: maps.MapOf) -> None:
    together, alone = map_of(network, IMAGES), map_of(network, IMAGES[1:])
    assert torch.allclose(together[1:], alone, atol=1e-4)


def test_grad_cam_is_its_formula_for_a_target_that_is_one_channel() -> None:
    """The gradient of a channel's sum is 1 for that channel and 0 for all others."""
    network = Detector(2, widths=(4, 8, 8, 16, 16), neck_channels=16).eval()
    features: list[Tensor] = []
    network.neck.p3.conv.register_forward_hook(lambda _module, _inputs, output: features.append(output))
    field = maps.grad_cam(lambda _raw: features[-1][:, 3].sum((1, 2)))(network, IMAGES)
    wanted = features[-1][:, 3].relu()
    assert torch.allclose(field, wanted / wanted.amax((1, 2), keepdim=True).clamp(min=1e-12), atol=1e-5)


def test_the_boxes_target_explains_the_best_score_where_none_is_reported(network: Detector) -> None:
    raw = network.raw(IMAGES)._replace(scores=torch.full((2, 5, 3), -9.0))
    raw.scores[0, 2, 1] = -8.0
    raw.scores[1, 0, 0] = raw.scores[1, 1, 0] = 9.0
    raw = raw._replace(image=torch.full((2, 4), 9.0))
    assert maps.box_target(raw).tolist() == [-8.0, 18.0]


def test_the_engine_gives_the_networks_own_boxes_and_another_map(bundle: Bundle, network: Detector) -> None:
    batch = IMAGES.numpy()
    plain, ours = TorchEngine(bundle).infer(batch), maps.MapEngine(network).infer(batch)
    other = maps.MapEngine(network, lambda _network, images: torch.zeros(len(images), 8, 12)).infer(batch)
    for field in ("boxes", "scores", "classes"):
        assert getattr(ours, field) == pytest.approx(getattr(plain, field), abs=1e-4)
        assert getattr(other, field) == pytest.approx(getattr(plain, field), abs=1e-4)
    assert ours.attention == pytest.approx(plain.attention, abs=1e-5)
    assert ours.attention.std() > 0
    assert not other.attention.any()


def test_shuffled_weights_say_something_else_and_are_not_mute(network: Detector) -> None:
    shuffled = maps.randomised(network, seed=3)
    field = maps.gate_map(shuffled, IMAGES)
    assert field.std() > 1e-3
    assert not torch.allclose(field, maps.gate_map(network, IMAGES), atol=1e-2)
    assert torch.equal(field, maps.gate_map(maps.randomised(network, seed=3), IMAGES))


def test_only_a_network_that_gates_with_it_has_an_unsupervised_map() -> None:
    kinds: tuple[AttentionKind, ...] = ("none", "se", "cbam")
    assert [maps.has_unsupervised_map(Detector(2, attention=kind)) for kind in kinds] == [False, False, True]
