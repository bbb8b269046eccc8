"""What an image's bytes say of themselves, without decoding them. Standard library only.

sniff(data) -> ImageHeader      the format is read from the bytes; no name and no Content-Type is believed
browsers_show(data)             whether a browser can show it, or needs a preview
check_pixels(header, limit)     a header may claim anything; say no before anybody allocates it

    sniff ── JPEG   markers up to the first scan, and the end-of-image marker at the end
          ├─ PNG    the chunks' chain from IHDR to IEND
          ├─ BMP    both headers, and the size that they imply
          ├─ TIFF   the one directory, and where its pixels lie (tiff.py)
          └─ else   UnsupportedImage, naming the format where it is a known one

A header that passes is no proof that the pixels decode: the worker finds that out. What is caught here is
what a transfer cuts off, what is not read by this project, and what would be dangerous to decode.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from inspector.errors import BrokenImage, EmptyBody, TooManyPixels, UnsupportedImage
from inspector.imaging import tiff
from inspector.imaging.data import Data, unpack

MAX_JPEG_SEGMENTS = 4096
"""Before the first scan. A camera writes about ten; the limit bounds the time that hostile bytes can take."""

MAX_PNG_CHUNKS = 65_536
"""An encoder's chunks hold 8 kB or more, so 512 MB fit; the limit bounds the time, as above."""

MAX_PADDING = 65_536
"""Bytes of padding after the end of an image: cameras round files up to whole sectors or DMA blocks."""

PIECE = 1 << 20
"""Bytes that are looked at in one go: an image on the disk is not to be in memory whole."""


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """`channels` as in the file: 1 grey, 2 grey + alpha, 3 colour (a palette of it too), 4 with alpha."""

    format: Literal["jpeg", "png", "bmp", "tiff"]
    width: int
    height: int
    channels: int
    bit_depth: int


def sniff(data: Data) -> ImageHeader:
    """The header of a whole image file, in memory or on the disk.

    Raises EmptyBody, UnsupportedImage (no image, or one that is not read here) or BrokenImage (incomplete).
    """
    if not data:
        raise EmptyBody("the body is empty")
    for signature, read in _READERS.items():
        if data[: len(signature)] == signature:
            return read(data)
    raise UnsupportedImage(f"this is {_name_of(data)}; JPEG, PNG, BMP and TIFF are read here")


def browsers_show(data: Data) -> bool:
    """Whether a browser shows it as it is. Of 16 bits it takes the upper byte: 12 bits in the low end look
    black. Raises as `sniff`."""
    header = sniff(data)
    return header.format != "tiff" and header.bit_depth == 8


def check_pixels(header: ImageHeader, limit: int) -> None:
    """Raises TooManyPixels when width x height is over `limit`."""
    pixels = header.width * header.height
    if pixels > limit:
        raise TooManyPixels(
            f"{header.width} x {header.height} are {pixels:,} pixels; at most {limit:,} are read here"
        )


# --- JPEG (ITU-T T.81, annex B) ---------------------------------------------------------------------------

_BASELINE_EXTENDED_PROGRESSIVE = {0xC0, 0xC1, 0xC2}
_OTHER_FRAMES = {
    0xC3: "lossless",
    0xC5: "hierarchical",
    0xC6: "hierarchical",
    0xC7: "hierarchical",
    0xC9: "arithmetic-coded",
    0xCA: "arithmetic-coded",
    0xCB: "arithmetic-coded",
    0xCD: "arithmetic-coded",
    0xCE: "arithmetic-coded",
    0xCF: "arithmetic-coded",
}
_START_OF_SCAN = 0xDA
_STANDALONE = {0x01, *range(0xD0, 0xD8)}  # TEM and RSTn carry no length
_FILL_AT_ONCE = 4096  # any number of 0xFF may stand before a marker's code; C speed for hostile input


def _jpeg(data: Data) -> ImageHeader:
    header: ImageHeader | None = None
    for marker, body in _jpeg_segments(data):
        if marker in _OTHER_FRAMES:
            raise UnsupportedImage(
                f"a {_OTHER_FRAMES[marker]} JPEG; baseline and progressive ones are read here"
            )
        if marker in _BASELINE_EXTENDED_PROGRESSIVE and header is None:
            header = _jpeg_frame(body)
    if header is None:
        raise BrokenImage("the JPEG has a scan and no frame header before it")
    _require_end(data, b"\xff\xd9", "the JPEG ends before its end-of-image marker")
    return header


