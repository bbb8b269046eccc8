"""Every setting of a worker: variables INSPECTOR_<NAME>, and flags of `python -m workers inspect`.

A flag wins over its variable. A field's description is its documentation.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from inspector.imaging.opencv import MAX_PIXELS
from inspector.messages.names import Name
from inspector.queue.settings import Port, QueueSettings
from workers.flags import flags_of, own_name


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
    name: Name = Field(default_factory=own_name, description="Unique among living workers.")
    metrics_port: Port = Field(
        0, description="Port of /metrics, /healthz and /readyz; 0 takes a free one and logs it."
    )

    batch_size: int = Field(
        0,
        ge=0,
        le=256,
        description="Most images in one run of the model; one in tiles runs alone. 0: 32 on a GPU, else 4. "
        "Of several CPU cores each runs one image.",
    )
    threads: int = Field(0, ge=0, description="CPU cores of the engine; 0: all that there are.")
    readers: int = Field(
        0,
        ge=0,
        le=64,
        description="Threads that decode images. 0: for a GPU one a core, else 2. Of several CPU cores each "
        "decodes its own.",
    )
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


def load(flags: Sequence[str] = ()) -> InspectSettings:
    """From the environment and flags. Raises SettingsError, naming the flag; --help and a wrong flag exit."""
    return flags_of(InspectSettings, flags)
