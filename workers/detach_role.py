"""The role `detach`: the queue does without an archiver from now on. A person runs it, once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from inspector.errors import SettingsError
from inspector.queue import connect
from inspector.queue.base import Archive
from inspector.queue.settings import QueueSettings
from workers.flags import flags_of, own_name

log = logging.getLogger("workers")

AT_ONCE = 100
"""Results that are let go of in one round trip."""

AT_ONCE_ONLY = timedelta(0)
"""Nothing is waited for, and what another archiver holds is taken from it: none runs."""


class DetachSettings(QueueSettings):
    """Ends the archiver of a queue for good: results wait for none any more, and no image is held for one.

    Stop all archivers first. What they have not recorded stays with them, unless it is thrown away here.

    Example: python -m workers detach --redis-url redis://queue:6379/0
    """

    model_config = SettingsConfigDict(
        cli_prog_name="python -m workers detach",
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
        cli_implicit_flags=True,
    )

    discard: bool = Field(
        False, description="Let go of results that wait to be recorded: they will be in no records."
    )


def run(flags: Sequence[str]) -> bool:
    settings = flags_of(DetachSettings, flags)
    archive = connect.archive(settings.redis_url, own_name(), settings.budgets, AT_ONCE_ONLY, settings.shards)
    try:
        discarded = detach(archive, discard=settings.discard)
    finally:
        archive.close()
    log.info("the queue has no archiver any more; %d results were let go of unrecorded", discarded)
    return True


def detach(archive: Archive, *, discard: bool) -> int:
    """How many results were let go of. Raises SettingsError: an archiver runs, or results wait."""
    gone = 0
    while True:
        left = archive.detach()
        if left.running:
            raise SettingsError(f"the archiver {left.running} runs on this queue: stop it first")
        if not left.waiting:
            return gone
        if not discard:
            raise SettingsError(
                f"{left.waiting} results wait to be recorded: let an archiver do that, or give --discard"
            )
        batch = archive.take(AT_ONCE, AT_ONCE_ONLY) or archive.sweep(AT_ONCE)
        archive.archived(batch)
        gone += len(batch)