def _jpeg_segments(data: Data) -> Iterator[tuple[int, bytes]]:
    """(marker, body) from behind the signature up to the first scan, which must come."""
    position = 2
    for _ in range(MAX_JPEG_SEGMENTS):
        code = _behind_fill(data, position)
        if code == position or code >= len(data):
            raise BrokenImage(f"the JPEG breaks off, or has no marker, at byte {position}")
        [marker], position = data[code : code + 1], code + 1
        if marker == _START_OF_SCAN:
            return
        if marker in _STANDALONE:
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        if length < 2 or position + length > len(data):
            raise BrokenImage(f"the JPEG breaks off in the segment at byte {position - 2}")
        yield marker, data[position + 2 : position + length]
        position += length
    raise BrokenImage(f"the JPEG has more than {MAX_JPEG_SEGMENTS} segments before its first scan")


def _behind_fill(data: Data, position: int) -> int:
    """The place of the first byte from there on that is not 0xFF."""
    while piece := data[position : position + _FILL_AT_ONCE]:
        rest = piece.lstrip(b"\xff")
        position += len(piece) - len(rest)
        if rest:
            break
    return position


def _jpeg_frame(body: bytes) -> ImageHeader:
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        raise BrokenImage("the JPEG's frame header has a wrong length")
    precision, height, width, components = struct.unpack_from(">BHHB", body)
    if precision != 8:
        raise UnsupportedImage(f"a {precision}-bit JPEG; 8 bits a channel are read here")
    if components not in {1, 3}:
        raise UnsupportedImage(f"a JPEG of {components} channels (CMYK has 4); grey and colour are read here")
    if height == 0:
        raise UnsupportedImage(
            "a JPEG that states its height after the scan (DNL); state it in the frame header"
        )
    return _header("jpeg", width, height, components)


# --- PNG (W3C PNG, third edition) -------------------------------------------------------------------------

_PNG_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
_PNG_PALETTE = 3
_CHUNK_FRAME = 12
"""Length, type and CRC of a chunk without data."""


def _png(data: Data) -> ImageHeader:
    header: ImageHeader | None = None
    pixels = False
    for kind, start, end in _png_chunks(data):
        if header is None:
            header = _png_header(kind, data[start : min(end, start + 14)], data[end : end + 4])
        pixels = pixels or kind == b"IDAT"
    if header is None or not pixels:
        raise BrokenImage("the PNG holds no pixels")
    _require_end(data, b"IEND\xaeB`\x82", "there is something behind the PNG's IEND chunk")
    return header


