"""What a browser can show of an image that it cannot show as it is: 8 bits a channel, as PNG.

For looking at only: the levels are those of `levels.displayable`, by the image's own brightest pixel, and no
verdict is made from them. As large as the image, so that its boxes lie where they are.
"""

from __future__ import annotations

from inspector.imaging.decode import decode
from inspector.imaging.files import facts_of
from inspector.imaging.header import sniff
from inspector.imaging.levels import displayable
from inspector.imaging.overlay import encode_png


def preview_of(image: bytes) -> bytes:
    """A PNG, grey or RGB. Raises UnsupportedImage, BrokenImage, TooManyPixels."""
    grey = sniff(image).channels < 3
    return encode_png(displayable(decode(image, facts_of(image), 1 if grey else 3)))
