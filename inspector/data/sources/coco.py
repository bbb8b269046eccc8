"""COCO: one JSON file with `images`, `annotations` and `categories`.

Images lie beside the file, in `images/`, or where COCO keeps them (`../images/`, `../val2017/`). A file named
for one part (`train.json`, `instances_val2017.json`, Roboflow's `valid/_annotations.coco.json`) is that part,
so name each of them: --data coco:train.json --data coco:val.json.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from inspector.data.dataset import Dataset, Sample, as_boxes, as_labels
from inspector.data.sources.files import groups_of, names_of, part_of, part_within, read_text
from inspector.data.sources.parts import Divided
from inspector.errors import DataError

ROBOFLOW = "_annotations.coco.json"
"""Roboflow's file has this name in every part; the part is its folder. Other files may lie in any folder."""

_Record = tuple[str, dict[str, Any]]
"""A place such as `parts.json: annotations[12]`, and what stands there."""

_Box = tuple[float, float, float, float]


def load(file: Path) -> Divided:
    """Crowd annotations have no boxes: an image with nothing else is defective, and where is not known. One
    with an outline alone gets its bounding box; x and y as they stand.

    Categories may have any ids; those that nothing is annotated with are left out. Raises DataError with the
    JSON path.
    """
    document = _document(file)
    images = list(_records(file, document, "images"))
    categories = _by_id(_records(file, document, "categories"))
    truth = _truth(file, document, {_id(*record): record for record in images}, categories)
    used = {category for rows in truth.values() for category, _ in rows} or set(categories)
    names = {category: _text(*categories[category], "name") for category in categories if category in used}
    classes = tuple(dict.fromkeys(names.values()))
    index = {category: classes.index(name) for category, name in names.items()}
    samples = _samples(file, images, truth, classes, index)
    roboflow = part_of(file.resolve().parent.name) if file.name == ROBOFLOW else None
    part = part_within(file.stem) or roboflow
    parts = {sample.name: part for sample in samples} if part else {}
    return Divided(Dataset(classes, tuple(samples)), parts, f"{file.name}: {part}" if part else "")


def _samples(
    file: Path,
    images: list[_Record],
    truth: dict[object, list[tuple[object, _Box | None]]],
    classes: tuple[str, ...],
    index: dict[object, int],
) -> list[Sample]:
    places = [_text(*record, "file_name").replace("\\", "/") for record in images]
    names = names_of(places)
    samples = []
    for record, place, name, group in zip(images, places, names, groups_of(names, classes), strict=True):
        rows = truth.get(record[1]["id"], [])
        single = [(kind, box) for kind, box in rows if box is not None]
        boxes = as_boxes([box for _, box in single])
        kinds = [kind for kind, _ in single] or list(dict.fromkeys(kind for kind, _ in rows))
        labels = as_labels([index[kind] for kind in kinds])
        samples.append(Sample(name, _image(file, record[0], place), boxes, labels, group))
    return samples


def _image(file: Path, place: str, name: str) -> Path:
    above = file.resolve().parent.parent
    year = re.split(r"[_.]", file.stem)[-1]  # instances_val2017 -> val2017
    folders = (file.parent, file.parent / "images", above / "images", above / year, above)
    for folder in folders:
        for path in (folder / name, folder / PurePosixPath(name).name):
            if path.is_file():
                return path
    raise DataError(f"{place}.file_name: {name} is neither beside the file nor in images/")


def _truth(
    file: Path, document: dict[str, Any], images: dict[object, _Record], categories: dict[object, _Record]
) -> dict[object, list[tuple[object, _Box | None]]]:
    """Image id -> (category id, box) of each of its annotations; a crowd is no box."""
    if len(images) != len(document["images"]):
        raise DataError(f"{file}: images: two of them have the same id")
    found: dict[object, list[tuple[object, _Box | None]]] = {}
    for place, annotation in _records(file, document, "annotations", may_be_empty=True):
        image, category = annotation.get("image_id"), annotation.get("category_id")
        if not _known(image, images):
            raise DataError(f"{place}.image_id: {image!r} is the id of no image")
        if not _known(category, categories):
            raise DataError(f"{place}.category_id: {category!r} is the id of no category")
        box = None if annotation.get("iscrowd") else _box(place, annotation)
        found.setdefault(image, []).append((category, box))
    return found


