"""What stays in floating point, found by the names of modules."""

from __future__ import annotations

import re

import numpy as np
import pytest
from torch import nn

from inspector.engines.openvino_runtime import ov
from inspector.errors import BundleError
from inspector.models.detector import Detector, Placement
from inspector.training.export import to_openvino
from inspector.training.quantise import kept_by_name, quantise


def small(placement: Placement = "neck") -> Detector:
    return Detector(2, 1, widths=(4, 8, 8, 8, 8), neck_channels=8, placement=placement, reduction=4).eval()


def names(model: ov.Model, kind: str) -> list[str]:
    return [op.get_friendly_name() for op in model.get_ops() if op.get_type_name() == kind]


@pytest.mark.parametrize("placement", ["neck", "block"])
def test_every_convolution_of_the_export_is_named_after_its_module(placement: Placement) -> None:
    network = small(placement)
    modules = {name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    found = names(to_openvino(network, 1), "Convolution")
    assert {name.split("/")[0].removeprefix("__module.") for name in found} == modules


def test_gates_image_head_and_boxes_are_kept_and_all_other_convolutions_are_not() -> None:
    network = small("block")
    model = to_openvino(network, 1)
    kept = kept_by_name(network)
    for name in [*names(model, "Convolution"), *names(model, "MatMul")]:
        gate = ".channel." in name or ".spatial." in name or ".image_head" in name
        assert any(re.fullmatch(pattern, name) for pattern in kept) == gate, name
    for name in [*names(model, "Sigmoid"), *names(model, "Exp")]:
        assert any(re.fullmatch(pattern, name) for pattern in kept), name


def test_no_sigmoid_takes_or_gives_8_bits() -> None:
    network = small()
    images = [np.random.default_rng(n).random((1, 1, 64, 64), np.float32) for n in range(2)]
    model = quantise(to_openvino(network, 1), images, kept_by_name(network))
    assert names(model, "FakeQuantize")
    for op in model.get_ops():
        if op.get_type_name() == "Sigmoid":
            nodes = [op.input_value(0).get_node(), *(i.get_node() for i in op.output(0).get_target_inputs())]
            assert "FakeQuantize" not in {node.get_type_name() for node in nodes}


def test_without_images_there_is_no_int8() -> None:
    with pytest.raises(BundleError, match="there is none"):
        quantise(to_openvino(small(), 1), [])