def _png_chunks(data: Data) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end of the data) of each chunk before IEND, which must come."""
    position = 8
    for _ in range(MAX_PNG_CHUNKS):
        if position + _CHUNK_FRAME > len(data):
            raise BrokenImage("the PNG ends before its IEND chunk")
        length, kind = unpack(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            raise BrokenImage(f"the PNG breaks off in the chunk at byte {position}")
        if kind == b"IEND":
            return
        yield kind, position + 8, end
        position = end + 4
    raise BrokenImage(f"the PNG has more than {MAX_PNG_CHUNKS} chunks")


def _png_header(kind: bytes, body: bytes, crc: bytes) -> ImageHeader:
    if kind != b"IHDR" or len(body) != 13:
        raise BrokenImage("the PNG does not begin with an IHDR chunk")
    # Only this chunk's CRC: a flipped bit here changes the size; one in the pixels is the decoder's to find.
    if zlib.crc32(kind + body) != int.from_bytes(crc, "big"):
        raise BrokenImage("the PNG's IHDR chunk is damaged (CRC)")
    width, height, depth, colour = struct.unpack_from(">IIBB", body)
    if colour == _PNG_PALETTE:
        # Decoders paint a pixel black whose colour the palette lacks, and only decoding would show it.
        raise UnsupportedImage("a PNG with a palette; save it as grey or colour")
    if colour not in _PNG_CHANNELS:
        raise BrokenImage(f"the PNG names a colour type {colour}, which does not exist")
    if depth not in {8, 16}:
        raise UnsupportedImage(f"a PNG of {depth} bits a channel; 8 and 16 are read here")
    return _header("png", width, height, _PNG_CHANNELS[colour], depth)


# --- BMP (BITMAPFILEHEADER, then BITMAPINFOHEADER or one of its longer successors) ------------------------

_FILE_HEADER = 14
_INFO_HEADERS = {40, 52, 56, 108, 124}
_UNCOMPRESSED = 0
_BITFIELDS = 3
_BGRA_MASKS = struct.pack("<III", 0x00FF0000, 0x0000FF00, 0x000000FF)


def _bmp(data: Data) -> ImageHeader:
    if len(data) < _FILE_HEADER + 40:
        raise BrokenImage("the BMP ends inside its header")
    _, offset, info = unpack("<IxxxxII", data, 2)
    if info not in _INFO_HEADERS:
        raise UnsupportedImage(f"a BMP with a header of {info} bytes (OS/2 or unknown)")
    width, height, planes, bits, compression = unpack("<iiHHI", data, 18)
    if planes != 1 or width <= 0 or height == 0:
        raise BrokenImage("the BMP's header is damaged")
    if bits not in {8, 24, 32} or not _plain(data, bits, compression):
        raise UnsupportedImage(
            f"a BMP of {bits} bits a pixel, compression {compression}; uncompressed 8, 24 and 32"
        )
    # A negative height means that the first row is the top one.
    row = (width * bits + 31) // 32 * 4
    if offset < _FILE_HEADER + info or offset + row * abs(height) > len(data):
        raise BrokenImage(
            f"the BMP has {len(data):,} bytes; its header asks for {offset + row * abs(height):,}"
        )
    if bits == 8:
        _require_palette(data, info, offset)
    return _header("bmp", width, abs(height), _bmp_channels(data, bits, info, offset))


def _require_palette(data: Data, info: int, offset: int) -> None:
    """Decoders paint a pixel black whose colour the palette lacks: a part without its defects."""
    colours = int.from_bytes(data[46:50], "little") or 256
    if colours > 256 or _FILE_HEADER + info + 4 * colours > offset:
        raise BrokenImage(f"the BMP's palette of {colours:,} colours does not fit before its pixels")
    used = bytes(range(colours))
    rest = range(offset, len(data) if colours < 256 else offset, PIECE)
    if any(data[start : start + PIECE].translate(None, delete=used) for start in rest):
        raise BrokenImage(f"the BMP has pixels whose colour its palette of {colours} lacks")


def _plain(data: Data, bits: int, compression: int) -> bool:
    """Bit fields are not a compression, but other masks than the usual ones would swap the colours."""
    masks = data[_FILE_HEADER + 40 : _FILE_HEADER + 52]
    return compression == _UNCOMPRESSED or (compression == _BITFIELDS and bits == 32 and masks == _BGRA_MASKS)


def _bmp_channels(data: Data, bits: int, info: int, offset: int) -> int:
    if bits != 8:
        return bits // 8
    palette = data[_FILE_HEADER + info : min(offset, _FILE_HEADER + info + 4 * 256)]
    return 1 if palette[0::4] == palette[1::4] == palette[2::4] else 3


# --- TIFF (6.0) -------------------------------------------------------------------------------------------


def _tiff(data: Data) -> ImageHeader:
    return ImageHeader("tiff", *tiff.read_header(data)[:4])


# --- common -----------------------------------------------------------------------------------------------


def _header(
    kind: Literal["jpeg", "png", "bmp"], width: int, height: int, channels: int, bit_depth: int = 8
) -> ImageHeader:
    if width == 0 or height == 0:
        raise BrokenImage(f"the header claims {width} x {height} pixels")
    return ImageHeader(kind, width, height, channels, bit_depth)


def _require_end(data: Data, end: bytes, message: str) -> None:
    """The file ends with `end`, or with `end` and padding of 0x00 or 0xFF behind it."""
    if not data[-MAX_PADDING:].rstrip(b"\x00\xff").endswith(end) and data[-len(end) :] != end:
        raise BrokenImage(message)


_READERS: dict[bytes, Callable[[Data], ImageHeader]] = {
    b"\xff\xd8": _jpeg,
    b"\x89PNG\r\n\x1a\n": _png,
    b"BM": _bmp,
    **dict.fromkeys(tiff.SIGNATURES, _tiff),
}

_OTHERS = (
    (re.compile(rb"II\+\0|MM\0\+"), "a BigTIFF (of more than 4 GB; save a plain TIFF)"),
    (re.compile(rb"GIF8[79]a"), "a GIF"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "a WebP"),
    (re.compile(rb"....ftyp(avif|heic|heix|mif1)", re.DOTALL), "an AVIF or HEIC"),
    (re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"), "a JPEG 2000"),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "), "a JPEG XL"),
    (re.compile(rb"%PDF-"), "a PDF"),
    (re.compile(rb"\x1f\x8b"), "gzip-compressed data"),
    (
        re.compile(rb"--[^\r\n]+\r\n[Cc]ontent-"),
        "a multipart form, where the image's bytes alone are expected",
    ),
)


def _name_of(data: Data) -> str:
    return next((name for pattern, name in _OTHERS if pattern.match(data[:512])), "not an image")
