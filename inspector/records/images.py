"""Where images and maps lie: a folder, or whatever else fsspec knows (s3://bucket/prefix).

An image's path is made from its line, day and id alone, so writing it again after a crash leaves one file.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from inspector.errors import ImageGone, InspectorError, SettingsError, StoreUnavailable

DIRECTORY_MODE, FILE_MODE = 0o750, 0o640
"""Images of products: for the owner, and a group that people are put into."""


class ImageStore:
    """Touched by one thread of the archiver; the gateway reads from several."""

    def __init__(self, url: str) -> None:
        """Opens nothing. Raises SettingsError: a URL that is none, or of a kind whose package is missing."""
        try:
            self._files, root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise SettingsError(f"images cannot be kept at {url!r}: {error}") from error
        self._root = str(root)

    @property
    def folder(self) -> Path | None:
        """None where it is no folder of this machine."""
        return Path(self._root) if isinstance(self._files, LocalFileSystem) else None

    def put(self, path: str, content: bytes) -> None:
        """Durable when it returns. Raises StoreUnavailable."""
        with self._translated(f"{path} cannot be kept"):
            if self.folder is not None:
                _write(self.folder / path, content)
            else:
                self._files.pipe_file(self._full(path), content)

    def get(self, path: str) -> bytes:
        """Raises ImageGone, StoreUnavailable."""
        with self._translated(f"{path} cannot be read"):
            try:
                return bytes(self._files.cat_file(self._full(path)))
            except FileNotFoundError:
                raise ImageGone(f"{path} is no longer kept") from None

    def delete(self, paths: Iterable[str]) -> None:
        """What is not there is as good as deleted. Raises StoreUnavailable."""
        for path in paths:
            with self._translated(f"{path} cannot be deleted"), suppress(FileNotFoundError):
                self._files.rm_file(self._full(path))

    @contextmanager
    def _translated(self, failed: str) -> Iterator[None]:
        try:
            yield
        except InspectorError:
            raise
        except OSError as error:
            raise StoreUnavailable(f"{failed}: {error.strerror or error}") from error
        except Exception as error:
            # What is behind fsspec has errors of its own kind (botocore's are no OSError); all of them say no
            # more than that it could not be done now. A fault of our own code comes out as itself.
            if self.folder is not None or type(error).__module__ == "builtins":
                raise
            raise StoreUnavailable(f"{failed}: {error}") from error

    def disk_bytes(self) -> int | None:
        """Of the disk that the folder lies on, all in all; None where there is none."""
        if self.folder is None:
            return None
        self.folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        disk = os.statvfs(self.folder)
        return disk.f_frsize * disk.f_blocks

    def _full(self, path: str) -> str:
        return posixpath.join(self._root, path)


def path_of(line: str, received_ms: int, inspection_id: str, ending: str) -> str:
    """Of one file. `line` is a Name: nothing in it leads out of the store."""
    day = datetime.fromtimestamp(received_ms / 1000, UTC)
    return f"{line}/{day:%Y/%m/%d/%H}/{inspection_id}.{ending}"


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all, and on the disk: the queue lets go of it afterwards."""
    file.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
