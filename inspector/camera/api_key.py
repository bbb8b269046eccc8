"""ApiKey: the key that a camera shows to its gateway, from a file or the environment."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from inspector.errors import SettingsError

VARIABLE = "INSPECTOR_API_KEY"

_KEY = re.compile(r"[\x21-\x7e]{16,512}")
"""Printable ASCII without a space: what may stand in the header."""


class ApiKey:
    """`text` is the key now. `renewed` reads its file again: a new key needs no restart."""

    def __init__(self, text: str, file: Path | None = None) -> None:
        self.text = text
        self._file = file

    def renewed(self) -> bool:
        """Whether the file holds another key by now: then `text` is that. Ask when one was refused."""
        before = self.text
        if self._file is not None:
            with suppress(SettingsError):  # it is being written: the refusal stands, the next one asks again
                self.text = _read(self._file)
        return self.text != before


def find(file: Path | None) -> ApiKey | None:
    """The key of `file` if given, else of the environment; None without either. Raises SettingsError."""
    if file is not None:
        return ApiKey(_read(file), file)
    text = os.environ.get(VARIABLE)
    return None if text is None else ApiKey(_checked(text, VARIABLE))


def _read(file: Path) -> str:
    try:
        return _checked(file.read_text(encoding="utf-8"), f"--api-key-file {file}")
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is not a text file"
        raise SettingsError(f"--api-key-file {file}: cannot be read: {words}") from error


def _checked(text: str, origin: str) -> str:
    """What is no key is neither sent nor shown: it may be any other secret."""
    key = text.strip()
    if not _KEY.fullmatch(key):
        raise SettingsError(f"{origin}: does not hold one API key alone, as `inspector keys add` prints it")
    return key
