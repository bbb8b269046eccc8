"""What the attention of one bundle is worth: its map against rivals, and mAP without what its gates choose.

maps      the bundle's map, Grad-CAM on the same network, a gate that nobody supervised, and the map of the
          network with its weights shuffled, all scored alike (evaluation/attention_metrics.py)
gates     mAP as it is, and with gates replaced by their mean (gates.py)
channels  whether the channel gates tell one image from another at all

All of it runs by torch, through the workers' own pipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from inspector.data.dataset import Dataset
from inspector.engines.pipeline import Pipeline
from inspector.engines.torch_engine import load_network
from inspector.errors import DataError
from inspector.evaluation import attention_metrics, coco_metrics
from inspector.evaluation.attention_metrics import AttentionScores
from inspector.evaluation.predictions import Case, located
from inspector.models.bundle import Bundle
from inspector.models.detector import Detector
from inspector.models.neck import MAP_SOURCE
from inspector.studies import gates, maps
from inspector.studies.asking import Advance, ask, check_classes, of_dataset, silent

OWN = "the bundle's map"
UNSUPERVISED = "a gate without supervision (neck.p4.spatial)"
SHUFFLED = "the map with all weights shuffled"

PLACES = {"before the gate": maps.BEFORE_GATE, "behind the gate": maps.BEHIND_GATE}

GRAD_CAMS: dict[str, maps.MapOf] = {
    f"Grad-CAM of the {what} score, {where}": maps.grad_cam(target, at)
    for where, at in PLACES.items()
    for what, target in (("boxes'", maps.box_target), ("image's", maps.image_target))
}

COMPARED = ("energy", "pointing", "peak_recall")


class GateRow(BaseModel):
    model_config = ConfigDict(frozen=True)

    what: str
    replaced: list[str]
    """Names of the gates."""
    map50: float
    map50_95: float
    lost50: float
    """mAP50 as it is less this one, a fraction: above 0 the detector used what the gates chose."""
    lost50_95: float


class ChannelRow(BaseModel):
    model_config = ConfigDict(frozen=True)

    spread: float
    """Standard deviation of a channel's weight over images, mean over channels: 0 is a constant gate."""
    lowest: float
    """Of the mean weights; a fresh gate outside residual blocks is at 1."""
    highest: float
    live: int
    """Hidden units of the gate's MLP that any image excites, of `hidden`."""
    hidden: int


class AttentionStudy(BaseModel):
    model_config = ConfigDict(frozen=True)

    model: str
    version: str
    part: str
    images: int
    defects: int
    maps: dict[str, AttentionScores]
    """The quiet figures need good images, and are the bundle's map's alone: a Grad-CAM has no scale."""
    ahead_of_grad_cam: dict[str, dict[str, float]]
    """By place: the bundle's map less the best Grad-CAM there, fractions."""
    alike_when_shuffled: float
    """Mean correlation of the map with the shuffled network's: near 1, it would not depend on the weights."""
    gates: list[GateRow]
    channels: dict[str, ChannelRow]
    """By name of the channel gate."""
    seed: int
    """Of the shuffling."""


class _Replaced(NamedTuple):
    """Which gates to replace, and by what."""

    what: str
    spatial: list[str]
    channel: list[str]
    level: gates.Level = "mean"


def passes(bundle: Bundle) -> int:
    """How many times the study runs each image, so that its cost is known before."""
    network = load_network(bundle)
    return len(_rivals(network)) + 2 + len(_choices(network))


def study(
    bundle: Bundle,
    data: Dataset,
    part: str,
    *,
    seed: int = 0,
    device: str = "cpu",
    advance: Advance = silent,
) -> AttentionStudy:
    """`advance` hears of passes x images. Raises DataError: no defect in the data, or a class that the model
    does not know."""
    asked = _Asked(bundle, data, device, advance)
    own = asked.own_cases()
    scores = {OWN: _scores(own, [case for case in own if case.good])}
    for name, map_of in _rivals(asked.network).items():
        scores[name] = _scores(asked.cases(asked.network, map_of))
    shuffled = asked.cases(maps.randomised(asked.network, seed))
    return AttentionStudy(
        model=bundle.manifest.name,
        version=bundle.manifest.version,
        part=part,
        images=len(own),
        defects=sum(len(case.truth_boxes) for case in own),
        maps=scores | {SHUFFLED: _scores(shuffled)},
        ahead_of_grad_cam={where: _ahead(scores, where) for where in PLACES},
        alike_when_shuffled=_alike(own, shuffled),
        gates=_gate_rows(asked, own),
        channels={name: _channel_row(said) for name, said in asked.heard.said().items()},
        seed=seed,
    )


