"""`python -m workers ROLE [flags]`: runs a worker of that role, and says how it ended.

inspect   images -> results (inspect_role.py)
archive   results -> records and kept images (archive_role.py); neither model nor torch
mean      makes the mean images that are due, and ends (mean_role.py); the archiver starts it
detach    the queue does without an archiver from now on (detach_role.py); ends at once

Exit codes: 0 stopped and drained; 1 it could not start (one line says why) or did not end well;
2 wrong flags.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from inspector import logs
from inspector.errors import InspectorError

if TYPE_CHECKING:
    from inspector.engines.pipeline import Pipeline
    from workers.settings import InspectSettings

USAGE = "usage: python -m workers ROLE [--help] [flags]"


Role = Callable[[Sequence[str]], bool]
"""Runs with these flags; whether it ended well."""


def main(arguments: Sequence[str], roles: Mapping[str, Role] | None = None) -> int:
    roles = roles or ROLES
    logs.configure("info")
    if not arguments or arguments[0] not in roles:
        sys.stderr.write(f"{USAGE}\nroles: {', '.join(roles)}\n")
        return 0 if arguments in (["--help"], ["-h"]) else 2
    try:
        return 0 if roles[arguments[0]](arguments[1:]) else 1
    except InspectorError as error:
        sys.stderr.write(f"error: {error}. {error.advice}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def inspect(flags: Sequence[str], load_pipeline: Callable[[InspectSettings], Pipeline] | None = None) -> bool:
    """Whether it ended well. `load_pipeline` instead of the bundle on the engine that the settings name."""
    from workers import inspect_role  # noqa: PLC0415 - the model's libraries are this role's alone

    return inspect_role.run(flags, load_pipeline)


def archive(flags: Sequence[str]) -> bool:
    from workers import archive_role  # noqa: PLC0415 - as above: the database's are this one's

    return archive_role.run(flags)


def mean(flags: Sequence[str]) -> bool:
    from workers import mean_role  # noqa: PLC0415 - as above: OpenCV is this one's

    return mean_role.run(flags)


def detach(flags: Sequence[str]) -> bool:
    from workers import detach_role  # noqa: PLC0415 - as above

    return detach_role.run(flags)


ROLES: Mapping[str, Role] = {"inspect": inspect, "archive": archive, "detach": detach, "mean": mean}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
