"""What the header of an image is read from: its bytes, or whatever gives pieces of them."""

from __future__ import annotations

import struct
from typing import Any, Protocol


class Data(Protocol):
    """Bytes, or a file of which only what is asked for is read."""

    def __len__(self) -> int: ...

    def __getitem__(self, piece: slice, /) -> bytes: ...


def unpack(form: str, data: Data, start: int) -> tuple[Any, ...]:
    """As struct.unpack_from. Raises struct.error: it ends before."""
    return struct.unpack(form, data[start : start + struct.calcsize(form)])
