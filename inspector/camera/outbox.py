"""Outbox: the folders below a watched folder, in which an image is on its way, and nowhere else in doubt.

    DIR/part-7.jpg                              the camera's software puts it here
    DIR/outbox/<time>-<key>-part-7.jpg          taken: its request stands beside it (spool.SIDECAR)
    DIR/sent/part-7.jpg                         the gateway has it
    DIR/refused/part-7.jpg, ...reason.txt       the gateway will never take it, and why

Every step is one rename, and the request is on the disk before the image is sent for the first time: killed
at any moment, the next run goes on with the same key and `captured_at`. Sent once more it is the same part.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from bisect import insort
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from inspector.camera import spool
from inspector.camera.shot import Shot
from inspector.errors import SettingsError

OUTBOX, SENT, REFUSED = "outbox", "sent", "refused"

REASON = ".reason.txt"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the outbox may hold, and what happens beyond it."""

    max_bytes: int | None = None
    max_age: timedelta | None = None
    """An image that waited longer is refused: its part has left long ago."""
    drop_oldest: bool = False
    """Over `max_bytes`: refuse the oldest. Else nothing more is taken, and files wait where they are."""


class Outbox:
    """Open it as a context manager; one process at a time."""

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        self._folder = folder
        self._bounds = bounds
        self._waiting: list[str] = []
        """File names, oldest first."""
        self._sizes: dict[str, int] = {}

    @contextmanager
    def opened(self) -> Iterator[Outbox]:
        """Raises SettingsError: the folder cannot be written, or another process watches it."""
        try:
            for name in (OUTBOX, SENT, REFUSED):
                self._place(name).mkdir(exist_ok=True)
            lock = os.open(self._place(OUTBOX) / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SettingsError(f"--watch {self._folder}: cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._recover()
            yield self
        except BlockingIOError:
            raise SettingsError(f"--watch {self._folder}: another camera watches it already") from None
        finally:
            os.close(lock)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def bytes(self) -> int:
        return sum(self._sizes.values())

    def has_room(self, size: int) -> bool:
        """Whether an image of `size` bytes may be taken; with drop_oldest always, see `overdue`."""
        limit = self._bounds.max_bytes
        return limit is None or self._bounds.drop_oldest or self.bytes + size <= limit

    def take(self, path: Path, parameters: dict[str, str], captured_at: datetime) -> str:
        """Move a whole file in, its request first; the name that it has here. Raises OSError."""
        key = uuid.uuid4().hex
        said = {"captured_at": _text(captured_at), **parameters}
        name = f"{captured_at:%Y%m%dT%H%M%S%f}-{key[:12]}-{spool.flat(path.name)}"
        target = self._place(OUTBOX) / name
        spool.write_request(target, Shot(path.name, b"", said, key=key), "on its way")
        path.rename(target)
        self._add(name)
        # Else a power cut could bring the image back to where it was, to be sent as another part.
        for folder in (self._place(OUTBOX), self._folder):
            _flush(folder)
        return name

    def oldest(self) -> str | None:
        return self._waiting[0] if self._waiting else None

    def recall(self, name: str) -> Shot:
        """The request as it was first made. Raises DataError, OSError."""
        shot = spool.recall(self._place(OUTBOX) / name)
        if shot is None:  # `_recover` and `take` leave no image without one
            raise FileNotFoundError(2, "the request beside it is gone", name)
        return replace(shot, kept=None)

    def sent(self, name: str) -> Path:
        """The gateway has it."""
        return self._leave(name, SENT)

    def refused(self, name: str, reason: str) -> Path:
        """It will not be sent; `reason` stands beside it."""
        target = self._leave(name, REFUSED)
        spool.write(Path(f"{target}{REASON}"), f"{reason}\n".encode())
        return target

    def overdue(self, now: datetime, sending: str | None = None) -> list[tuple[str, str]]:
        """(name, why) of those that the bounds say to give up, oldest first; never the one that is being
        sent, which the gateway may have by now."""
        given_up = []
        held, bounds = self.bytes, self._bounds
        for name in (name for name in self._waiting if name != sending):
            waited = now - _captured(name)
            if bounds.max_age is not None and waited > bounds.max_age:
                why = f"it waited for {_hours(waited)}, at most {_hours(bounds.max_age)} are set"
                given_up.append((name, why))
            elif bounds.drop_oldest and bounds.max_bytes is not None and held > bounds.max_bytes:
                given_up.append((name, f"the outbox was full with {bounds.max_bytes:,} bytes"))
            else:
                break
            held -= self._sizes[name]
        return given_up

    def _recover(self) -> None:
        """What an earlier run left: images with their request go on; what is half made is undone."""
        for path in sorted(self._place(OUTBOX).iterdir()):
            if path.name.endswith(spool.PARTIAL):
                path.unlink()
            elif path.name.endswith(spool.SIDECAR):
                if not path.with_name(path.name.removesuffix(spool.SIDECAR)).exists():
                    path.unlink()  # its image was not moved in yet, or is out already
            elif not path.name.startswith("."):
                self._add(path.name)

    def _add(self, name: str) -> None:
        insort(self._waiting, name)
        self._sizes[name] = (self._place(OUTBOX) / name).stat().st_size

    def _leave(self, name: str, where: str) -> Path:
        path = self._place(OUTBOX) / name
        target = _free(self._place(where) / _original(name), name)
        path.rename(target)
        spool.forget_request(path)
        self._waiting.remove(name)
        del self._sizes[name]
        return target

    def _place(self, name: str) -> Path:
        return self._folder / name


def _original(name: str) -> str:
    return name.split("-", 2)[-1]


def _captured(name: str) -> datetime:
    return datetime.strptime(name.partition("-")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)


def _free(target: Path, name: str) -> Path:
    """`target`, or beside it, where an earlier file has its name."""
    return target.with_name(name) if target.exists() else target


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _hours(time: timedelta) -> str:
    return f"{time / timedelta(hours=1):.4g} h"


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
