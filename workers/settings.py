"""Every setting of a worker: variables INSPECTOR_<NAME>, and flags of `python -m workers inspect`.

A flag wins over its variable. A field's description is its documentation.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from inspector.errors import SettingsError
from inspector.imaging.opencv import MAX_PIXELS
from inspector.messages.names import Name
from inspector.queue.base import Budgets
from inspector.queue.connect import MIN_IDLE

_BUDGETS = Budgets()

Port = Annotated[int, Field(ge=0, le=65_535)]


def _split(value: object) -> object:
    """INSPECTOR_LINES=L1,L2: shells and compose files write lists like that, not as JSON."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def _own_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


class InspectSettings(BaseSettings):
    """Takes images from the queue, inspects them, and records the results.

    Example: python -m workers inspect --redis-url redis://127.0.0.1:6379/0 --model default
    """

    # extra="ignore": the gateway's INSPECTOR_ variables often stand in the same environment.
    model_config = SettingsConfigDict(
        env_prefix="INSPECTOR_",
        extra="ignore",
        frozen=True,
        cli_prog_name="python -m workers inspect",
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
    )

    redis_url: str = Field("redis://127.0.0.1:6379/0", description="Where Redis or Valkey answers.")
    model: str = Field("default", description="Folder of the model bundle; default is the shipped one.")
    engine: str = Field("auto", description="auto, openvino or torch.")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:0, ...")
    name: Name = Field(default_factory=_own_name, description="Unique among living workers.")
    metrics_host: str = Field("127.0.0.1", description="Address of the metrics port; 0.0.0.0 for all.")
    metrics_port: Port = Field(
        0, description="Port of /metrics, /healthz and /readyz; 0 takes a free one and logs it."
    )
    lines: Annotated[tuple[Name, ...], NoDecode, BeforeValidator(_split)] = Field(
        ("default",),
        description="Lines that are metric labels, comma-separated; any other counts under `other`.",
    )

    batch_size: int = Field(4, ge=1, le=256, description="Most images in one run of the model.")
    threads: int = Field(0, ge=0, description="CPU threads of the engine; 0 leaves it to the engine.")
    readers: int = Field(2, ge=1, le=64, description="Threads that decode images.")
    max_image_pixels: int = Field(MAX_PIXELS, gt=0, description="Most pixels that are decoded.")

    min_idle_s: float = Field(
        MIN_IDLE.total_seconds(),
        gt=0,
        description="Seconds without a heartbeat after which another worker takes an image over. "
        "The same for all workers of a queue.",
    )
    max_lease_s: float = Field(
        120.0, gt=0, description="Seconds after which an image that is still computed counts as hung."
    )
    drain_s: float = Field(
        20.0, gt=0, description="Seconds to finish and record what is under way when stopped."
    )

    recent_bytes: int = Field(
        _BUDGETS.recent_bytes, ge=0, description="Bytes of finished images and maps that are still shown."
    )
    forget_after_h: float = Field(
        _BUDGETS.forget_after / timedelta(hours=1), gt=0, description="Hours that an id is known."
    )
    results_kept_min: float = Field(
        _BUDGETS.results_kept / timedelta(minutes=1),
        gt=0,
        description="Minutes of results that a live reader can catch up on after a break.",
    )

    @property
    def budgets(self) -> Budgets:
        return Budgets(
            recent_bytes=self.recent_bytes,
            forget_after=timedelta(hours=self.forget_after_h),
            results_kept=timedelta(minutes=self.results_kept_min),
        )

    @property
    def min_idle(self) -> timedelta:
        return timedelta(seconds=self.min_idle_s)


def load(flags: Sequence[str] = ()) -> InspectSettings:
    """From the environment and flags. Raises SettingsError, naming the flag; --help and a wrong flag exit."""
    try:
        return InspectSettings(_cli_parse_args=list(flags))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        flag = name.replace("_", "-")
        raise SettingsError(f"--{flag} (INSPECTOR_{name.upper()}): {first['msg']}") from error
