"""What all formats need of files: images of a folder, text, names and groups from paths."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path, PurePosixPath

from inspector.data.sources.parts import Part
from inspector.errors import DataError

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
"""What counts as an image of the data. Not all of them can be read: the rest must be found to be named."""

GOOD = {"good", "ok", "free", "normal", "defect_free", "defect-free", "no_defect", "no-defect"}
"""Folder names (in small letters) that say: no defect here."""

FEWEST_GROUPS = 5
"""Folders from which on each is taken for a board or lot; fewer are more likely a way of keeping files."""

_PART_WORDS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "trainval": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def part_of(word: str) -> Part | None:
    """The part that a folder or file named by this one word holds."""
    return _PART_WORDS.get(word.lower())


def part_within(name: str) -> Part | None:
    """The part that a longer name tells, as in `instances_val2017`; None if it names none, or several."""
    parts = {part_of(word) for word in re.split(r"[^A-Za-z]+", name)} - {None}
    return parts.pop() if len(parts) == 1 else None


def images_under(folder: Path) -> list[Path]:
    """All image files below, in a stable order; hidden ones (as macOS leaves behind) are none."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def read_text(path: Path) -> str:
    """Raises DataError, naming the file."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text: {error.reason} at byte {error.start}") from error


def names_of(paths: Iterable[str]) -> list[str]:
    """Paths with `/` -> names: without the suffix, unless two of them differ by that alone."""
    listed = list(paths)
    bare = [PurePosixPath(path).with_suffix("").as_posix() for path in listed]
    seen = Counter(bare)
    return [name if seen[name] == 1 else path for name, path in zip(bare, listed, strict=True)]


def groups_of(names: Sequence[str], classes: Collection[str]) -> list[str]:
    """The folder of each name, where folders tell boards or lots apart: several, none named like a class."""
    folders = [PurePosixPath(name).parent.name for name in names]
    distinct = {folder.lower() for folder in folders}
    if len(distinct) < FEWEST_GROUPS or distinct & (GOOD | {name.lower() for name in classes}):
        return [""] * len(names)
    return folders
