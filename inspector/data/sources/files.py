"""What all formats need of files: images of a folder, text, names and groups from paths."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from inspector.data.sources.parts import Part
from inspector.errors import DataError

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
"""What counts as an image of the data. Not all of them can be read: the rest must be found to be named."""

GOOD = {
    *("good", "ok", "free", "normal", "perfect", "pass", "passed", "intact", "undamaged"),
    *("defect_free", "defectfree", "no_defect", "no_defects", "non_defective", "nondefective"),
}
"""Folder names (as `plain` writes them) that say: no defect here."""

_GOOD_FIRST = {"good", "ok"}
_ODD_BEHIND = {
    *("not", "no", "non", "but", "with", "and", "or"),
    *("bad", "ng", "ko", "nok", "defect", "defects", "defective"),
}
"""`ok_front` is good; `ok_but_scratched` and `good_ng` are not to be taken for it."""

IMAGE_FOLDERS = {"images", "image", "imgs", "img", "data"}
"""Folder names that say only: here are images."""

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


def plain(folder: str) -> str:
    """One spelling of a folder's name: `Defect-Free`, `defect free` -> `defect_free`."""
    return re.sub(r"[\s_.-]+", "_", folder.strip().lower())


def is_good(folder: str) -> bool:
    """Whether a folder of that name holds good images: `good`, `OK`, `ok_front`; not `not_ok`, `good_ng`."""
    name = plain(folder)
    first, *behind = name.split("_")
    return name in GOOD or (first in _GOOD_FIRST and len(behind) == 1 and behind[0] not in _ODD_BEHIND)


def images_under(folder: Path) -> list[Path]:
    """All image files below, in a stable order; hidden ones (as macOS leaves behind) are none."""
    return sorted(
        path
        for path in files_under(folder)
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def files_under(folder: Path) -> Iterator[Path]:
    """Linked folders too, which rglob passes over; once each, so that a link to above does not go round."""
    seen: set[Path] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        # The folder itself, and so on down: a folder that was seen under another name is not seen again.
        here = Path(place).resolve()
        if here in seen:
            folders.clear()
            continue
        seen.add(here)
        folders.sort()
        yield from (Path(place, name) for name in files)


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
    named = any(map(is_good, distinct)) or distinct & {name.lower() for name in classes}
    if len(distinct) < FEWEST_GROUPS or named:
        return [""] * len(names)
    return folders
