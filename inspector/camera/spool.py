"""Spool: a folder of images that could not be delivered, each with the request it belonged to.

    board-7.jpg                 the image, byte for byte
    board-7.jpg.delivery.json   key, parameters, and why it was kept

The key is kept because the gateway may have accepted the image although its answer was lost: sent again
with the same key it is the same part, not a second one. `inspector camera --folder SPOOL` sends it again,
and lets go of each file once it has its answer.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from inspector.camera.shot import Shot
from inspector.errors import DataError

SIDECAR = ".delivery.json"

PARTIAL = ".part"
"""Of a file that is being written."""

_LONGEST_NAME = 150
"""Characters of a kept file's name: file systems allow 255 bytes, and prefix and sidecar come on top."""


def keep(folder: Path, shot: Shot, reason: str) -> Path:
    """Write image and request; the image appears last and whole. Raises OSError (disk full, no rights)."""
    if shot.kept is not None and shot.kept.parent == folder:
        return shot.kept
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{shot.key[:8]}-{flat(shot.name)}"
    write_request(target, shot, reason)
    write(target, shot.image)
    return target


def write_request(image: Path, shot: Shot, reason: str) -> None:
    """Beside where the image stands or will stand. Raises OSError."""
    request = {"key": shot.key, "name": shot.name, "parameters": shot.parameters, "reason": reason}
    write(Path(f"{image}{SIDECAR}"), json.dumps(request, indent=2).encode())


def forget_request(image: Path) -> None:
    Path(f"{image}{SIDECAR}").unlink(missing_ok=True)


def is_kept(image: Path) -> bool:
    return Path(f"{image}{SIDECAR}").exists()


def recall(image: Path) -> Shot | None:
    """The shot that was kept as this file; None for an image like any other. Raises DataError, OSError."""
    sidecar = Path(f"{image}{SIDECAR}")
    if not is_kept(image):
        return None
    try:
        request = json.loads(sidecar.read_bytes())
        parameters = {str(name): str(value) for name, value in request["parameters"].items()}
        return Shot(str(request["name"]), image.read_bytes(), parameters, key=str(request["key"]), kept=image)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{sidecar}: is no record of a kept image ({error!r})") from error


def let_go(shot: Shot) -> None:
    """Delivered: the kept copy is no longer needed. A file that somebody removed already is no error."""
    if shot.kept is not None:
        shot.kept.unlink(missing_ok=True)
        forget_request(shot.kept)


def flat(name: str) -> str:
    """A source's name as one file name: its folders become part of it; the suffix stays at the end."""
    return name.replace("/", "__").replace("\\", "__")[-_LONGEST_NAME:]


def write(path: Path, content: bytes) -> None:
    """Whole or not at all, and on the disk: this may be the only copy when the power goes."""
    partial = path.with_name(f".{path.name}{PARTIAL}")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
