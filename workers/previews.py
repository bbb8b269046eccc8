"""The archiver's previews of images that a browser cannot show: made beside the record, if they can be made.

No record waits for want of one: what cannot be decoded has none, and without numpy and OpenCV nothing has.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec

from inspector.errors import BadInput
from inspector.imaging.header import browsers_show

log = logging.getLogger(__name__)

NEEDED = ("numpy", "cv2", "simplejpeg")
"""Of the extra `preview`; an archiver alone has none of them."""


class Previews:
    def __init__(self) -> None:
        self._missing = [name for name in NEEDED if find_spec(name) is None]
        self._said = False

    def of(self, image: bytes) -> bytes | None:
        """A PNG; None for what a browser shows as it is, and for what cannot be decoded."""
        try:
            if browsers_show(image):
                return None
            if self._missing:
                self._say_once()
                return None
            # Only now: most archivers never meet such an image, and do without 60 MB of libraries.
            from inspector.imaging.preview import preview_of  # noqa: PLC0415

            return preview_of(image)
        except BadInput as error:
            # A damaged one, most likely: its record says so.
            log.info("an image has no preview: %s", error)
        except Exception:  # whatever it is, the record and the image itself are not to wait for it
            log.exception("an image has no preview")
        return None

    def _say_once(self) -> None:
        if not self._said:
            log.warning(
                "images that a browser cannot show get no preview, %s is not installed: "
                "pip install 'inspector[preview]'",
                ", ".join(self._missing),
            )
        self._said = True