def _known(key: object, records: dict[object, _Record]) -> bool:
    return isinstance(key, int | str) and key in records


def _box(place: str, annotation: dict[str, Any]) -> _Box:
    given, outline = annotation.get("bbox"), annotation.get("segmentation")
    if outline and (not given or given == [0, 0, 0, 0]):
        return _around(place, outline)
    if not (isinstance(given, list) and len(given) == 4 and all(map(_is_number, given))):
        raise DataError(f"{place}.bbox: expected [x, y, width, height], found {given!r}")
    x, y, width, height = (float(value) for value in given)
    if width < 0 or height < 0:
        raise DataError(f"{place}.bbox: width and height must not be negative, found {given!r}")
    return x, y, x + width, y + height


def _around(place: str, outline: object) -> _Box:
    """The bounding box of polygons `[[x, y, x, y, ...], ...]` or of a run-length mask `{size, counts}`."""
    if isinstance(outline, dict):
        return _around_mask(place, outline)
    rings = outline if isinstance(outline, list) else []
    if not rings or not all(isinstance(ring, list) and len(ring) >= 6 for ring in rings):
        raise DataError(f"{place}.segmentation: expected polygons of three points or more")
    if not all(len(ring) % 2 == 0 and all(map(_is_number, ring)) for ring in rings):
        raise DataError(f"{place}.segmentation: expected pairs of numbers x, y")
    xs, ys = ([value for ring in rings for value in ring[start::2]] for start in (0, 1))
    return float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys))


def _around_mask(place: str, outline: dict[str, Any]) -> _Box:
    from pycocotools import mask  # noqa: PLC0415 - only run-length masks need it, and few files have them

    try:
        counts, (height, width) = outline["counts"], map(_positive, outline["size"])
        coded = mask.frPyObjects(outline, height, width) if isinstance(counts, list) else outline
        x, y, across, down = (float(value) for value in mask.toBbox(coded))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{place}.segmentation: is no run-length mask: {error!r}") from error
    return x, y, x + across, y + down


def _positive(side: object) -> int:
    """A side of 0 would make pycocotools divide by it."""
    if not isinstance(side, int) or side < 1:
        raise ValueError(f"{side!r} is no side of an image")
    return side


def _document(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_text(file))
    except json.JSONDecodeError as error:
        raise DataError(f"{file}:{error.lineno}: not JSON: {error.msg}") from error
    if not isinstance(document, dict):
        raise DataError(f"{file}: expected an object with images, annotations and categories")
    return document


def _records(
    file: Path, document: dict[str, Any], key: str, *, may_be_empty: bool = False
) -> Iterator[_Record]:
    rows = document.get(key)
    if not isinstance(rows, list) or (not rows and not may_be_empty):
        raise DataError(f"{file}: {key}: expected a list{'' if may_be_empty else ', not an empty one'}")
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise DataError(f"{file}: {key}[{number}]: expected an object, found {row!r}")
        yield f"{file}: {key}[{number}]", row


def _by_id(records: Iterator[_Record]) -> dict[object, _Record]:
    return {_id(*record): record for record in records}


def _id(place: str, record: dict[str, Any]) -> int | str:
    found = record.get("id")
    if not isinstance(found, int | str):
        raise DataError(f"{place}.id: expected a number, found {found!r}")
    return found


def _text(place: str, record: dict[str, Any], key: str) -> str:
    text = record.get(key)
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"{place}.{key}: expected a text, found {text!r}")
    return text


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
