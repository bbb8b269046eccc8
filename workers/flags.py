"""What the settings of every role share: a name of their own, and how flags are read."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import TypeVar

from pydantic import ValidationError

from inspector.errors import SettingsError
from inspector.queue.settings import QueueSettings

S = TypeVar("S", bound=QueueSettings)


def own_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


def flags_of(kind: type[S], flags: Sequence[str]) -> S:
    """From the environment and flags. Raises SettingsError, naming the flag; --help and a wrong flag exit."""
    try:
        return kind(_cli_parse_args=list(flags))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        flag = name.replace("_", "-")
        raise SettingsError(f"--{flag} (INSPECTOR_{name.upper()}): {first['msg']}") from error
