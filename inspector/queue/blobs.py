"""The blob store: a folder for images that are too large for the queue's server (a claim check).

    .inspector-blobs    says that this is the store, and of which queue: a share that is not mounted lacks it
    .<random>.part      an image that is being received
    <id>                one that is whole: in the queue, or about to be

What may be deleted says the queue alone (base.Disposal). A file is there before its image is submitted, and
leaves after the queue has let go of it. Standard library only: the gateway writes here.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

from inspector.errors import ImageGone, StoreUnavailable

T = TypeVar("T")

MARK = ".inspector-blobs"

DIRECTORY_MODE, FILE_MODE = 0o750, 0o640
"""Images of products: for the owner, and a group that people are put into."""

_IMAGE = re.compile(r"[0-9a-f]{32}")
_PART = re.compile(r"\.[0-9a-f]{32}\.part")


class Content:
    """Of an open file, as of bytes: `len(content)`, `content[start:end]`. Read is what is asked for."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._length = os.fstat(descriptor).st_size

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, piece: slice) -> bytes:
        start, end, _ = piece.indices(self._length)
        return os.pread(self._descriptor, max(0, end - start), start)


@dataclass(frozen=True, slots=True)
class Blob:
    """An image that lies in the store. It has a length, as the bytes that it stands for."""

    path: Path
    size: int

    def __len__(self) -> int:
        return self.size

    def open(self) -> BinaryIO:
        """From then on it can be read to its end, whoever deletes it. Raises ImageGone: not there, or not
        whole; StoreUnavailable, also where this folder is not the store."""
        with _translated(f"image {self.path.name} cannot be read"):
            try:
                file = self.path.open("rb")
            except FileNotFoundError:
                _require_mark(self.path.parent)
                raise ImageGone(f"image {self.path.name} is not in the blob store") from None
            length = os.fstat(file.fileno()).st_size
            if length != self.size:
                file.close()
                raise ImageGone(f"image {self.path.name} has {length:,} of {self.size:,} bytes")
            return file

    def read(self) -> bytes:
        """All of it. Raises as `open`."""
        with self.open() as file, _translated(f"image {self.path.name} cannot be read"):
            return file.read()

    def look(self, read: Callable[[Content], T]) -> T:
        """What `read` finds in it, without all of it in memory. Raises as `open`, and what `read` raises."""
        with self.open() as file:
            return read(Content(file.fileno()))


class Usage(NamedTuple):
    files: int
    bytes: int
    free: int
    """Bytes on its disk, for others than root."""


