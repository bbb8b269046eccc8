"""The settings that everybody at the records has: the archiver that writes them, the gateways that read."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class RecordsSettings(BaseSettings):
    """Beside QueueSettings. A field's description is its documentation."""

    database_url: str = Field(
        "",
        description="Database of records: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME. Without "
        "one a gateway shows the recent results alone; an archiver needs one.",
    )
    images_url: str = Field(
        "images",
        description="Where images and maps are kept: a folder, or s3://BUCKET/PREFIX with the package s3fs. "
        "The same for archiver and gateways.",
    )
