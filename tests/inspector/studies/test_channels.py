"""What the playground shows: the gate's own weights, and the places that excite a channel most."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from inspector.data.dataset import Dataset
from inspector.engines.torch_engine import load_network
from inspector.errors import BrokenImage
from inspector.messages.recipe import Recipe, Thresholds
from inspector.models.bundle import Bundle
from inspector.models.detector import Detector
from inspector.studies import gates, page
from inspector.studies.channels import PATCH, SHOWN, Examiner, layers_of, strongest

RECIPE = Recipe(id="playground", version=1, thresholds=Thresholds(default=0.05))


def field(*spots: tuple[int, int, float]) -> torch.Tensor:
    cells = torch.zeros(10, 12)
    for y, x, height in spots:
        cells[y, x] = height
    return cells


@pytest.mark.parametrize(
    ("activation", "count", "found"),
    [
        (field(), 3, []),
        (field((2, 3, 1.0)), 3, [(2, 3)]),
        (field((2, 3, 1.0), (8, 9, 2.0)), 3, [(8, 9), (2, 3)]),
        (field((2, 3, 1.0), (8, 9, 2.0)), 1, [(8, 9)]),
        (field((2, 3, 1.0), (3, 4, 0.9), (9, 0, 0.1)), 3, [(2, 3), (9, 0)]),  # a neighbour is the same place
    ],
)
def test_the_strongest_places(activation: torch.Tensor, count: int, found: list[tuple[int, int]]) -> None:
    assert strongest(activation, count, apart=2) == found
    assert activation.min() == 0, "the activation itself is left alone"


def test_layers_say_what_the_gates_say(bundle: Bundle) -> None:
    network = load_network(bundle).eval()
    images = torch.rand(1, 1, 128, 160, generator=torch.Generator().manual_seed(0))
    layers = layers_of(network, images)
    assert [(layer.name, layer.stride) for layer in layers] == [
        ("neck.p3.channel", 8),
        ("neck.p4.channel", 16),
    ]
    for layer in layers:
        weights = gates.channel_weights(network, images)[layer.name][0]
        assert layer.mean == pytest.approx(float(weights.mean()))
        assert layer.channels == len(weights)
        raised, damped = ([channel.weight for channel in way] for way in (layer.raised, layer.damped))
        assert raised == sorted(weights.tolist(), reverse=True)[:SHOWN]
        assert damped == sorted(weights.tolist())[:SHOWN]
        for channel in (*layer.raised, *layer.damped):
            assert all(patch.shape == (PATCH, PATCH) for patch in channel.patches)
            assert channel.weight == pytest.approx(float(weights[channel.number]))


def test_the_first_patch_is_the_picture_around_the_highest_activation(bundle: Bundle) -> None:
    network = load_network(bundle).eval()
    images = torch.rand(1, 1, 128, 160, generator=torch.Generator().manual_seed(0))
    picture = np.rint(images[0, 0].numpy() * 255).astype(np.uint8)
    features = gates.gate_inputs(network, images)["neck.p3.channel"][0]
    excited = [channel for channel in layers_of(network, images)[0].raised if channel.patches]
    assert excited
    for channel in excited:
        y, x = divmod(int(features[channel.number].argmax()), features.shape[2])
        top = min(max(8 * y + 4 - PATCH // 2, 0), 128 - PATCH)
        left = min(max(8 * x + 4 - PATCH // 2, 0), 160 - PATCH)
        assert (channel.patches[0] == picture[top : top + PATCH, left : left + PATCH]).all()


def test_a_network_without_channel_gates_has_no_layers() -> None:
    network = Detector(2, attention="none", widths=(4, 8, 8, 16, 16), neck_channels=16).eval()
    assert layers_of(network, torch.rand(1, 1, 64, 64)) == []


def test_an_image_is_examined_as_a_worker_would(bundle: Bundle, boards: Dataset) -> None:
    image = boards.samples[0].image.read_bytes()
    examiner = Examiner(bundle)
    seen, again = examiner.examine(image, RECIPE), examiner.examine(image, RECIPE)
    assert seen.image.shape == (128, 160)
    assert len(seen.layers) == 2
    assert seen.judgement == again.judgement
    assert seen.prediction.attention is not None
    assert seen.prediction.attention.shape == (16, 20)


def test_a_picture_of_one_grey_is_refused(bundle: Bundle) -> None:
    blank = cv2.imencode(".png", np.full((64, 64), 128, np.uint8))[1].tobytes()
    with pytest.raises(BrokenImage):
        Examiner(bundle).examine(blank, RECIPE)


# --- the page


def test_the_page_holds_all_its_pictures_and_nothing_from_elsewhere(bundle: Bundle, boards: Dataset) -> None:
    seen = Examiner(bundle).examine(boards.samples[0].image.read_bytes(), RECIPE)
    html = page.page([seen, seen])
    assert html.count('<section class="model">') == 2
    assert seen.judgement.verdict.value in html
    assert html.count("<img") == html.count("data:image/png;base64,")
    assert "http" not in html
    assert "neck.p3.channel" in html


def test_names_are_escaped(bundle: Bundle, boards: Dataset) -> None:
    seen = Examiner(bundle).examine(boards.samples[0].image.read_bytes(), RECIPE)
    layer = seen.layers[0]._replace(name="<script>", live=0)
    html = page.page([seen._replace(layers=[layer])])
    assert "<script>" not in html
    assert "does not depend on the image" in html
    assert "<b>" not in page.failure("<b>")


def test_the_style_is_shipped() -> None:
    assert ".model" in page.STYLE
