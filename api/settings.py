"""Every setting of the gateway: environment variables INSPECTOR_<NAME>, and options of `python -m api`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from inspector.decision.recipes import SHIPPED
from inspector.errors import SettingsError
from inspector.messages.names import Name
from inspector.queue.base import Budgets


def _split(value: object) -> object:
    """INSPECTOR_LINES=L1,L2: shells and compose files write lists like that, not as JSON."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


_BUDGETS = Budgets()

Port = Annotated[int, Field(ge=0, le=65_535)]


class Settings(BaseSettings):
    """Frozen. A field's description is its documentation; a test holds the docs to it."""

    # extra="ignore": the worker's INSPECTOR_ variables often stand in the same environment.
    model_config = SettingsConfigDict(env_prefix="INSPECTOR_", extra="ignore", frozen=True)

    redis_url: str = Field("redis://127.0.0.1:6379/0", description="Where Redis or Valkey answers.")
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all.")
    port: Port = Field(8000, description="Port of the API and the page; 0 takes a free one.")
    metrics_host: str = Field("127.0.0.1", description="Address of the metrics port; 0.0.0.0 for all.")
    metrics_port: Port = Field(9100, description="Port of /metrics; 0 takes a free one.")
    recipes_dir: Path = Field(SHIPPED, description="Folder of recipe files (TOML), read at start.")
    lines: Annotated[tuple[Name, ...], NoDecode, BeforeValidator(_split)] = Field(
        ("default",),
        description="Lines that are metric labels, comma-separated. Any other counts under `other`, so that "
        "a client cannot grow the metrics without end.",
    )

    max_image_bytes: int = Field(32 << 20, gt=0, description="Largest image that is accepted, in bytes.")
    max_image_pixels: int = Field(64_000_000, gt=0, description="Most pixels that an image may claim.")
    body_timeout_s: float = Field(
        60.0, gt=0, description="Seconds within which a request body must have come as a whole."
    )
    max_wait_s: int = Field(60, ge=0, description="Longest time, in seconds, that Prefer: wait= is granted.")
    max_viewers: int = Field(100, ge=1, description="Live streams (/v1/events) that are served at once.")
    viewer_buffer: int = Field(
        256, ge=1, description="Events that a slow live stream may lag behind before it is ended."
    )
    keep_alive_s: float = Field(
        15.0,
        gt=0,
        description="Seconds of silence after which a live stream gets a comment; below the idle "
        "time of usual proxies (60 s).",
    )
    status_refresh_s: float = Field(
        1.0, gt=0, description="Seconds between two looks at the queue for the metrics."
    )
    shutdown_s: float = Field(
        10.0, gt=0, description="Seconds that requests under way get to end when the gateway is stopped."
    )

    queue_max_bytes: int = Field(
        _BUDGETS.max_bytes, gt=0, description="Bytes of accepted, unfinished images; beyond it is 503."
    )
    queue_max_depth: int = Field(
        _BUDGETS.max_depth, gt=0, description="Images waiting and in flight; beyond it is 503."
    )
    recent_bytes: int = Field(
        _BUDGETS.recent_bytes, ge=0, description="Bytes of finished images and maps that are still shown."
    )
    forget_after_h: float = Field(
        _BUDGETS.forget_after / timedelta(hours=1),
        gt=0,
        description="Hours that an id and an Idempotency-Key are known.",
    )
    results_kept_min: float = Field(
        _BUDGETS.results_kept / timedelta(minutes=1),
        gt=0,
        description="Minutes of results that a live reader can catch up on after a break.",
    )

    @property
    def budgets(self) -> Budgets:
        return Budgets(
            max_bytes=self.queue_max_bytes,
            max_depth=self.queue_max_depth,
            recent_bytes=self.recent_bytes,
            forget_after=timedelta(hours=self.forget_after_h),
            results_kept=timedelta(minutes=self.results_kept_min),
        )


def load(**given: Any) -> Settings:
    """Settings from the environment, `given` (options) first. Raises SettingsError, naming the field."""
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{name} (INSPECTOR_{name.upper()}): {first['msg']}") from error
