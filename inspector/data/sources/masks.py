"""Pixel masks: one box for each connected piece of an image's mask.

Where the mask of `test/scratch/007.png` or `MT_Crack/x.jpg` is looked for:

    ground_truth/scratch/007_mask.png     a mirrored folder, as in MVTec AD; or `masks`, `labels`, `gt`
    MT_Crack/x.png                        the same name with another suffix: the JPEG is the image
    MT_Crack/x_label.png                  the name with _label, _mask or _gt behind it, beside the image

The folder an image lies in is the class of its defects, without what all such folders begin with (`MT_`).
Folders named good, ok, free or normal hold good images. Where there are such folders, an empty mask in the
folder of a class says that the image is defective and where is not known; else that it is good. Folders that
are only numbered (`kos01`, `kos02`) are parts: they are the group, and the one class is `defect`. Folders
named train, val and test divide the data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from inspector.data.dataset import Boxes, Dataset, Sample, as_boxes, as_labels
from inspector.data.sources.files import IMAGE_FOLDERS, images_under, is_good, names_of, part_of
from inspector.data.sources.parts import Divided, Part
from inspector.errors import BadInput, DataError
from inspector.imaging.files import facts_of, read_bytes
from inspector.imaging.opencv import cv2

MASK_FOLDERS = {"ground_truth", "groundtruth", "masks", "mask", "labels", "label", "gt", "annotations"}
MASK_ENDING = re.compile(r"[_-](mask|label|gt)$", re.IGNORECASE)

IMAGE_FIRST = (".jpg", ".jpeg", ".bmp", ".png", ".tif", ".tiff", ".webp")
"""Of two files of one name the one whose suffix comes first is the image: a mask is never a JPEG then."""

CLOSING = 5
"""Pixels: gaps of a mask up to this wide do not cut a defect in two."""

ONE_CLASS = "defect"
"""Where no folder names one."""

_Key = tuple[str, ...]
_Truth = tuple[Boxes, tuple[Path, ...]]
"""An image's boxes, and the files of the masks that they come from."""


@dataclass(frozen=True, slots=True)
class _Found:
    """An image, relative to the data's folder."""

    path: PurePosixPath
    folder: str
    """The deepest one that is more than a way of keeping files; `` if there is none."""
    part: Part | None

    @property
    def good(self) -> bool:
        return is_good(self.folder)


def load(folder: Path) -> Divided:
    """Raises DataError naming the file: no images, no masks, a mask of another size, a missing mask."""
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a folder")
    files = [PurePosixPath(path.relative_to(folder).as_posix()) for path in images_under(folder)]
    masks = _Masks(files)
    taken = set(masks.paths)
    images = _described([path for path in files if path not in taken])
    if not images or not masks.paths:
        missing = "image" if not images else "mask (see docs/operating.md for where they may lie)"
        raise DataError(f"{folder}: holds no {missing}")
    _check_complete(folder, images, masks)
    _check_good(folder, images, masks)
    return _divided(folder, images, [_truth(folder, image, masks.of(image.path)) for image in images])


def read(paths: Sequence[Path]) -> NDArray[np.bool_]:
    """(H, W): the union of one image's masks. Raises DataError for a file that is no mask."""
    return np.asarray(np.logical_or.reduce([_mask(path) for path in paths]), np.bool_)


def _check_complete(folder: Path, images: list[_Found], masks: _Masks) -> None:
    """Beside folders of good images, an image in another one is a defective one and must have a mask."""
    if not any(image.good for image in images):
        return
    for image in images:
        if image.folder and not image.good and not masks.of(image.path):
            raise DataError(f"{folder / image.path}: has no mask, and is in no folder of good images")


def _check_good(folder: Path, images: list[_Found], masks: _Masks) -> None:
    for image in images:
        for mask in masks.of(image.path) if image.good else []:
            if _mask(folder / mask).any():
                raise DataError(
                    f"{folder / mask}: is not empty, and {image.path} is in a folder of good images"
                )


def _divided(folder: Path, images: list[_Found], truths: list[_Truth]) -> Divided:
    kinds, groups = _meaning({image.folder for image in images if image.folder and not image.good})
    defective = {
        kinds.get(image.folder, ONE_CLASS) for image, (own, _) in zip(images, truths, strict=True) if len(own)
    }
    undrawn = _undrawn(images, truths)
    classes = tuple(sorted(defective | {kinds[image.folder] for image in undrawn})) or (ONE_CLASS,)
    names = names_of(image.path.as_posix() for image in images)
    samples = []
    for image, (own, mask), name in zip(images, truths, names, strict=True):
        count = len(own) or int(image in undrawn)
        label = classes.index(kinds.get(image.folder, ONE_CLASS)) if count else 0
        path, labels = folder / image.path, as_labels([label] * count)
        samples.append(Sample(name, path, own, labels, groups.get(image.folder, ""), mask=mask))
    parts = {name: image.part for name, image in zip(names, images, strict=True) if image.part}
    doubts = tuple(
        f"{image.path}: its mask is empty, its folder {image.folder}: taken as {image.folder}, place unknown"
        for image in undrawn
    )
    return Divided(Dataset(classes, tuple(samples)), parts, "folders" if parts else "", doubts)


def _undrawn(images: list[_Found], truths: list[_Truth]) -> list[_Found]:
    """Beside folders of good images, an empty mask in another folder is one left undrawn: no good part."""
    if not any(image.good for image in images):
        return []
    return [
        image
        for image, (own, _) in zip(images, truths, strict=True)
        if image.folder and not image.good and not len(own)
    ]


