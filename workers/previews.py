"""The archiver's smaller or simpler pictures of an image: made beside the record, if they can be made.

No record waits for want of one: what cannot be decoded has none, and without numpy and OpenCV nothing has.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import NamedTuple

from inspector.errors import BadInput
from inspector.imaging.header import browsers_show

log = logging.getLogger(__name__)

NEEDED = ("numpy", "cv2", "simplejpeg")
"""Of the extra `preview`; an archiver alone has none of them."""

LIGHT_BYTES = 32_768
"""An image of no more is its own thumbnail: 48 of these, a page of the gallery, are 1.5 MB."""


class Pictures(NamedTuple):
    preview: bytes | None = None
    """PNG, of what a browser cannot show."""
    thumbnail: bytes | None = None
    """JPEG, of what is not light, or not shown by a browser."""


NONE = Pictures()


class Previews:
    def __init__(self) -> None:
        self._missing = [name for name in NEEDED if find_spec(name) is None]
        self._said = False

    def of(self, image: bytes) -> Pictures:
        """NONE for a light image that a browser shows as it is, and for what cannot be decoded."""
        try:
            shows = browsers_show(image)
            if shows and len(image) <= LIGHT_BYTES:
                return NONE
            if self._missing:
                self._say_once()
                return NONE
            # Only now: an archiver whose images need none does without 60 MB of libraries.
            from inspector.imaging.preview import preview_of, shown_of, thumbnail_of  # noqa: PLC0415

            shown = shown_of(image)
            return Pictures(None if shows else preview_of(shown), thumbnail_of(shown))
        except BadInput as error:
            # A damaged one, most likely: its record says so.
            log.info("an image has no preview: %s", error)
        except Exception:  # whatever it is, the record and the image itself are not to wait for it
            log.exception("an image has no preview")
        return NONE

    def _say_once(self) -> None:
        if not self._said:
            log.warning(
                "images get no thumbnail, and no preview where a browser cannot show them: "
                "%s is not installed: pip install 'inspector[preview]'",
                ", ".join(self._missing),
            )
        self._said = True
