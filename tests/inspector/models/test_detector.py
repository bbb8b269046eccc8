"""The detector's contract: any size, one or three channels, probabilities, a map that belongs to a gate."""

from __future__ import annotations

import pytest
import torch

from inspector.errors import BundleError
from inspector.models.cbam import AttentionKind
from inspector.models.detector import Detector, Placement, answers
from inspector.models.head import BINS, expected_distances
from inspector.models.registry import build


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 640, 640), (3, 96, 160), (1, 32, 32)])
def test_any_size_and_channels(channels: int, height: int, width: int) -> None:
    network = Detector(6, channels).eval()
    with torch.no_grad():
        boxes, scores, classes, attention = network(torch.rand(2, channels, height, width))
    points = height * width // 64 + height * width // 256
    assert boxes.shape == (2, points, 4)
    assert scores.shape == (2, points, 6)
    assert classes.shape == (2, 7)
    assert attention.shape == (2, height // 8, width // 8)
    for probabilities in (scores, classes, attention):
        assert 0 <= probabilities.min() <= probabilities.max() <= 1


def test_the_default_has_one_to_two_million_parameters() -> None:
    assert 1_000_000 <= sum(p.numel() for p in Detector(6, 1).parameters()) <= 2_000_000


def test_boxes_are_in_pixels_around_their_anchor_point() -> None:
    network = Detector(2, 1).eval()
    with torch.no_grad():
        raw = network.raw(torch.rand(1, 1, 64, 64))
        boxes, *_ = network(torch.rand(1, 1, 64, 64))
    inside = (boxes[0, :, :2] <= raw.points) & (raw.points <= boxes[0, :, 2:])
    assert inside.all()
    assert raw.points[0].tolist() == [4.0, 4.0]
    assert raw.points[64].tolist() == [8.0, 8.0]  # the first of stride 16


def test_expected_distances_are_the_means_of_a_softmax() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 5, 4 * BINS) * 8
    wanted = (logits.reshape(2, 5, 4, BINS).softmax(3) * torch.arange(BINS)).sum(3)
    torch.testing.assert_close(expected_distances(logits), wanted)
    # Also where an exponential would not be a number.
    far = torch.cat([torch.full((1, 1, 32), 1000.0), torch.full((1, 1, 32), -1000.0)], 2).requires_grad_()
    mean = expected_distances(far)
    torch.testing.assert_close(mean, torch.full((1, 1, 4), (BINS - 1) / 2))
    (slope,) = torch.autograd.grad(mean.sum(), far)
    assert torch.isfinite(slope).all()


def test_an_image_that_looks_good_as_a_whole_has_no_high_score() -> None:
    torch.manual_seed(0)
    network = Detector(2, 1).eval()
    image = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        network.image_head.linear.bias[0] = 20.0
        _, scores, classes, _ = network(image)
        torch.testing.assert_close(scores, network.raw(image).scores.sigmoid())
        assert classes[0, 0] > 0.999
        network.image_head.linear.bias[0] = -20.0
        assert network(image)[1].max() < 1e-4


def test_the_map_is_the_gate_that_the_features_pass() -> None:
    """Closing the gate must change what is found: a map that gates nothing would be decoration."""
    torch.manual_seed(0)
    network = Detector(2, 1).eval()
    image = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        before = network.raw(image)
        network.neck.p3.spatial.bn.bias.fill_(-20.0)
        after = network.raw(image)
    assert after.map_logits.sigmoid().max() < 1e-6
    assert not torch.allclose(before.scores[:, :64], after.scores[:, :64])


@pytest.mark.parametrize("kind", ["cbam", "se", "none"])
@pytest.mark.parametrize("placement", ["neck", "block", "stage"])
def test_every_attention_and_placement_runs(kind: AttentionKind, placement: Placement) -> None:
    network = Detector(1, 1, attention=kind, placement=placement, widths=(8, 8, 16, 16, 16), neck_channels=16)
    assert network.eval()(torch.rand(1, 1, 64, 64))[3].shape == (1, 8, 8)


def cbam_parameters(channels: int, reduction: int) -> int:
    hidden = max(channels // reduction, 1)
    return 2 * channels * hidden + hidden + channels + 2 * 49 + 2


def test_attention_behind_every_stage_costs_what_the_formula_says() -> None:
    widths = (16, 32, 64, 128, 192)
    neck, stage = (Detector(6, 1, placement=place, widths=widths) for place in ("neck", "stage"))
    counts = [sum(p.numel() for p in network.parameters()) for network in (neck, stage)]
    assert counts[1] - counts[0] == sum(cbam_parameters(width, 16) for width in widths[1:])


@pytest.mark.parametrize("kind", ["cbam", "se", "none"])
def test_fresh_attention_behind_the_stages_is_the_identity(kind: AttentionKind) -> None:
    torch.manual_seed(0)
    staged = Detector(2, 1, attention=kind, placement="stage", widths=(8, 8, 16, 16, 16), neck_channels=16)
    plain = Detector(2, 1, attention=kind, placement="neck", widths=(8, 8, 16, 16, 16), neck_channels=16)
    # What a network without the gates has, it has under the same names: weights can be taken over.
    missing, extra = plain.load_state_dict(staged.state_dict(), strict=False)
    assert not missing
    assert all(name.startswith("backbone.gates.") for name in extra)
    image = torch.rand(2, 1, 64, 64)
    for network in (staged.train(), plain.train()):
        network.backbone(image)  # BN statistics move alike
    for gated, plain_feature in zip(staged.backbone(image), plain.backbone(image), strict=True):
        assert torch.equal(gated, plain_feature)


def test_the_registry_builds_what_a_manifest_names() -> None:
    network = build({"name": "detector", "classes": 3, "in_channels": 1, "widths": [8, 8, 16, 16, 16]})
    assert isinstance(network, Detector)


@pytest.mark.parametrize("architecture", [{}, {"name": "resnext"}, {"name": "detector", "wings": 2}])
def test_an_unknown_architecture_is_a_bundle_error(architecture: dict[str, object]) -> None:
    with pytest.raises(BundleError):
        build(architecture)


def test_in_bf16_places_and_probabilities_stay_in_32_bits() -> None:
    network = Detector(2, 1).eval().bfloat16()
    with torch.no_grad():
        raw = network.raw(torch.rand(1, 1, 64, 640).bfloat16())
        found = answers(raw)
    assert raw.scores.dtype == torch.bfloat16
    assert raw.points[79].tolist() == [636.0, 4.0], "which bf16 cannot tell from 640"
    assert {part.dtype for part in found} == {torch.float32}
