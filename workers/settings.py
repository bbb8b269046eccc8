"""Every setting of a worker: variables INSPECTOR_<NAME>, and flags of `python -m workers ROLE`.

A flag wins over its variable. A field's description is its documentation.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import SettingsConfigDict

from inspector.errors import SettingsError
from inspector.imaging.opencv import MAX_PIXELS
from inspector.messages.names import Name
from inspector.queue.settings import Port, QueueSettings
from inspector.records.settings import RecordsSettings

S = TypeVar("S", bound=QueueSettings)


def _own_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


class InspectSettings(QueueSettings):
    """Takes images from the queue, inspects them, and records the results.

    Example: python -m workers inspect --redis-url redis://127.0.0.1:6379/0 --model default
    """

    model_config = SettingsConfigDict(
        cli_prog_name="python -m workers inspect",
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
    )

    model: str = Field("default", description="Folder of the model bundle; default is the shipped one.")
    engine: str = Field("auto", description="auto, openvino or torch.")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:0, ...")
    precision: str = Field(
        "auto", description="auto, f32, bf16 or int8. auto is f32, unless another one changed no verdict."
    )
    name: Name = Field(default_factory=_own_name, description="Unique among living workers.")
    metrics_port: Port = Field(
        0, description="Port of /metrics, /healthz and /readyz; 0 takes a free one and logs it."
    )

    batch_size: int = Field(
        4, ge=1, le=256, description="Most images in one run of the model; one in tiles runs alone."
    )
    threads: int = Field(0, ge=0, description="CPU threads of the engine; 0 leaves it to the engine.")
    readers: int = Field(2, ge=1, le=64, description="Threads that decode images.")
    memory_limit_mb: int = Field(
        0,
        ge=0,
        description="Most memory that this worker may allocate, in MiB; an image that needs more fails. 0: "
        "no limit of its own.",
    )
    max_image_pixels: int = Field(MAX_PIXELS, gt=0, description="Most pixels that are decoded.")

    max_lease_s: float = Field(
        120.0, gt=0, description="Seconds that one run of the model may take before it counts as hung."
    )
    drain_s: float = Field(
        20.0, gt=0, description="Seconds to finish and record what is under way when stopped."
    )


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

    name: Name = Field(default_factory=_own_name, description="Unique among living workers.")
    metrics_port: Port = Field(
        0, description="Port of /metrics, /healthz and /readyz; 0 takes a free one and logs it."
    )
    archive_batch: int = Field(
        100, ge=1, le=1000, description="Most results that are written in one transaction."
    )


def load(flags: Sequence[str] = ()) -> InspectSettings:
    """From the environment and flags. Raises SettingsError, naming the flag; --help and a wrong flag exit."""
    return _load(InspectSettings, flags)


def load_archive(flags: Sequence[str] = ()) -> ArchiveSettings:
    """As `load`."""
    settings = _load(ArchiveSettings, flags)
    if not settings.database_url:
        raise SettingsError(
            "--database-url (INSPECTOR_DATABASE_URL): an archiver needs a database to write to"
        )
    return settings


def _load(kind: type[S], flags: Sequence[str]) -> S:
    try:
        return kind(_cli_parse_args=list(flags))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        flag = name.replace("_", "-")
        raise SettingsError(f"--{flag} (INSPECTOR_{name.upper()}): {first['msg']}") from error
