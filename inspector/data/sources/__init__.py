"""One file for each annotation format, and `load` and `read`, which open a SPEC such as `coco:parts.json`.

deeppcb.py   deeppcb:DIR        boards with templates
coco.py      coco:file.json     boxes or outlines
yolo.py      yolo:data.yaml     boxes or outlines, a text file an image
voc.py       voc:DIR            boxes, an XML file an image
masks.py     masks:DIR          pixel masks: MVTec AD, magnetic tile and the like
folder.py    folder:DIR         a sub-folder a class: image labels alone
parts.py     train, val and test
files.py     what the formats share
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from inspector.data.dataset import Dataset, Sample
from inspector.data.sources import coco, deeppcb, folder, masks, voc, yolo
from inspector.data.sources.parts import Divided, Part, Split, draw_test, draw_val, merge, obey_file
from inspector.errors import DataError, SettingsError

__all__ = ["FORMATS", "SOURCES", "Divided", "Part", "Split", "load", "read", "without_empty_boxes"]

SOURCES: dict[str, Callable[[Path], Divided]] = {
    "coco": coco.load,
    "yolo": yolo.load,
    "voc": voc.load,
    "masks": masks.load,
    "folder": folder.load,
    "deeppcb": deeppcb.load,
}

FORMATS = "coco:FILE.json, yolo:DATA.yaml, voc:DIR, masks:DIR, folder:DIR or deeppcb:DIR"
"""For help texts."""


def load(specs: str | Sequence[str]) -> Divided:
    """The data set that one SPEC names, or several together, with its parts (`parts.py` says whence).

    Boxes are as annotated. Raises SettingsError for what is no SPEC, DataError naming file and line.
    """
    several = [specs] if isinstance(specs, str) else list(specs)
    if not several:
        raise SettingsError("--data is missing")
    return draw_val(merge([_one(spec) for spec in several]))


def read(specs: str | Sequence[str], split: Split) -> Dataset:
    """One part of it, as training and evaluation take it: without empty boxes. Raises as `load` does."""
    return without_empty_boxes(load(specs).of(split))


def without_empty_boxes(data: Dataset) -> Dataset:
    """A box without any area teaches nothing. An image with no other box is left out: it is no good part."""
    samples = (_cleaned(sample) for sample in data.samples)
    return Dataset(data.classes, tuple(sample for sample in samples if sample is not None))


def _cleaned(sample: Sample) -> Sample | None:
    filled = (sample.boxes[:, 2:] > sample.boxes[:, :2]).all(axis=1)
    if filled.all():
        return sample
    if not filled.any():
        return None
    return replace(sample, boxes=sample.boxes[filled], labels=sample.labels[filled])


def _one(spec: str) -> Divided:
    kind, colon, place = spec.partition(":")
    if not colon or kind not in SOURCES:
        raise SettingsError(f"--data {spec}: expected FORMAT:PATH, with FORMAT one of: {', '.join(SOURCES)}")
    path = Path(place).expanduser()
    divided = SOURCES[kind](path)
    if not divided.data.samples:
        raise DataError(f"{path}: holds no image")
    return draw_test(obey_file(divided, path if path.is_dir() else path.parent))
