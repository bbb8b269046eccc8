"""The key file: JSON, read whole or not at all, replaced whole by one writer at a time.

It holds no secret (keys.py), yet what is written to it decides who gets in: it is made for its owner alone,
and a replacement keeps the owner and rights that it was given.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from inspector.access.keys import KeySet
from inspector.errors import SettingsError

LARGEST_BYTES = 4 << 20
"""Some ten thousand keys; what is larger is another file by mistake."""


def read(path: Path) -> KeySet:
    """Raises SettingsError: not there, not readable, not whole, not a key file."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise SettingsError(f"the key file {path} is not there: make it with `inspector keys add`") from None
    except OSError as error:
        raise SettingsError(f"the key file {path} cannot be read: {error.strerror}") from error
    if len(text) > LARGEST_BYTES:
        raise SettingsError(
            f"the key file {path} has more than {LARGEST_BYTES >> 20} MiB: is it another file?"
        )
    try:
        return KeySet.model_validate_json(text)
    except ValidationError as error:
        # include_input=False: nothing of the file's content goes into a log.
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SettingsError(f"the key file {path} is broken: {place}: {first['msg']}") from error


@dataclass
class Change:
    """What a writer holds: `keys` as they are. Set them anew; they are written when the block ends well."""

    keys: KeySet


@contextmanager
def changing(path: Path, *, create: bool = False) -> Iterator[Change]:
    """Hold off other writers, read, and write what the block made of it. With `create` a missing file is an
    empty one. Raises SettingsError."""
    lock = path.with_name(f".{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError(f"the folder of {path} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        change = Change(KeySet() if create and not path.exists() else read(path))
        before = change.keys
        yield change
        if change.keys != before:
            _replace(path, change.keys)
    finally:
        os.close(descriptor)  # and the lock with it


def _replace(path: Path, keys: KeySet) -> None:
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("w", encoding="utf-8") as file:
            _like(path, file.fileno())
            file.write(keys.model_dump_json(indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise SettingsError(f"the key file {path} cannot be written: {error.strerror}") from error


def _like(path: Path, descriptor: int) -> None:
    """The rights of the file that is replaced; of a new one: its owner's alone."""
    if not path.exists():
        os.fchmod(descriptor, 0o600)
        return
    old = path.stat()
    os.fchmod(descriptor, old.st_mode & 0o777)
    with suppress(PermissionError):  # only root may give a file away; anybody else owned it before
        os.fchown(descriptor, old.st_uid, old.st_gid)
