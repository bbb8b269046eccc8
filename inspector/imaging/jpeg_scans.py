"""Whether a JPEG holds all its scans (ITU-T T.81, annexes B and G).

A progressive JPEG sends a blurred picture first and refines it scan by scan; one of several scans can also
send its channels one after the other. A decoder paints what it has and finds nothing wrong: cut at the right
place and closed again, a file shows a part without its defects. Every coefficient of every channel must have
come. An ordinary JPEG has them all in its first scan, and is looked at no further.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from inspector.errors import BrokenImage

_PROGRESSIVE = 0xC2
_FRAMES = {0xC0, 0xC1, _PROGRESSIVE}
_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd9-\xfe])")
"""Not in a scan's data: there 0xFF is followed by 0x00 or a restart marker."""


def check_scans(image: bytes) -> None:
    """Raises BrokenImage when scans are missing. The JPEG must be one that decodes."""
    missing: dict[int, set[int]] = {}
    progressive = False
    for marker, body in _segments(image):
        if marker in _FRAMES:
            progressive = marker == _PROGRESSIVE
            missing = {channel: set(range(64)) for channel in body[6::3]}
        elif marker == _START_OF_SCAN:
            came = _coefficients(body) if progressive else range(64)
            for channel in body[1 : 1 + 2 * body[0] : 2]:
                missing[channel].difference_update(came)
            if not any(missing.values()):
                return
    raise BrokenImage("JPEG: scans are missing, and with them its details")


def _coefficients(scan: bytes) -> range:
    """Those that have all their bits behind this scan of a progressive JPEG."""
    first, last, bits = scan[-3:]
    return range(first, last + 1) if bits & 0x0F == 0 else range(0)


def _segments(image: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, body) from behind the signature to the end of the first image."""
    position = 2
    while (found := _MARKER.search(image, position)) and found[1][0] != _END_OF_IMAGE:
        start = found.end()
        position = start + int.from_bytes(image[start : start + 2], "big")
        yield found[1][0], image[start + 2 : position]
