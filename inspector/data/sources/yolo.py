"""YOLO: data.yaml with `train`, `val`, `test` and `names`, and a text file for each image.

A row is `class cx cy width height` or, for an outline, `class x y x y x y ...`: shares of the image, 0-1. The
text files lie in the folder `labels/` that mirrors `images/`, or beside the images. An image with an empty
file, or none, is a good one. A folder in place of data.yaml is looked through for its only YAML file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from inspector.data.dataset import Dataset, Sample, as_boxes, as_labels
from inspector.data.sources.files import groups_of, images_under, names_of, read_text
from inspector.data.sources.parts import Divided, Part
from inspector.errors import BadInput, DataError
from inspector.imaging.files import facts_of, read_bytes

KEYS: dict[str, Part] = {"train": "train", "val": "val", "valid": "val", "test": "test"}

FARTHEST = 1.5
"""Shares above this are no slip of the hand at the image's edge: they are pixels."""


def load(file: Path) -> Divided:
    """A part that lists the very images of an earlier one (as small examples do) is no part of its own.

    Raises DataError with file and line, or the key of data.yaml.
    """
    file = _only_yaml(file) if file.is_dir() else file
    config = _config(file)
    classes = _names(file, config)
    parts = _parts(file, config)
    images = list(parts)
    names = names_of(_relative(image, file) for image in images)
    groups = groups_of(names, classes)
    samples = tuple(
        _sample(image, name, group, len(classes))
        for image, name, group in zip(images, names, groups, strict=True)
    )
    by_name = {name: parts[image] for name, image in zip(names, images, strict=True)}
    whole = set(by_name.values()) == {"train"} and "val" not in config
    doubts = tuple(_unlabelled(parts))
    return Divided(Dataset(classes, samples), {} if whole else by_name, "" if whole else file.name, doubts)


def _only_yaml(folder: Path) -> Path:
    found = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    if len(found) != 1:
        raise DataError(f"{folder}: holds {len(found)} YAML files; name one, as in yolo:{folder}/data.yaml")
    return found[0]


def _unlabelled(parts: dict[Path, Part]) -> Iterator[str]:
    """A part without a single label file: more likely they lie elsewhere than all its images are good."""
    for part in dict.fromkeys(parts.values()):
        own = [image for image in parts if parts[image] == part]
        if not any(_label_file(image).is_file() for image in own):
            looked = f"{own[0]} would have {_mirrored(own[0])}"
            yield f"no image of {part} has a label file ({looked}): all {len(own)} are taken as good"


