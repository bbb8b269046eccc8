"""`inspector train`, before the first step: what to train on, and with which options.

Whatever the user leaves open is decided here, from what training may look at, and said in sentences; the
outcome is one TrainConfig. A run that goes on takes the one it began with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from rich.console import Console

from inspector.data import sources
from inspector.data.augment import Symmetries
from inspector.data.dataset import Dataset
from inspector.data.geometry import plan_input
from inspector.data.survey import channels_of
from inspector.data.synthetic import CLASSES as SYNTHETIC_CLASSES
from inspector.data.tailored import tailored
from inspector.errors import DataError, SettingsError
from inspector.imaging.decode import Channels
from inspector.models.bundle import Bundle, resolve
from inspector.training import checkpoint
from inspector.training.config import DEFAULT_PATIENCE, TrainConfig, default_epochs
from inspector.training.takeover import shape_of, started_from

CONFIG = "config.json"

BATCH, BATCH_SIDE = 16, 320
"""Images a step, of crops up to the area of this square; of larger ones as many as have its pixels ..."""

FEWEST = 4
"""... and at least so many: batch norm needs some to compare."""

SHOWN = 3
"""Doubts about the data that are named one by one."""

WARMUP_SHARE = 0.1
"""Of a run's steps, at most, in which the learning rate rises."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user said; None where nothing."""

    name: str | None = None
    attention: Literal["cbam", "se", "none"] | None = None
    reduction: int | None = None
    placement: Literal["block", "stage", "neck"] | None = None
    size: str | None = None
    symmetries: Literal["auto"] | Symmetries | None = None
    synthetic: float | None = None
    seed: int | None = None
    minutes: float | None = None
    epochs: int | None = None
    validation: tuple[str, ...] | None = None

    def shape(self) -> dict[str, Any]:
        """Options of architecture, where given."""
        options = {"attention": self.attention, "reduction": self.reduction, "placement": self.placement}
        return {name: value for name, value in options.items() if value is not None}

    def stored(self) -> dict[str, Any]:
        """All that a config holds as it was said, where given; what ends a run is not among it."""
        others = {
            "name": self.name,
            "synthetic_share": self.synthetic,
            "seed": self.seed,
            "held_back": self.validation,
        }
        return self.shape() | {name: value for name, value in others.items() if value is not None}


class Start:
    """What a run's weights begin as, by --init: without it the shipped bundle's.

    Raises BundleError: the bundle cannot be read, or not be started from.
    """

    def __init__(self, init: str | None) -> None:
        self.asked = init is not None
        self.bundle = None if init == "none" else Bundle.load(resolve(init))
        self.shape = shape_of(self.bundle) if self.bundle else {}
        self.name = started_from(self.bundle) if self.bundle else ""

    def sentence(self) -> str | None:
        """What the user must know of a start that nobody asked for."""
        if self.asked or not self.bundle:
            return None
        data = self.bundle.manifest.training.get("data", "data that its manifest does not name")
        return (
            f"starts from the shipped weights, which were trained on {data}: its terms are in the model card "
            "(--init none: random weights, a fresh start that takes several times as long)"
        )


def say(console: Console, text: str) -> None:
    """A line as it is: no colours guessed, nothing cut, no markup."""
    console.print(text, highlight=False, soft_wrap=True, markup=False)


def read(data: list[str], validation: tuple[str, ...], console: Console) -> tuple[Dataset, Dataset]:
    """What to train on, and what is held back: the val part, or the groups that the user names."""
    divided = sources.load(data)
    annotated = divided.of("trainval")
    both = sources.without_empty_boxes(annotated)
    if left_out := _boxes(annotated) - _boxes(both):
        say(console, f"{left_out} boxes without area are left out; see `inspector dataset check`")
    for doubt in divided.doubts[:SHOWN]:
        say(console, doubt)
    if more := len(divided.doubts[SHOWN:]):
        say(console, f"and {more} more of the kind; see `inspector dataset check`")
    if not validation:
        val = {name for name, part in divided.parts.items() if part == "val"}
        training, held_back = both.where(lambda s: s.name not in val), both.where(lambda s: s.name in val)
        how = divided.how
    else:
        training, held_back = _by_hand(both, validation)
        how = "--validation"
    # The groups say more than who drew them.
    told = ", ".join(groups(held_back)) or how
    say(console, f"{len(training)} images to train on, {len(held_back)} held back: {told}")
    return training, held_back


def check(training: Dataset, synthetic: float) -> None:
    """Raises DataError (nothing to learn) and SettingsError (boards of other classes)."""
    if all(sample.good for sample in training.samples):
        raise DataError(
            f"the train part holds {len(training)} images and no defect; say in split.json what to train on"
        )
    if synthetic and training.classes != SYNTHETIC_CLASSES:
        raise SettingsError(f"--synthetic: its boards have the classes {', '.join(SYNTHETIC_CLASSES)} alone")