class _Masks:
    """The masks among the files, by what they have in common with their image."""

    def __init__(self, files: list[PurePosixPath]) -> None:
        images = _first_of_name(files)
        self.paths = [path for path in files if _is_mask(path, images)]
        self._by_key: dict[_Key, list[PurePosixPath]] = {}
        for path in self.paths:
            self._by_key.setdefault(_key(path), []).append(path)
        # A folder of masks for one image: ground_truth/scratch/007/000.png.
        for path in self.paths:
            if any(folder.lower() in MASK_FOLDERS for folder in path.parts[:-2]):
                self._by_key.setdefault(_key(path)[:-1], []).append(path)

    def of(self, image: PurePosixPath) -> list[PurePosixPath]:
        """An image may have several, one a defect."""
        return self._by_key.get(_key(image), [])


def _first_of_name(files: list[PurePosixPath]) -> dict[PurePosixPath, PurePosixPath]:
    """Path without suffix -> the file that is the image, of those that differ by the suffix alone."""
    first: dict[PurePosixPath, PurePosixPath] = {}
    for path in sorted(files, key=lambda path: IMAGE_FIRST.index(path.suffix.lower())):
        first.setdefault(path.with_suffix(""), path)
    return first


def _is_mask(path: PurePosixPath, images: dict[PurePosixPath, PurePosixPath]) -> bool:
    bare = path.with_suffix("")
    ending = MASK_ENDING.search(bare.name)
    beside = ending is not None and bare.with_name(bare.name[: ending.start()]) in images
    mirrored = any(folder.lower() in MASK_FOLDERS for folder in path.parts[:-1])
    return mirrored or beside or images[bare] != path


def _key(path: PurePosixPath) -> _Key:
    """What an image and its mask have in common."""
    folders = [folder.lower() for folder in path.parts[:-1]]
    kept = [folder for folder in folders if folder not in MASK_FOLDERS | IMAGE_FOLDERS | {"test"}]
    return (*kept, MASK_ENDING.sub("", path.stem))


def _described(paths: list[PurePosixPath]) -> list[_Found]:
    found = []
    for path in paths:
        parts = [part for part in map(part_of, path.parts[:-1]) if part]
        telling = [
            name for name in path.parts[:-1] if not part_of(name) and name.lower() not in IMAGE_FOLDERS
        ]
        found.append((path, telling[-1] if telling else "", parts[0] if parts else None))
    prefix = _common({folder for _, folder, _ in found if folder})
    return [_Found(path, folder.removeprefix(prefix), part) for path, folder, part in found]


def _common(folders: set[str]) -> str:
    """What all begin with, up to its last `_` or `-`, or up to a number behind letters (`kos01`)."""
    if len(folders) < 2:
        return ""
    first, last = min(folders), max(folders)
    alike = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    letters = first[:alike].rstrip("0123456789")
    if all(folder.removeprefix(letters).isdigit() for folder in folders):
        return letters
    return first[: max(first.rfind("_", 0, alike), first.rfind("-", 0, alike)) + 1]


def _meaning(folders: set[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Folder -> class, and folder -> group."""
    if len(folders) > 1 and all(folder.isdigit() for folder in folders):
        return {}, {folder: folder for folder in folders}
    return {folder: folder for folder in folders}, {}


def _truth(folder: Path, image: _Found, masks: list[PurePosixPath]) -> _Truth:
    if image.good or not masks:
        return as_boxes([]), ()
    files = tuple(folder / mask for mask in masks)
    pixels = [_mask(file) for file in files]
    size = _size(folder / image.path)
    for file, own in zip(files, pixels, strict=True):
        if size is not None and own.shape != size:
            raise DataError(
                f"{file}: {own.shape[1]} x {own.shape[0]} pixels, its image {size[1]} x {size[0]}"
            )
    boxes = boxes_of(np.logical_or.reduce(pixels))
    return boxes, files if len(boxes) else ()


def boxes_of(mask: NDArray[np.bool_]) -> Boxes:
    """(H, W) -> a box around each piece, in pixels; pieces less than `CLOSING` apart are one."""
    # A border, or closing would treat the image's edge as part of the defect.
    framed = np.pad(mask.astype(np.uint8), CLOSING)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CLOSING, CLOSING))
    closed = cv2.morphologyEx(framed, cv2.MORPH_CLOSE, kernel)
    _, _, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    rows = [(x, y, x + width, y + height) for x, y, width, height, _ in stats[1:].tolist()]
    return as_boxes(rows) - np.float32(CLOSING)


def _mask(path: Path) -> NDArray[np.bool_]:
    """(H, W). Above 127 where the mask has such values, else everything but 0: some number their defects."""
    try:
        pixels = cv2.imdecode(np.frombuffer(read_bytes(path), np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise DataError(f"{path}: cannot be read as a mask: {error.err}") from error
    if pixels is None:
        raise DataError(f"{path}: cannot be read as a mask")
    grey = pixels if pixels.ndim == 2 else pixels[..., :3].max(axis=2)
    # A JPEG's zeros are not all 0.
    whole = path.suffix.lower() not in {".jpg", ".jpeg"}
    level = 0 if whole and (grey.dtype != np.uint8 or grey.max() <= 127) else 127
    return np.asarray(grey > level, np.bool_)


def _size(path: Path) -> tuple[int, int] | None:
    """Height and width; None for an image that cannot be read, which training and the check name."""
    try:
        facts = facts_of(read_bytes(path))
    except BadInput:
        return None
    return facts.height, facts.width
