"""Gates replaced by their mean: exactly those, exactly their mean, and the network itself untouched."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import nn

from inspector.models.cbam import AttentionKind, ChannelGate, SpatialGate
from inspector.models.detector import Detector
from inspector.studies import gates

_BRIGHTNESS = torch.tensor([0.1, 0.5, 1.0]).view(3, 1, 1, 1)
IMAGES = torch.rand(3, 1, 64, 96, generator=torch.Generator().manual_seed(1)) * _BRIGHTNESS


def detector(kind: AttentionKind, placement: Literal["neck", "block"] = "neck") -> Detector:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = Detector(
            2,
            attention=kind,
            placement=placement,
            widths=(4, 8, 8, 16, 16),
            neck_channels=16,
            reduction=4,
        )
    return made.eval()


@pytest.fixture(scope="module")
def network() -> Detector:
    """Awake: features of unit size, hidden units that fire, maps that vary."""
    made = detector("cbam").train()
    with torch.no_grad():
        for _ in range(30):
            made.raw(IMAGES)
    made.eval()
    for module in made.modules():
        if isinstance(module, ChannelGate):
            nn.init.ones_(module.mlp[0].bias)  # type: ignore[arg-type]
            nn.init.normal_(module.mlp[2].weight, generator=torch.Generator().manual_seed(2))  # type: ignore[arg-type]
        if isinstance(module, SpatialGate):
            nn.init.constant_(module.bn.weight, 3.0)
    return made


def features(network: Detector) -> torch.Tensor:
    """Behind the gates at stride 8."""
    with torch.no_grad():
        return network.neck(network.backbone(IMAGES)).p3  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("kind", "spatial", "channel"),
    [("none", 0, 0), ("se", 0, 2), ("cbam", 2, 2)],
)
def test_gates_are_those_that_gate(kind: AttentionKind, spatial: int, channel: int) -> None:
    assert len(gates.spatial_gates(detector(kind))) == spatial
    assert len(gates.channel_gates(detector(kind))) == channel


def test_gates_in_the_backbone_are_found_as_well() -> None:
    names = gates.spatial_gates(detector("cbam", "block"))
    assert {"neck.p3.spatial", "neck.p4.spatial"} < set(names)


def test_a_levelled_gate_weights_every_place_by_the_mean() -> None:
    gate = SpatialGate(gain=2.0).eval()
    nn.init.ones_(gate.bn.weight)
    x = torch.rand(2, 4, 8, 8)
    level = gates.LevelSpatialGate(gain=2.0).eval()
    level.load_state_dict(gate.state_dict())
    weights = 2 * gate.logits(x).sigmoid()
    assert torch.allclose(level(x), x * weights.mean((2, 3), keepdim=True))
    level.level = "open"
    assert torch.allclose(level(x), x * weights.amax((2, 3), keepdim=True))


def test_a_gate_that_is_alike_everywhere_loses_nothing() -> None:
    fresh = detector("cbam")  # its maps are 0.5 everywhere
    changed = gates.levelled(fresh, gates.spatial_gates(fresh))
    for one, other in zip(fresh(IMAGES), changed(IMAGES), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_levelling_changes_the_features_and_neither_the_map_nor_the_network(network: Detector) -> None:
    before, the_map = features(network), network(IMAGES)[3]
    changed = gates.levelled(network, ["neck.p3.spatial"])
    assert not torch.allclose(before, features(changed), atol=1e-4)
    assert torch.equal(the_map, changed(IMAGES)[3])
    assert torch.equal(before, features(network))


def test_only_spatial_gates_can_be_levelled(network: Detector) -> None:
    with pytest.raises(TypeError, match="not a spatial gate"):
        gates.levelled(network, ["neck.p3.channel"])


def test_what_a_channel_gate_says_is_what_it_multiplies_by(network: Detector) -> None:
    seen: list[torch.Tensor] = []
    handle = network.neck.p3.channel.register_forward_hook(
        lambda _m, inputs, out: seen.extend((inputs[0], out))
    )
    weights = gates.channel_weights(network, IMAGES)["neck.p3.channel"]
    handle.remove()
    before, after = seen
    assert weights.shape == (3, 16)
    assert torch.allclose(before * weights[:, :, None, None], after, atol=1e-5)


def test_the_listener_hears_every_image_once(network: Detector) -> None:
    whole, parts = gates.Listener(), gates.Listener()
    whole.hear(network, IMAGES)
    for image in IMAGES:
        parts.hear(network, image[None])
    weights = gates.channel_weights(network, IMAGES)
    for name, said in whole.said().items():
        assert torch.allclose(said.mean, weights[name].mean(0), atol=1e-6)
        assert torch.allclose(said.mean, parts.said()[name].mean, atol=1e-5)
        assert 0 < said.live <= said.hidden == 4
        assert said.spread.max() > 1e-3


def test_a_gate_whose_units_are_all_dead_is_told() -> None:
    dead = detector("cbam")
    gate = dead.get_submodule("neck.p3.channel")
    assert isinstance(gate, ChannelGate)
    nn.init.constant_(gate.mlp[0].bias, -100.0)  # type: ignore[arg-type]
    listener = gates.Listener()
    listener.hear(dead, IMAGES)
    said = listener.said()["neck.p3.channel"]
    assert said.live == 0
    assert said.spread.max() < 1e-6


def test_fixed_channel_gates_say_the_mean_of_every_image(network: Detector) -> None:
    listener = gates.Listener()
    listener.hear(network, IMAGES)
    means = {name: said.mean for name, said in listener.said().items()}
    alone = {name: weights[0] for name, weights in gates.channel_weights(network, IMAGES[:1]).items()}
    assert not torch.allclose(features(gates.fixed(network, means)), features(network), atol=1e-3)
    # Of a single image the mean is what the gate says anyway.
    assert torch.allclose(features(gates.fixed(network, alone))[0], features(network)[0], atol=1e-5)
