"""Starting from an earlier bundle: the same classes, other ones, other channels, another family."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from inspector.errors import BundleError
from inspector.models.bundle import WEIGHTS, Bundle, write_manifest
from inspector.models.detector import Detector
from inspector.models.registry import build
from inspector.training.takeover import shape_of, take_over
from tests.support import tiny_bundle as tiny


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny.make(tmp_path_factory.mktemp("init") / "bundle")


def network_for(bundle: Bundle, classes: int, channels: int = 1) -> Detector:
    torch.manual_seed(1)
    return build({"name": "detector", "classes": classes, "in_channels": channels, **shape_of(bundle)}).eval()


def test_the_same_classes_give_the_same_network(bundle: Bundle) -> None:
    network = network_for(bundle, len(tiny.CLASSES))
    taken = take_over(network, bundle, tiny.CLASSES)
    assert (taken.taken, taken.fresh) == (len(taken.weights), ())
    network.load_state_dict(taken.weights)
    image = torch.rand(1, 1, 64, 64)
    old = build(bundle.manifest.architecture).eval()
    old.load_state_dict(take_over(old, bundle, tiny.CLASSES).weights)
    with torch.no_grad():
        assert all(torch.equal(a, b) for a, b in zip(network(image), old(image), strict=True))


def test_classes_go_by_name_not_by_place(bundle: Bundle) -> None:
    classes = ("crack", "short", "open")
    network = network_for(bundle, 3)
    before = network.state_dict()["heads.0.scores.weight"].clone()
    taken = take_over(network, bundle, classes)
    old = take_over(network_for(bundle, 6), bundle, tiny.CLASSES).weights
    rows = taken.weights["heads.0.scores.weight"]
    assert torch.equal(rows[0], before[0])  # no crack in the old one: random as it was
    assert torch.equal(rows[1], old["heads.0.scores.weight"][tiny.CLASSES.index("short")])
    assert torch.equal(rows[2], old["heads.0.scores.weight"][tiny.CLASSES.index("open")])
    image = taken.weights["image_head.linear.weight"]
    assert torch.equal(image[0], old["image_head.linear.weight"][0])  # defective at all
    assert torch.equal(image[3], old["image_head.linear.weight"][1 + tiny.CLASSES.index("open")])
    assert "heads.0.scores.weight" in taken.fresh
    assert taken.classes == ("short", "open")
    assert "heads know short, open" in taken.sentence()


def test_other_classes_leave_the_heads_fresh(bundle: Bundle) -> None:
    network = network_for(bundle, 2)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    taken = take_over(network, bundle, ("dent", "scratch"))
    assert torch.equal(taken.weights["heads.1.scores.bias"], before["heads.1.scores.bias"])
    assert set(taken.fresh) == {
        *(f"heads.{level}.scores.{kind}" for level in (0, 1) for kind in ("weight", "bias")),
        "image_head.linear.weight",
        "image_head.linear.bias",
    }
    assert "no class is known" in taken.sentence()


def test_grey_becomes_colour_and_says_the_same_of_a_grey_image(bundle: Bundle) -> None:
    networks = [network_for(bundle, len(tiny.CLASSES), channels) for channels in (1, 3)]
    for network in networks:
        network.load_state_dict(take_over(network, bundle, tiny.CLASSES).weights)
    image = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        grey, colour = networks[0](image), networks[1](image.expand(-1, 3, -1, -1))
    for one, other in zip(grey, colour, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_colour_becomes_grey(tmp_path: Path) -> None:
    bundle = tiny.make(tmp_path / "bundle", channels=3)
    network = network_for(bundle, len(tiny.CLASSES))
    taken = take_over(network, bundle, tiny.CLASSES)
    assert taken.weights["backbone.stem.0.weight"].shape[1] == 1
    assert not taken.fresh


def test_another_reduction_leaves_the_channel_gates_fresh(bundle: Bundle) -> None:
    shape = shape_of(bundle) | {"reduction": 2}
    network = build({"name": "detector", "classes": 6, "in_channels": 1, **shape})
    fresh = take_over(network, bundle, tiny.CLASSES).fresh
    assert fresh
    assert all(".channel.mlp." in name for name in fresh)


def test_another_family_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    folder = shutil.copytree(bundle.folder, tmp_path / "bundle")
    fields = bundle.manifest.model_dump(exclude={"files"})
    other = write_manifest(folder, {**fields, "architecture": {"name": "resnet"}})
    for call in (lambda: shape_of(other), lambda: take_over(Detector(2), other, ("a", "b"))):
        with pytest.raises(BundleError, match="'resnet'; training starts from 'detector'"):
            call()


def test_weights_that_are_none_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    folder = shutil.copytree(bundle.folder, tmp_path / "bundle")
    (folder / WEIGHTS).write_bytes(b"nothing")
    broken = write_manifest(folder, bundle.manifest.model_dump(exclude={"files"}))
    with pytest.raises(BundleError, match="cannot be read"):
        take_over(Detector(2), broken, ("a", "b"))
