"""Every setting of an archiver: variables INSPECTOR_<NAME>, and flags of `python -m workers archive`."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from inspector.errors import SettingsError
from inspector.messages.names import Name
from inspector.queue.settings import Port, QueueSettings
from inspector.records.settings import RecordsSettings
from workers.flags import flags_of, own_name


class ArchiveSettings(RecordsSettings, QueueSettings):
    """Writes every result into a database of records, and copies out the images that retention keeps.

    Example: python -m workers archive --database-url sqlite:///records.db --images-url images
    """

    model_config = SettingsConfigDict(
        cli_prog_name="python -m workers archive",
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
    )

    name: Name = Field(default_factory=own_name, description="Unique among living workers.")
    metrics_port: Port = Field(
        0, description="Port of /metrics, /healthz and /readyz; 0 takes a free one and logs it."
    )
    archive_batch: int = Field(
        100, ge=1, le=1000, description="Most results that are written in one transaction."
    )


def load(flags: Sequence[str] = ()) -> ArchiveSettings:
    """As workers.settings.load; SettingsError, too, without a database."""
    settings = flags_of(ArchiveSettings, flags)
    if not settings.database_url:
        raise SettingsError("--database-url (INSPECTOR_DATABASE_URL): an archiver needs a database")
    return settings
