"""The settings that every process at the queue has: gateways and workers must agree on them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from inspector.errors import SettingsError
from inspector.messages.names import NameList
from inspector.monitoring.catalogue import MAX_LINES
from inspector.monitoring.takt import DEFAULT_TAKT_S, Takts
from inspector.plant.plant import Plant
from inspector.queue.base import DEFAULT_BUDGETS, MIN_IDLE, Budgets
from inspector.queue.blobs import BlobStore

Port = Annotated[int, Field(ge=0, le=65_535)]


class QueueSettings(BaseSettings):
    """Environment variables INSPECTOR_<NAME>. Frozen. A field's description is its documentation."""

    # extra="ignore": the variables of gateway and worker often stand in one environment.
    model_config = SettingsConfigDict(env_prefix="INSPECTOR_", extra="ignore", frozen=True)

    redis_url: str = Field(
        "redis://127.0.0.1:6379/0",
        description="Where Redis or Valkey answers: redis://, redis+sentinel:// or redis+cluster://.",
    )
    shards: int = Field(
        1,
        ge=1,
        le=64,
        description="Parts of the queue, each with its share of the budgets; a line lies on one of them. "
        "On a cluster they lie on several nodes. The same for all; change it while nothing waits.",
    )
    metrics_host: str = Field("127.0.0.1", description="Address of the metrics port; 0.0.0.0 for all.")
    lines: Annotated[NameList, NoDecode] = Field(
        ("default",),
        max_length=MAX_LINES,
        description="Lines that are metric labels, comma-separated. Any other counts under `other`, so that "
        "a client cannot grow the metrics without end.",
    )
    settings_file: Path | None = Field(
        None,
        description="inspector.toml: lines, stations, shifts, which images are kept and for how long.",
    )
    takt_s: float = Field(
        DEFAULT_TAKT_S,
        gt=0,
        description="Takt, the seconds from one part to the next that demand asks for, of lines whose takt "
        "inspector.toml does not say: a live image whose verdict comes later counts as late in metrics and "
        "alerts. The same for all.",
    )
    blobs: Path | None = Field(
        None,
        description="Folder of the blob store, where images over INSPECTOR_INLINE_LIMIT lie while the queue "
        "has them: one that all gateways, workers and archivers share, and no other queue. Without one all "
        "images lie in the queue's server.",
    )
    recent_bytes: int = Field(
        DEFAULT_BUDGETS.recent_bytes,
        ge=0,
        description="Bytes of finished images and maps that are still shown.",
    )
    dead_bytes: int = Field(
        DEFAULT_BUDGETS.dead_bytes,
        ge=0,
        description="Bytes of dead letters and their images; beyond it the oldest leave.",
    )
    forget_after_h: float = Field(
        DEFAULT_BUDGETS.forget_after / timedelta(hours=1),
        gt=0,
        description="Hours after its end that an id and its Idempotency-Key are known.",
    )
    results_kept_min: float = Field(
        DEFAULT_BUDGETS.results_kept / timedelta(minutes=1),
        gt=0,
        description="Minutes of results that a live reader can catch up on after a break.",
    )

    min_idle_s: float = Field(
        MIN_IDLE.total_seconds(),
        gt=0,
        description="Seconds without a heartbeat after which an image is nobody's: another worker takes "
        "it over. The same for all workers and gateways of a queue.",
    )

    def named_lines(self, plant: Plant) -> tuple[str, ...]:
        """Those that are metric labels: `lines` where it is given, else those of the plant. Raises
        SettingsError: more than metrics can name."""
        if "lines" in self.model_fields_set or not plant.lines:
            return self.lines
        if len(plant.lines) > MAX_LINES:
            raise SettingsError(
                f"{self.settings_file} has {len(plant.lines)} lines, and metrics name at most {MAX_LINES}: "
                "say which with INSPECTOR_LINES"
            )
        return tuple(plant.lines)

    def takts(self, plant: Plant) -> Takts:
        """Of each line: the plant's where it says one, else `takt_s`."""
        own = {name: line.takt_s for name, line in plant.lines.items() if line.takt_s is not None}
        return Takts(self.takt_s, own)

    @property
    def min_idle(self) -> timedelta:
        return timedelta(seconds=self.min_idle_s)

    @property
    def blob_store(self) -> BlobStore | None:
        return BlobStore(self.blobs) if self.blobs is not None else None

    @property
    def budgets(self) -> Budgets:
        return Budgets(
            recent_bytes=self.recent_bytes,
            dead_bytes=self.dead_bytes,
            forget_after=timedelta(hours=self.forget_after_h),
            results_kept=timedelta(minutes=self.results_kept_min),
        )


def load() -> QueueSettings:
    """From the environment alone. Raises SettingsError, naming the variable."""
    try:
        return QueueSettings()
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"INSPECTOR_{str(first['loc'][0]).upper()}: {first['msg']}") from error