class _Asked:
    """The data, asked of the bundle's network and of its changed copies."""

    def __init__(self, bundle: Bundle, data: Dataset, device: str, advance: Advance) -> None:
        self.network = load_network(bundle)
        self.heard = gates.Listener()
        """To the channel gates of the network as it is, while `own_cases` runs."""
        self.classes = data.classes
        self._bundle = bundle
        self._data = data
        self._device = device
        self._advance = advance

    def cases(self, network: Detector, map_of: maps.MapOf | None = None) -> list[Case]:
        pipeline = Pipeline(self._bundle, maps.MapEngine(network, map_of, self._device))
        check_classes(pipeline, self._data)
        return ask(pipeline, of_dataset(self._data), self._data.classes, advance=self._advance)

    def own_cases(self) -> list[Case]:
        return self.cases(self.network, self._overheard)

    def _overheard(self, network: Detector, images: Tensor) -> Tensor:
        self.heard.hear(network, images)
        return maps.gate_map(network, images)


# --- maps


def _rivals(network: Detector) -> dict[str, maps.MapOf]:
    return GRAD_CAMS | ({UNSUPERVISED: maps.unsupervised_map} if maps.has_unsupervised_map(network) else {})


def _scores(cases: Sequence[Case], good: Sequence[Case] = ()) -> AttentionScores:
    scores = attention_metrics.score([case for case in cases if len(case.truth_boxes)], good)
    if scores is None:
        raise DataError("the images to measure on hold no defect: there is nothing to point at")
    return scores


def _ahead(scores: dict[str, AttentionScores], where: str) -> dict[str, float]:
    rivals = [scores[name] for name in GRAD_CAMS if name.endswith(where)]
    return {
        name: getattr(scores[OWN], name) - max(getattr(rival, name) for rival in rivals) for name in COMPARED
    }


def _alike(left: Sequence[Case], right: Sequence[Case]) -> float:
    pairs = zip(left, right, strict=True)
    return float(np.mean([_correlation(one, other) for one, other in pairs]))


def _correlation(left: Case, right: Case) -> float:
    """Of the maps; 0 where one is constant."""
    fields = [case.prediction.attention for case in (left, right)]
    flat = [field.astype(np.float64).ravel() for field in fields if field is not None]
    if any(field.std() == 0 for field in flat):
        return 0.0
    return float(np.corrcoef(flat[0], flat[1])[0, 1])


# --- gates


def _choices(network: Detector) -> list[_Replaced]:
    spatial, channel = gates.spatial_gates(network), gates.channel_gates(network)
    the_maps = [name for name in spatial if name == MAP_SOURCE]
    choices = [
        _Replaced(f"{MAP_SOURCE} its mean over the image", the_maps, []),
        _Replaced(f"{MAP_SOURCE} open everywhere, at its maximum", the_maps, [], "open"),
        _Replaced("every spatial gate its mean over the image", spatial, []),
        _Replaced("every channel gate its mean over the data", [], channel),
    ]
    return [choice for choice in choices if choice.spatial or choice.channel]


def _gate_rows(asked: _Asked, own: Sequence[Case]) -> list[GateRow]:
    whole, said = _map(own, asked.classes), asked.heard.said()
    rows = [_gate_row("as it is", [], whole, whole)]
    for choice in _choices(asked.network):
        changed = gates.levelled(asked.network, choice.spatial, choice.level)
        changed = gates.fixed(changed, {name: said[name].mean for name in choice.channel})
        found = _map(asked.cases(changed), asked.classes)
        rows.append(_gate_row(choice.what, choice.spatial + choice.channel, found, whole))
    return rows


def _map(cases: Sequence[Case], classes: tuple[str, ...]) -> tuple[float, float]:
    scores = coco_metrics.score(located(cases), classes)
    if scores is None:
        raise DataError("the images to measure on hold no defect: there is nothing to find")
    return scores.map50, scores.map50_95


def _gate_row(
    what: str, replaced: list[str], found: tuple[float, float], whole: tuple[float, float]
) -> GateRow:
    return GateRow(
        what=what,
        replaced=replaced,
        map50=found[0],
        map50_95=found[1],
        lost50=whole[0] - found[0],
        lost50_95=whole[1] - found[1],
    )


def _channel_row(said: gates.Said) -> ChannelRow:
    return ChannelRow(
        spread=float(said.spread.mean()),
        lowest=float(said.mean.min()),
        highest=float(said.mean.max()),
        live=said.live,
        hidden=said.hidden,
    )
