"""Source: the image files of a folder, in the order of their names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from inspector.camera import spool
from inspector.camera.shot import Frame, Placement, Shot
from inspector.errors import DataError
from inspector.messages.names import Label

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"}

_LONGEST_LABEL = 128
"""Characters of a part id, by the rule of `messages.names.Label`."""


class FolderSource:
    """Each matching file once. Files are found at the start and read when their turn comes."""

    def __init__(self, folder: Path, placement: Placement, *, pattern: str | None = None) -> None:
        """`pattern` is a glob below the folder (`**/*_test.jpg`); without it, all image files right in it.

        Raises DataError: no such folder, nothing in it that matches.
        """
        if not folder.is_dir():
            raise DataError(f"{folder}: is not a folder")
        self._folder = folder
        self._placement = placement
        self._files = sorted(_matching(folder, pattern))
        if not self._files:
            wanted = pattern or "*" + ", *".join(sorted(SUFFIXES))
            raise DataError(f"{folder}: holds no file that matches {wanted}")

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Frame]:
        for path in self._files:
            name = path.relative_to(self._folder).as_posix()
            yield Frame(name, partial(_read, path, name, self._placement))


def _matching(folder: Path, pattern: str | None) -> Iterator[Path]:
    try:
        found = list(folder.glob("*" if pattern is None else pattern))
    except (ValueError, NotImplementedError) as error:  # "", "/absolute", "**.jpg"
        raise DataError(f"--glob {pattern!r}: {error}; a pattern looks like '**/*.jpg'") from error
    for path in found:
        wanted = _is_image(path) if pattern is None else not path.name.endswith(spool.SIDECAR)
        if wanted and path.is_file():
            yield path


def _is_image(path: Path) -> bool:
    """By its name, or because a spool has kept it, whatever its source called it."""
    return path.suffix.lower() in SUFFIXES or spool.is_kept(path)


def _read(path: Path, name: str, placement: Placement) -> Shot:
    try:
        # The file's own time: when the camera wrote it, not when this program came by.
        captured = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="milliseconds")
        return spool.recall(path) or Shot(
            name,
            path.read_bytes(),
            {
                **placement.parameters(),
                "captured_at": captured.replace("+00:00", "Z"),
                "part_id": part_id(path.stem),
            },
        )
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror}") from error


def part_id(stem: str) -> Label:
    """A file's name as a part id: what a label may not hold becomes `_`."""
    return "".join(char if char.isprintable() else "_" for char in stem)[:_LONGEST_LABEL] or "_"