def fresh(
    asked: Asked, training: Dataset, held_back: Dataset, out: Path, start: Start, console: Console
) -> TrainConfig:
    """The config of a new run."""
    check(training, asked.synthetic or 0.0)
    both = Dataset(training.classes, training.samples + held_back.samples)
    channels = _channels(both, console)
    plan = plan_input(both, _size(asked.size))
    decided = tailored(training, channels, asked.symmetries or "auto", white=plan.white)
    for sentence in (*plan.reasons, *decided.sentences, *_of_labels(training), start.sentence()):
        if sentence:
            say(console, sentence)
    batch = max(FEWEST, round(BATCH * min(1.0, BATCH_SIDE**2 / plan.crop_area)))
    options: dict[str, Any] = {
        "name": out.resolve().name,
        **asked.stored(),
        **start.shape,
        **asked.shape(),
        **_budget(asked, training, held_back, batch, console),
        "started_from": start.name,
        "in_channels": channels,
        "size": plan.crop,
        "final_size": plan.final,
        "nominal": plan.nominal,
        "shrink": plan.shrink,
        "batch": batch,
        "scale": plan.scale,
        "overlap": plan.overlap,
        "bit_depth": plan.bit_depth,
        "white": plan.white,
        "faintest": plan.faintest,
        "augmentation": decided.augmentation,
        "balance": decided.balance,
        "good_share": decided.good_share,
    }
    return TrainConfig(**options)


def stored(out: Path, asked: Asked, start: Start) -> TrainConfig:
    """The config of the run in that folder, to go on with. Only what ends the run may be changed.

    Raises DataError: there is none; SettingsError: it was begun with another value of an option.
    """
    config = _read_config(out)
    began = config.model_dump() | {"symmetries": config.augmentation.symmetries}
    for name, value in _decided(asked, start).items():
        if began[name] != value:
            raise SettingsError(
                f"{out}: this run began with {name} {_shown(began[name])}, not {_shown(value)}; "
                "leave the option out, or give another --out"
            )
    if asked.minutes is None and asked.epochs is None:
        return config
    return config.model_copy(update={"minutes": asked.minutes, "epochs": asked.epochs, "patience": None})


def _decided(asked: Asked, start: Start) -> dict[str, Any]:
    """What the user's options fix of a config, and `symmetries`."""
    others: dict[str, Any] = {
        "final_size": None if (size := _size(asked.size)) == "auto" else size,
        "symmetries": None if asked.symmetries == "auto" else asked.symmetries,
        "started_from": start.name if start.asked else None,
    }
    return asked.stored() | {name: value for name, value in others.items() if value is not None}


def check_free(out: Path) -> None:
    """Raises SettingsError if the folder holds a run: hours of work are not written over."""
    if checkpoint.exists(out) or (out / "bundle").exists():
        raise SettingsError(f"{out}: holds a run already; go on with it by --resume, or give another --out")


def groups(data: Dataset) -> list[str]:
    return sorted({sample.group for sample in data.samples} - {""})


def _budget(
    asked: Asked, training: Dataset, held_back: Dataset, batch: int, console: Console
) -> dict[str, Any]:
    if asked.minutes is not None:
        return {"minutes": asked.minutes}
    epochs = asked.epochs or default_epochs(len(training), batch)
    steps = epochs * -(-len(training) // batch)
    warmup = {"warmup_steps": min(TrainConfig().warmup_steps, max(1, round(WARMUP_SHARE * steps)))}
    if asked.epochs is not None:
        return {"epochs": epochs, **warmup}
    patience = DEFAULT_PATIENCE if len(held_back) else None
    early = (
        f"; fewer if validation does not improve for {100 * DEFAULT_PATIENCE:.0f} % of them"
        if patience
        else ""
    )
    say(console, f"budget: {epochs} epochs, {steps} steps{early} (--minutes or --epochs set another)")
    return {"epochs": epochs, "patience": patience, **warmup}


def _of_labels(training: Dataset) -> list[str]:
    """What the user must know about classes without boxes."""
    if not (only_labels := training.labels_only):
        return []
    lines = [f"no boxes of {', '.join(only_labels)}: found by the image's score, and the map says where"]
    if not any(sample.good for sample in training.samples):
        lines.append(
            "WARNING: no good image to train on: every part will look defective, and the map has nothing to "
            "hold defects against; name a folder good"
        )
    return lines


def _by_hand(data: Dataset, wanted: tuple[str, ...]) -> tuple[Dataset, Dataset]:
    for name in wanted:
        if name not in groups(data):
            raise SettingsError(f"--validation {name}: the data's groups are {', '.join(groups(data))}")
    return data.where(lambda s: s.group not in wanted), data.where(lambda s: s.group in wanted)


def _channels(data: Dataset, console: Console) -> Channels:
    channels = channels_of(data)
    say(console, f"{channels} channel{'s: there is colour' if channels == 3 else ': all images are grey'}")
    return channels


def _size(text: str | None) -> int | Literal["auto"]:
    if text is None or text == "auto":
        return "auto"
    try:
        return int(text)
    except ValueError:
        raise SettingsError(f"--size {text}: give auto, or a number of pixels") from None


def _boxes(data: Dataset) -> int:
    return sum(len(sample.boxes) for sample in data.samples)


def _read_config(out: Path) -> TrainConfig:
    place = out / CONFIG
    if not checkpoint.exists(out) or not place.is_file():
        raise DataError(f"{out}: holds no checkpoint to go on from; start without --resume")
    try:
        return TrainConfig.model_validate_json(place.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise DataError(f"{place}: cannot be read as the options of a run: {error}") from error


def _shown(value: object) -> str:
    return (", ".join(value) if isinstance(value, tuple) else str(value)) or "none"
