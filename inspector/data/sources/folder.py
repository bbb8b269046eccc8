"""Folders of images: the sub-folder an image lies in is its class. No box, no mask.

    good/a.png      scratch/b.png      dent/lot7/c.png
    train/good/a.png      test/scratch/b.png      scratch/val/c.png

Folders named good, ok and the like (files.GOOD) hold good images. Folders named train, val and test, above or
below the class, divide the data. What lies deeper than the class is only a way of keeping files, unless the
same names come back below several classes: then they are lots, and a split keeps a lot on one side.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from inspector.data.dataset import Dataset, Sample, as_boxes, as_labels
from inspector.data.sources.files import (
    FEWEST_GROUPS,
    GOOD,
    IMAGE_FOLDERS,
    images_under,
    is_good,
    names_of,
    part_of,
    plain,
)
from inspector.data.sources.parts import Divided, Part
from inspector.errors import DataError


@dataclass(frozen=True, slots=True)
class _Found:
    """An image, relative to the data's folder."""

    path: PurePosixPath
    kind: str
    """The folder that is its class, as it is spelt."""
    below: str
    """The folders between class and file."""
    part: Part | None

    @property
    def good(self) -> bool:
        return is_good(self.kind)


def load(folder: Path) -> Divided:
    """Raises DataError naming the file: no folder, no image, an image that lies in the folder of no class."""
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a folder")
    paths = [PurePosixPath(path.relative_to(folder).as_posix()) for path in images_under(folder)]
    if not paths:
        raise DataError(f"{folder}: holds no image")
    found = _described(folder, paths)
    classes = tuple(sorted({image.kind for image in found if not image.good}))
    names = names_of(image.path.as_posix() for image in found)
    lots = _lots(found)
    samples = [
        Sample(
            name,
            folder / image.path,
            as_boxes([]),
            as_labels([] if image.good else [classes.index(image.kind)]),
            image.below if image.below in lots else "",
        )
        for image, name in zip(found, names, strict=True)
    ]
    parts = {name: image.part for image, name in zip(found, names, strict=True) if image.part}
    return Divided(Dataset(classes, tuple(samples)), parts, "folders" if parts else "", _doubts(found))


def _described(folder: Path, paths: list[PurePosixPath]) -> list[_Found]:
    wrapped = _wrappers(paths)
    found = []
    for path in paths:
        telling = _telling(path)[wrapped:]
        if not telling:
            raise DataError(f"{folder / path}: lies in the folder of no class; expected good/, scratch/, ...")
        parts = [part for part in map(part_of, path.parts[:-1]) if part]
        found.append(_Found(path, telling[0], "/".join(telling[1:]), parts[0] if parts else None))
    return _one_spelling(found)


def _telling(path: PurePosixPath) -> list[str]:
    """Its folders, but for those that say the part or that here are images."""
    return [name for name in path.parts[:-1] if not part_of(name) and name.lower() not in IMAGE_FOLDERS]


def _wrappers(paths: list[PurePosixPath]) -> int:
    """How many folders all images share above those of the classes, as archives have: parts/parts/good."""
    folders = [_telling(path) for path in paths]
    depth = 0
    while all(len(own) > depth + 1 for own in folders) and len({own[depth] for own in folders}) == 1:
        if is_good(folders[0][depth]):
            break
        depth += 1
    return depth


def _one_spelling(found: list[_Found]) -> list[_Found]:
    """train/Scratch and test/scratch are one class, by its first spelling."""
    spelt: dict[str, str] = {}
    for image in found:
        spelt.setdefault(plain(image.kind), image.kind)
    return [_Found(one.path, spelt[plain(one.kind)], one.below, one.part) for one in found]


def _lots(found: list[_Found]) -> set[str]:
    classes: defaultdict[str, set[str]] = defaultdict(set)
    for image in found:
        if image.below:
            classes[image.below].add(image.kind)
    shared = any(len(kinds) > 1 for kinds in classes.values())
    return set(classes) if shared and len(classes) >= FEWEST_GROUPS else set()


def _doubts(found: list[_Found]) -> tuple[str, ...]:
    """Folders whose name is good only by what it begins with."""
    counts: defaultdict[str, int] = defaultdict(int)
    for image in found:
        if image.good and plain(image.kind) not in GOOD:
            counts[image.kind] += 1
    return tuple(f"{count} images in the folder {kind} are taken as good" for kind, count in counts.items())
