"""Every setting of the gateway: environment variables INSPECTOR_<NAME>, and options of `python -m api`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError

from inspector.decision.recipes import SHIPPED
from inspector.errors import SettingsError
from inspector.queue.base import DEFAULT_BUDGETS, Budgets, Durability
from inspector.queue.blobs import BlobStore
from inspector.queue.settings import Port, QueueSettings
from inspector.records.settings import RecordsSettings


class Settings(RecordsSettings, QueueSettings):
    """Frozen. A field's description is its documentation; a test holds the docs to it."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all.")
    port: Port = Field(8000, description="Port of the API and the page; 0 takes a free one.")
    metrics_port: Port = Field(9100, description="Port of /metrics; 0 takes a free one.")
    keys_file: Path | None = Field(
        None,
        description="File of API keys (`inspector keys`), read again when it changes. Without one the "
        "gateway is open, and listens on loopback only.",
    )
    behind_proxy: bool = Field(
        False,
        description="A proxy on this machine passes requests of others on: keys are then needed on loopback "
        "too.",
    )
    session_secret: SecretStr | None = Field(
        None,
        min_length=32,
        description="What signs the sessions of people, 32 characters or more: the same for all gateways "
        "behind one address. Without one each start draws its own, and people sign in again. `inspector up` "
        "keeps one.",
    )
    session_hours: float = Field(
        24.0,
        gt=0,
        le=8_760,
        description="Hours after which somebody who no longer looks is signed out; an open page stays in.",
    )
    recipes_dir: Path = Field(SHIPPED, description="Folder of recipe files (TOML), read at start.")

    max_image_bytes: int = Field(32 << 20, gt=0, description="Largest image that is accepted, in bytes.")
    inline_limit: int = Field(
        256 << 10,
        ge=0,
        description="Largest image, in bytes, that lies in the queue's server where there is a blob store "
        "(INSPECTOR_BLOBS); a larger one lies there.",
    )
    max_image_pixels: int = Field(64_000_000, gt=0, description="Most pixels that an image may claim.")
    max_intake_bytes: int = Field(
        1 << 30, gt=0, description="Bytes of all images that are being received at a time; beyond it is 503."
    )
    head_timeout_s: float = Field(
        10.0, gt=0, description="Seconds within which the head of a request must have come as a whole."
    )
    body_timeout_s: float = Field(
        60.0, gt=0, description="Seconds within which a request body must have come as a whole."
    )
    body_least_rate: int = Field(
        2_000,
        gt=0,
        description="Bytes a second that a body must come with on the average, after its first 10 s.",
    )
    max_connections: int = Field(
        4_096, gt=0, description="Connections that are open at once, as far as the system has files for them."
    )
    max_waiting_per_address: int = Field(
        256,
        gt=0,
        description="Connections of one address that wait without a whole request; one more ends the one "
        "that waited longest.",
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
    queue_disk: Path | None = Field(
        None,
        description="A folder on the disk that holds the queue server's append-only file, as this machine "
        "sees it: the disk's free space is then a metric.",
    )
    shutdown_s: float = Field(
        10.0, gt=0, description="Seconds that requests under way get to end when the gateway is stopped."
    )

    durability: Durability = Field(
        Durability.D2,
        description="What an acknowledged image outlives: D1 a killed process, D2 a power cut, D3 the loss "
        "of the primary. The server must be set to it; the gateway's log says where it is not.",
    )
    replicas: int = Field(
        1,
        ge=1,
        description="At D3: how many replicas must have an image, at least, before it is acknowledged. With "
        "Sentinels, each that they might promote must have it anyway. Without, set it to all that may be "
        "promoted: one that need not have it may take over without it.",
    )
    queue_max_bytes: int = Field(
        DEFAULT_BUDGETS.max_bytes,
        gt=0,
        description="Bytes of accepted, unfinished images and of remembered ids; beyond it is 503.",
    )
    queue_max_depth: int = Field(
        DEFAULT_BUDGETS.max_depth, gt=0, description="Images waiting and in flight; beyond it is 503."
    )

    line_max_bytes: int = Field(
        DEFAULT_BUDGETS.line_max_bytes,
        gt=0,
        description="Bytes of one line's accepted, unfinished images; beyond it is 429.",
    )
    line_max_depth: int = Field(
        DEFAULT_BUDGETS.line_max_depth,
        gt=0,
        description="One line's images waiting and in flight; beyond it is 429.",
    )

    refuse_late: bool = Field(
        True,
        description="Whether a live image with `deadline_ms` is refused at once (503 `not-in-time`) when "
        "more comes before it than workers do in time at their present pace. Else it is accepted, and "
        "expires.",
    )
    deadline_share: float = Field(
        0.8,
        gt=0,
        le=2,
        description="Share of the time to its deadline that the work before an image may take. Lower: "
        "fewer are late after all, and more are refused that would have been in time.",
    )

    @property
    def share_ahead(self) -> float | None:
        """`deadline_share`, None where nothing is refused for its deadline."""
        return self.deadline_share if self.refuse_late else None

    @property
    def blob_store(self) -> BlobStore | None:
        """Where the queue keeps what outlives a power cut, so does it."""
        if self.blobs is None:
            return None
        return BlobStore(self.blobs, durable=self.durability is not Durability.D1)

    @property
    def budgets(self) -> Budgets:
        return replace(
            super().budgets,
            max_bytes=self.queue_max_bytes,
            max_depth=self.queue_max_depth,
            line_max_bytes=self.line_max_bytes,
            line_max_depth=self.line_max_depth,
        )


def load(**given: Any) -> Settings:
    """Settings from the environment, `given` (options) first. Raises SettingsError, naming the field."""
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{name} (INSPECTOR_{name.upper()}): {first['msg']}") from error