class BlobStore:
    """From any thread. `durable`: what is kept is on the disk before it is said to be."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        """Opens nothing."""
        self.folder = folder
        self._durable = durable

    def prepare(self) -> None:
        """Make the folder, and mark it as the store. Raises StoreUnavailable."""
        with _translated(f"{self.folder} cannot be the blob store"):
            self.folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            (self.folder / MARK).touch(FILE_MODE)
            if self._durable:
                _sync(self.folder)
                _sync(self.folder.parent)

    def claim(self, queue: str, *, holds: bool = False) -> bool:
        """Whether it is the store of the queue of that mark: it says so, or belongs to nobody, or holds
        nothing of the queue that it belonged to. If the queue `holds` images in its store, that is another
        one: a share that is not mounted leaves an empty folder. Raises StoreUnavailable."""
        mark = self.folder / MARK
        with _translated("the blob store cannot be seen"):
            owner = mark.read_text("ascii")
            if owner == queue:
                return True
            if holds or (owner and self._files()):
                return False
            partial = mark.with_suffix(f".{secrets.token_hex(8)}")
            partial.write_text(queue, "ascii")
            partial.replace(mark)
            return True

    def blob(self, inspection_id: str, size: int) -> Blob:
        """Where that image lies, whether it is there or not."""
        return Blob(self.folder / inspection_id, size)

    def begin(self) -> Incoming:
        return Incoming(self.folder, durable=self._durable)

    def delete(self, inspection_ids: Iterable[str]) -> None:
        """What is not there is as good as deleted. Raises StoreUnavailable."""
        with _translated("an image cannot be deleted"):
            for one in inspection_ids:
                (self.folder / one).unlink(missing_ok=True)

    def abandoned(self, age: timedelta) -> list[str]:
        """The ids of images that have lain here for longer: most of them are needed. Parts that nobody has
        written to for so long are deleted. Raises StoreUnavailable."""
        before = time.time() - age.total_seconds()
        old = [entry for entry, status in self._files() if status.st_mtime < before]
        with _translated("a part cannot be deleted"):
            for entry in old:
                if _PART.fullmatch(entry.name):
                    Path(entry.path).unlink(missing_ok=True)
        return sorted(entry.name for entry in old if _IMAGE.fullmatch(entry.name))

    def usage(self) -> Usage:
        """Raises StoreUnavailable."""
        sizes = [status.st_size for _, status in self._files()]
        with _translated("the blob store cannot be seen"):
            disk = os.statvfs(self.folder)
        return Usage(len(sizes), sum(sizes), disk.f_bavail * disk.f_frsize)

    def _files(self) -> list[tuple[os.DirEntry[str], os.stat_result]]:
        """Images and parts; whatever else somebody put here is not looked at."""
        found = []
        with _translated("the blob store cannot be seen"), os.scandir(self.folder) as entries:
            for entry in entries:
                if _IMAGE.fullmatch(entry.name) or _PART.fullmatch(entry.name):
                    with suppress(FileNotFoundError):  # it left meanwhile
                        found.append((entry, entry.stat(follow_symlinks=False)))
        return found


class Incoming:
    """One image on its way into the store. Calls from several threads wait for each other."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        """Opens nothing."""
        self.size = 0
        self._folder, self._durable = folder, durable
        self._path = folder / f".{secrets.token_hex(16)}.part"
        self._hashed = sha256()
        self._descriptor: int | None = None
        self._discarded = False
        self._lock = threading.Lock()

    @property
    def sha256(self) -> str:
        """Hex, of what was written."""
        return self._hashed.hexdigest()

    def write(self, pieces: Sequence[bytes]) -> None:
        """Raises StoreUnavailable: a full disk, or it was discarded."""
        with self._lock, _translated("the image cannot be stored"):
            descriptor = self._opened()
            for piece in pieces:
                _write(descriptor, piece)
                self._hashed.update(piece)
                self.size += len(piece)

    def look(self, read: Callable[[Content], T]) -> T:
        """What `read` finds in what was written, without all of it in memory."""
        with self._lock:
            return read(Content(self._opened()))

    def keep(self, inspection_id: str) -> Blob:
        """Whole, under its name, and on the disk where the store is durable. Raises StoreUnavailable."""
        with self._lock, _translated("the image cannot be stored"):
            descriptor = self._opened()
            _require_mark(self._folder)  # a share that was unmounted leaves a folder that no worker sees
            if self._durable:
                os.fsync(descriptor)
            self._path = self._path.rename(self._folder / inspection_id)
            if self._durable:
                _sync(self._folder)
            self._close()
            return Blob(self._path, self.size)

    def discard(self) -> None:
        """Nothing of it stays, also of what was kept. Raises StoreUnavailable."""
        with self._lock, _translated("an image cannot be deleted"):
            self._discarded = True
            self._close()
            self._path.unlink(missing_ok=True)

    def _opened(self) -> int:
        if self._discarded:
            raise StoreUnavailable("the image was given up")
        if self._descriptor is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, FILE_MODE)
        return self._descriptor

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def require(store: BlobStore | None) -> BlobStore:
    """Of a process that meets an image that lies in one. Raises StoreUnavailable."""
    if store is None:
        raise StoreUnavailable("the image lies in the blob store, and INSPECTOR_BLOBS is not set here")
    return store


def _require_mark(folder: Path) -> None:
    if not (folder / MARK).exists():
        raise StoreUnavailable(
            f"{folder} is not the blob store: not mounted, or INSPECTOR_BLOBS names another one"
        )


def _write(descriptor: int, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(failed: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"{failed}: {error.strerror or error}") from error
