"""What a TIFF says of itself (TIFF 6.0): one page, grey or RGB, 8 or 16 bits. Standard library only.

    header ─▶ the one directory ─▶ what decoders disagree on is refused ─▶ every strip lies in the file

A TIFF may be nearly anything. Read here is what cameras write: strips, uncompressed or Deflate. By name is
refused what would come out as another picture in another program (several pages, a palette, white as 0,
turned, planes apart, signed or floating levels), and what nobody can check: LZW and PackBits have no
checksum, and a decoder may show a damaged strip as black, which is a part without its defects.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from inspector.errors import BrokenImage, UnsupportedImage
from inspector.imaging.data import Data, unpack

SIGNATURES = (b"II*\0", b"MM\0*")

MAX_FIELDS = 512
"""Of a directory: a camera writes about twenty; the limit bounds the time that hostile bytes can take."""

MAX_STRIPS = 65_536
"""One for each row of a tall image."""

NONE = 1
DEFLATE = (8, 32946)
_OTHER_COMPRESSIONS = {2: "CCITT", 3: "CCITT", 4: "CCITT", 5: "LZW", 6: "JPEG", 7: "JPEG", 32773: "PackBits"}

_LETTERS = {1: "B", 3: "H", 4: "I"}
"""BYTE, SHORT, LONG. Fields of other kinds say nothing that is needed here."""

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _OFFSETS = 256, 257, 258, 259, 262, 273
_ORIENTATION, _SAMPLES, _ROWS, _SIZES, _PLANES, _PREDICTOR, _FORMAT = 274, 277, 278, 279, 284, 317, 339
_TILE_OFFSETS = 324

_NEEDED = (_WIDTH, _HEIGHT, _PHOTOMETRIC)
_READ = {*_NEEDED, _BITS, _COMPRESSION, _OFFSETS, _ORIENTATION, _SAMPLES, _ROWS, _SIZES, _PLANES}
_READ |= {_PREDICTOR, _FORMAT, _TILE_OFFSETS}

Fields = Mapping[int, tuple[int, ...]]


class Tiff(NamedTuple):
    width: int
    height: int
    channels: int
    bit_depth: int
    order: Literal["<", ">"]
    """Of the bytes of a level."""
    deflated: bool
    differences: bool
    """Each level is the difference to the one left of it (predictor 2)."""
    rows: int
    """Of each strip but the last."""
    strips: Sequence[tuple[int, int]]
    """Where each begins, and its bytes in the file."""

    @property
    def row_bytes(self) -> int:
        return self.width * self.channels * self.bit_depth // 8


def read_header(data: Data) -> Tiff:
    """Raises UnsupportedImage, BrokenImage."""
    order: Literal["<", ">"] = "<" if data[:2] == b"II" else ">"
    fields = _directory(data, order)
    missing = [tag for tag in _NEEDED if tag not in fields]
    if missing:
        raise BrokenImage(f"the TIFF lacks its field {missing[0]}")
    channels, bits = _levels(fields)
    width, height = fields[_WIDTH][0], fields[_HEIGHT][0]
    if width == 0 or height == 0:
        raise BrokenImage(f"the TIFF's header claims {width} x {height} pixels")
    _check_layout(fields)
    found = Tiff(
        width,
        height,
        channels,
        bits,
        order,
        deflated=_first(fields, _COMPRESSION) in DEFLATE,
        differences=_first(fields, _PREDICTOR) == 2,
        rows=min(fields.get(_ROWS, (height,))[0], height),
        strips=list(zip(fields.get(_OFFSETS, ()), fields.get(_SIZES, ()), strict=False)),
    )
    _check_strips(data, fields, found)
    return found


def _directory(data: Data, order: str) -> Fields:
    """The fields that are needed here, of the only directory."""
    at = _unpacked(data, f"{order}I", 4)[0]
    count = _unpacked(data, f"{order}H", at)[0]
    if not 0 < count <= MAX_FIELDS:
        raise BrokenImage(f"the TIFF's directory claims {count} fields")
    fields: dict[int, tuple[int, ...]] = {}
    for number in range(count):
        place = at + 2 + 12 * number
        tag, kind, values = _unpacked(data, f"{order}HHI", place)
        if tag in _READ and kind in _LETTERS:
            fields[tag] = _values(data, order, place + 8, _LETTERS[kind], values)
    if _unpacked(data, f"{order}I", at + 2 + 12 * count)[0]:
        raise UnsupportedImage("a TIFF of several pages; post each page as an image of its own")
    return fields


def _values(data: Data, order: str, place: int, letter: str, count: int) -> tuple[int, ...]:
    """Up to four bytes stand in the field itself, more of them elsewhere in the file."""
    if not 0 < count <= MAX_STRIPS:
        raise BrokenImage(f"a field of the TIFF claims {count} values")
    form = f"{order}{count}{letter}"
    start = place if struct.calcsize(form) <= 4 else _unpacked(data, f"{order}I", place)[0]
    return _unpacked(data, form, start)


def _unpacked(data: Data, form: str, start: int) -> tuple[int, ...]:
    end = start + struct.calcsize(form)
    if end > len(data):
        raise BrokenImage(f"the TIFF ends before byte {end:,}, which its header names")
    return unpack(form, data, start)


def _first(fields: Fields, tag: int) -> int:
    """All fields that are asked for this way are 1 where they are left out."""
    return fields.get(tag, (1,))[0]


def _levels(fields: Fields) -> tuple[int, int]:
    """Channels, and bits of each."""
    channels, kind = _first(fields, _SAMPLES), fields[_PHOTOMETRIC][0]
    if (kind, channels) not in {(1, 1), (2, 3)}:
        told = {0: "with white as 0", 3: "with a palette"}.get(kind, f"of {channels} channels, kind {kind}")
        raise UnsupportedImage(f"a TIFF {told}; grey with black as 0 and RGB are read here")
    bits = set(fields.get(_BITS, (1,)))
    if len(bits) != 1 or not bits <= {8, 16} or set(fields.get(_FORMAT, (1,))) != {1}:
        told = f"{'/'.join(map(str, sorted(bits)))} bits a channel, format {_first(fields, _FORMAT)}"
        raise UnsupportedImage(f"a TIFF of {told}; whole numbers of 8 and 16 bits are read here")
    return channels, bits.pop()


def _check_layout(fields: Fields) -> None:
    compression = _first(fields, _COMPRESSION)
    if compression != NONE and compression not in DEFLATE:
        name = _OTHER_COMPRESSIONS.get(compression, f"number {compression}")
        raise UnsupportedImage(f"a TIFF with {name} compression; save it uncompressed or with Deflate (ZIP)")
    if _first(fields, _ORIENTATION) != 1:
        raise UnsupportedImage("a TIFF that is to be turned (orientation); save it as it is to be looked at")
    if _first(fields, _PLANES) != 1 and _first(fields, _SAMPLES) > 1:
        raise UnsupportedImage("a TIFF whose colours are stored apart (planar); save it interleaved")
    if _first(fields, _PREDICTOR) not in {1, 2}:
        raise UnsupportedImage(f"a TIFF with predictor {_first(fields, _PREDICTOR)}; save it without")
    if _TILE_OFFSETS in fields:
        raise UnsupportedImage("a TIFF in tiles; save it in strips")


def _check_strips(data: Data, fields: Fields, found: Tiff) -> None:
    """As many as the size asks for, each within the file; uncompressed ones whole."""
    wanted = -(-found.height // found.rows) if found.rows else 0
    if not wanted or {len(fields.get(_OFFSETS, ())), len(fields.get(_SIZES, ()))} != {wanted}:
        raise BrokenImage(f"the TIFF of {found.height} rows names {len(found.strips)} strips of {found.rows}")
    for number, (offset, size) in enumerate(found.strips):
        if size == 0 or offset + size > len(data):
            raise BrokenImage(f"the TIFF has {len(data):,} bytes; its pixels go on to byte {offset + size:,}")
        whole = found.row_bytes * min(found.rows, found.height - number * found.rows)
        if not found.deflated and size < whole:
            raise BrokenImage(f"a strip of the TIFF holds {size:,} bytes; its rows ask for {whole:,}")