def _config(file: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(read_text(file))
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise DataError(f"{file}{line}: not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise DataError(f"{file}: not YAML: {error}") from error
    if not isinstance(config, dict):
        raise DataError(f"{file}: expected keys and values: path, train, val, test, names")
    return config


def _names(file: Path, config: dict[str, Any]) -> tuple[str, ...]:
    """A list, or a dict from 0 on."""
    names = config.get("names")
    if isinstance(names, dict):
        if sorted(names, key=str) != sorted(range(len(names)), key=str):
            raise DataError(f"{file}: names: expected the numbers 0 to {len(names) - 1}, each once")
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not names:
        raise DataError(f"{file}: names: expected a list of class names, or numbers with names")
    if len({str(name) for name in names}) < len(names):
        raise DataError(f"{file}: names: two classes have the same name")
    return tuple(str(name) for name in names)


def _parts(file: Path, config: dict[str, Any]) -> dict[Path, Part]:
    found: dict[Path, Part] = {}
    listings: list[set[Path]] = []
    for key, part in KEYS.items():
        images = {
            image.resolve(): image
            for entry in _entries(config, key)
            for image in _images(file, config, key, entry)
        }
        if not images or set(images) in listings:
            continue
        for image in images.values():
            if found.setdefault(image, part) != part:
                raise DataError(f"{file}: {key}: {image} is in {found[image]} as well")
        listings.append(set(images))
    if not found:
        raise DataError(f"{file}: train: names no image")
    return found


def _entries(config: dict[str, Any], key: str) -> list[str]:
    value = config.get(key)
    entries = value if isinstance(value, list) else [value]
    return [str(entry).replace("\\", "/") for entry in entries if entry]


def _images(file: Path, config: dict[str, Any], key: str, entry: str) -> list[Path]:
    """Of a folder, or of a text file with one image a line."""
    place = next((place for place in _places(file, config, entry) if place.exists()), None)
    if place is None and key == "test":
        return []  # exports name a test folder whether there is one or not
    if place is None:
        raise DataError(f"{file}: {key}: {entry} is neither a folder nor a list of images")
    images = images_under(place) if place.is_dir() else list(_of_list(place))
    if not images:
        raise DataError(f"{file}: {key}: {place} holds no image")
    return images


def _places(file: Path, config: dict[str, Any], entry: str) -> Iterator[Path]:
    """Relative to `path`, which is relative to the file; else to the file itself.

    Exports that say `../train/images` for a folder beside the file are common, hence the last.
    """
    here = file.parent
    yield here / str(config.get("path") or "").replace("\\", "/") / entry
    yield here / entry
    yield here / entry.removeprefix("../")


def _of_list(listing: Path) -> Iterator[Path]:
    for number, line in enumerate(read_text(listing).splitlines(), 1):
        if not line.strip():
            continue
        image = listing.parent / line.strip().replace("\\", "/")
        if not image.is_file():
            raise DataError(f"{listing}:{number}: {image} does not exist")
        yield image


def _relative(image: Path, file: Path) -> str:
    here = file.resolve().parent
    resolved = image.resolve()
    return (resolved.relative_to(here) if resolved.is_relative_to(here) else resolved).as_posix().lstrip("/")


def _sample(image: Path, name: str, group: str, classes: int) -> Sample:
    label_file = _label_file(image)
    rows = list(_rows(label_file, classes)) if label_file.is_file() else []
    width, height = _size(image) if rows else (1, 1)
    boxes = [[x1 * width, y1 * height, x2 * width, y2 * height] for _, (x1, y1, x2, y2) in rows]
    return Sample(name, image, as_boxes(boxes), as_labels([label for label, _ in rows]), group)


def _label_file(image: Path) -> Path:
    mirrored = _mirrored(image)
    return mirrored if mirrored.is_file() else image.with_suffix(".txt")


def _mirrored(image: Path) -> Path:
    parts = list(image.parts)
    folders = [part.lower() for part in parts[:-1]]
    if "images" in folders:
        last = len(folders) - 1 - folders[::-1].index("images")
        # Images and Labels, IMAGES and LABELS.
        spelt = {"Images": "Labels", "IMAGES": "LABELS"}.get(parts[last], "labels")
        parts[last] = spelt if Path(*parts[:last], spelt).is_dir() else "labels"
    return Path(*parts).with_suffix(".txt")


def _size(image: Path) -> tuple[int, int]:
    """Boxes are shares of it, so an image that cannot be read makes its annotation worthless."""
    try:
        facts = facts_of(read_bytes(image))
    except BadInput as error:
        raise DataError(f"{image}: {error}") from error
    return facts.width, facts.height


def _rows(file: Path, classes: int) -> Iterator[tuple[int, tuple[float, float, float, float]]]:
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if not line.strip():
            continue
        place = f"{file}:{number}"
        try:
            label, *shares = (float(word) for word in line.split())
        except ValueError:
            raise DataError(f"{place}: expected numbers, found {line!r}") from None
        if label not in range(classes):
            raise DataError(f"{place}: class {label:g} is none of 0-{classes - 1}")
        yield int(label), _box(place, shares)


def _box(place: str, shares: list[float]) -> tuple[float, float, float, float]:
    if not all(math.isfinite(share) and abs(share) <= FARTHEST for share in shares):
        raise DataError(f"{place}: expected shares of the image, 0-1")
    if len(shares) == 4:
        x, y, width, height = shares
        if width < 0 or height < 0:
            raise DataError(f"{place}: width and height must not be negative")
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
    if len(shares) < 6 or len(shares) % 2:
        raise DataError(f"{place}: expected 'class cx cy width height' or a polygon of x y pairs")
    return min(shares[::2]), min(shares[1::2]), max(shares[::2]), max(shares[1::2])
