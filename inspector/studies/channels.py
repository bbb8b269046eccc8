"""One image, seen from inside: boxes, map, and which channels the gates raised and damped, with the patches
of the image that excite those channels most.

A channel is raised or damped against the layer's mean weight for this image. Its patches are the picture
around its highest activations before the gate, at places apart from each other.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from inspector.data.dataset import Image, as_boxes, as_labels
from inspector.decision.verdict import Judgement
from inspector.engines.pipeline import Pipeline
from inspector.engines.torch_engine import load_network
from inspector.errors import InspectionFailed
from inspector.evaluation.predictions import Prediction
from inspector.imaging.decode import decode
from inspector.imaging.files import facts_of
from inspector.messages.recipe import Recipe
from inspector.models.bundle import Bundle
from inspector.models.detector import Detector
from inspector.studies import gates, maps
from inspector.studies.asking import Question, ask

SHOWN = 4
"""Channels of each layer either way, and patches of each channel."""

PATCH = 48
"""Side of a patch, pixels of the network's input: a defect and what is around it."""


class Channel(NamedTuple):
    number: int
    weight: float
    """What the gate multiplies it by: 0 to the gate's gain."""
    patches: list[Image]
    """(PATCH, PATCH) or (PATCH, PATCH, 3), strongest first; none where nothing excites it."""


class Layer(NamedTuple):
    """One channel gate and what it says of this image."""

    name: str
    stride: int
    mean: float
    """Of its weights over channels."""
    raised: list[Channel]
    """Farthest above the mean first."""
    damped: list[Channel]
    """Farthest below the mean first."""
    channels: int
    live: int
    """Hidden units of its MLP that this image excites: with none, it would say the same of any such image."""
    hidden: int


class Seen(NamedTuple):
    """One image by one model."""

    bundle: Bundle
    image: Image
    prediction: Prediction
    judgement: Judgement
    layers: list[Layer]


class Examiner:
    """A bundle, opened by torch once. Safe to call from several threads: one image at a time."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._network = load_network(bundle)
        self._lock = threading.Lock()

    def examine(self, image: bytes, recipe: Recipe) -> Seen:
        """`image`: a file that a camera might post. Raises what the pipeline raises."""
        with self._lock:
            layers: list[Layer] = []

            def look(network: Detector, images: Tensor) -> Tensor:
                layers.extend(layers_of(network, images) if not layers else ())
                return maps.gate_map(network, images)

            pipeline = Pipeline(self.bundle, maps.MapEngine(self._network, look))
            question = Question("image", "", image, as_boxes([]), as_labels([]))
            (case,) = ask(pipeline, [question], tuple(self.bundle.manifest.classes), recipe=recipe)
        pixels = decode(image, facts_of(image), self.bundle.manifest.input.channels)
        return Seen(self.bundle, pixels, case.prediction, case.judgement, layers)


def layers_of(network: Detector, images: Tensor) -> list[Layer]:
    """Of the first of the images, (N, C, H, W), 0-1; empty for a network without channel gates."""
    picture = _picture(images[0])
    return [
        _layer(name, network, features, picture)
        for name, features in gates.gate_inputs(network, images[:1]).items()
    ]


def strongest(activation: Tensor, count: int, apart: int) -> list[tuple[int, int]]:
    """(h, w) -> up to `count` cells y, x of the highest activations above 0, highest first; any two are more
    than `apart` cells from each other along an axis."""
    left = activation.clone()
    found: list[tuple[int, int]] = []
    while len(found) < count and float(left.max()) > 0:
        y, x = divmod(int(left.argmax()), left.shape[1])
        found.append((y, x))
        left[max(0, y - apart) : y + apart + 1, max(0, x - apart) : x + apart + 1] = 0
    return found


def _layer(name: str, network: Detector, features: Tensor, picture: Image) -> Layer:
    weights, live = gates.ask_gate(network.get_submodule(name), features)
    order = torch.argsort(weights[0] - weights[0].mean(), descending=True).tolist()
    stride = picture.shape[0] // features.shape[2]

    def shown(indices: list[int]) -> list[Channel]:
        return [
            Channel(index, float(weights[0, index]), _patches(features[0, index], stride, picture))
            for index in indices
        ]

    half = min(SHOWN, len(order) // 2)
    return Layer(
        name=name,
        stride=stride,
        mean=float(weights[0].mean()),
        raised=shown(order[:half]),
        damped=shown(order[::-1][:half]),
        channels=len(order),
        live=int(live.sum()),
        hidden=len(live),
    )


def _patches(activation: Tensor, stride: int, picture: Image) -> list[Image]:
    apart = max(1, PATCH // stride // 2)
    return [
        _cut(picture, round((y + 0.5) * stride), round((x + 0.5) * stride))
        for y, x in strongest(activation, SHOWN, apart)
    ]


def _cut(picture: Image, y: int, x: int) -> Image:
    """PATCH x PATCH around a place, moved inside the picture where it would leave it."""
    top = max(0, min(y - PATCH // 2, picture.shape[0] - PATCH))
    left = max(0, min(x - PATCH // 2, picture.shape[1] - PATCH))
    return picture[top : top + PATCH, left : left + PATCH]


def _picture(image: Tensor) -> Image:
    """(C, H, W) 0-1 -> (H, W) or (H, W, 3) uint8."""
    pixels = np.asarray(np.rint(image.cpu().numpy() * 255).clip(0, 255), np.uint8)
    if len(pixels) not in {1, 3}:
        raise InspectionFailed(f"a picture of {len(pixels)} channels cannot be shown")
    return pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
