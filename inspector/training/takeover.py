"""Weights of an earlier bundle as the start of a new training: by name where shapes fit, heads by class name.

other classes    rows of the heads are taken over for classes of the same name; the others start fresh
grey to colour   the first convolution's weights are shared out over three channels: a grey image in three
                 equal channels gives what it gave before
colour to grey   they are added up, to the same end
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from inspector.errors import BundleError
from inspector.models.bundle import WEIGHTS, Bundle
from inspector.models.detector import Detector

FAMILY = "detector"
"""Architectures that share names and meaning of their tensors."""

FIRST = "backbone.stem.0.weight"

SHAPED = (
    "attention",
    "reduction",
    "placement",
    "widths",
    "blocks",
    "neck_channels",
    "shared_tower",
    "least_hidden",
)
"""What a new network takes from the bundle's architecture unless the user asks: else little fits."""

SHAPE_BEFORE: dict[str, Any] = {
    "attention": "cbam",
    "reduction": 16,
    "placement": "neck",
    "widths": (16, 32, 64, 128, 192),
    "blocks": (0, 1, 1, 1),
    "neck_channels": 64,
    "shared_tower": False,
    "least_hidden": 1,
}
"""What the network has where a manifest does not say: the defaults of `Detector`."""


@dataclass(frozen=True, slots=True)
class Takeover:
    weights: dict[str, Tensor]
    """For all of the new network."""
    taken: int
    """Tensors taken over whole, or row by row."""
    fresh: tuple[str, ...]
    """Names of those that start at random, wholly or in some rows."""
    classes: tuple[str, ...]
    """Classes that the heads know already."""

    def sentence(self) -> str:
        """For people."""
        known = (
            f"heads know {', '.join(self.classes)}" if self.classes else "no class is known: heads are fresh"
        )
        rest = f"; fresh: {', '.join(self.fresh)}" if self.fresh else ""
        return f"{self.taken} of {len(self.weights)} tensors taken over; {known}{rest}"


def shape_of(bundle: Bundle) -> dict[str, Any]:
    """The bundle's options of architecture, as TrainConfig names them. Raises BundleError: another family."""
    architecture = bundle.manifest.architecture
    if architecture.get("name") != FAMILY:
        raise BundleError(
            f"{bundle.folder}: its network is {architecture.get('name')!r}; training starts from "
            f"{FAMILY!r} networks alone, since no tensor of another one means the same"
        )
    found = {key: architecture.get(key, SHAPE_BEFORE[key]) for key in SHAPED}
    return {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()}


def take_over(network: Detector, bundle: Bundle, classes: Sequence[str]) -> Takeover:
    """Nothing is changed in `network`, whose classes are `classes`. Raises BundleError: another family,
    weights that cannot be read, nothing that fits."""
    shape_of(bundle)
    path = bundle.path(WEIGHTS)
    try:
        old = load_file(path)
    except (OSError, SafetensorError) as error:
        raise BundleError(f"{path}: cannot be read: {error}") from error
    weights, fresh, taken = {}, [], 0
    for name, tensor in network.state_dict().items():
        merged, complete = _merged(name, tensor, old.get(name), bundle.manifest.classes, classes)
        weights[name] = tensor.clone() if merged is None else merged
        taken += merged is not None
        if not complete:
            fresh.append(name)
    if not taken:
        raise BundleError(f"{bundle.folder}: none of its tensors fits the new network")
    known = tuple(name for name in classes if name in bundle.manifest.classes)
    return Takeover(weights, taken, tuple(fresh), known)


def started_from(bundle: Bundle) -> str:
    """Which bundle, for the config and the manifest; no path."""
    manifest = bundle.manifest
    return f"{manifest.name} {manifest.version} {bundle.sha256[:12]}"


def _merged(
    name: str, new: Tensor, old: Tensor | None, before: Sequence[str], after: Sequence[str]
) -> tuple[Tensor | None, bool]:
    """The tensor to begin with (None: as it is), and whether all of it was taken over."""
    if old is None:
        return None, False
    if (rows := _class_rows(name, before, after)) is not None and old.shape[1:] == new.shape[1:]:
        merged = new.clone()
        for target, source in rows:
            merged[target] = old[source]
        return (merged if rows else None), len(rows) == len(new)
    if name == FIRST and old.shape != new.shape and old.shape[0] == new.shape[0]:
        summed = old.sum(1, keepdim=True)
        return summed.expand_as(new).clone() / new.shape[1], True
    if old.shape == new.shape:
        return old.clone(), True
    return None, False


def _class_rows(name: str, before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]] | None:
    """(row of the new head, row of the old one) for each class of the same name. None: not by class."""
    image_head = name.startswith("image_head.linear.")
    if not image_head and ".scores." not in name:
        return None
    skipped = int(image_head)  # row 0 of the image head: defective at all
    pairs = [
        (skipped + new, skipped + list(before).index(kind))
        for new, kind in enumerate(after)
        if kind in before
    ]
    return [(0, 0), *pairs] if image_head else pairs
