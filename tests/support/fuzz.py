"""Bytes that are no images, and images that somebody has damaged: strategies for hypothesis."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from tests.support.pictures import chunk

MAGIC = [
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"BM",
    b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff\x08\x02\x00\x00\x00",
]
"""How an image of each format begins, and how one begins that claims to be huge."""


def any_bytes() -> st.SearchStrategy[bytes]:
    """Random ones, and random ones behind the first bytes of a format."""
    return st.builds(bytes.__add__, st.just(b"") | st.sampled_from(MAGIC), st.binary(max_size=300))


def mutated(image: bytes) -> st.SearchStrategy[bytes]:
    """An image with some changes: bytes changed, cut out, put in, repeated, or the end cut off. The first
    hundred bytes, where the headers are, are hit as often as all the rest."""
    place = st.integers(0, min(100, len(image) - 1)) | st.integers(0, len(image) - 1)
    change = st.one_of(
        st.builds(_overwrite, place, st.binary(min_size=1, max_size=4)),
        st.builds(_insert, place, st.binary(min_size=1, max_size=64)),
        st.builds(_cut_out, place, st.integers(1, 400)),
        st.builds(_cut_out, place, st.just(len(image))),
        st.builds(_repeat, place, st.integers(1, 200)),
    )
    return st.lists(change, min_size=1, max_size=4).map(lambda changes: _changed(image, changes))


def mutated_png(image: bytes) -> st.SearchStrategy[bytes]:
    """A PNG with changes inside its chunks whose checksums are right: what only the decoder can find."""
    parts = _chunks_of(image)
    change = st.tuples(st.integers(0, len(parts) - 1), st.integers(0, 400), st.binary(min_size=1, max_size=4))
    return st.lists(change, min_size=1, max_size=4).map(lambda changes: _png_of(parts, changes))


def _chunks_of(image: bytes) -> list[tuple[bytes, bytes]]:
    parts, at = [], 8
    while at < len(image):
        length = int.from_bytes(image[at : at + 4], "big")
        parts.append((image[at + 4 : at + 8], image[at + 8 : at + 8 + length]))
        at += 12 + length
    return parts


def _png_of(parts: list[tuple[bytes, bytes]], changes: list[tuple[int, int, bytes]]) -> bytes:
    changed = list(parts)
    for index, at, new in changes:
        kind, body = changed[index]
        place = at % (len(body) + 1)
        changed[index] = kind, body[:place] + new + body[place + len(new) :]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in changed)


Change = Callable[[bytes], bytes]


def _changed(image: bytes, changes: list[Change]) -> bytes:
    for change in changes:
        image = change(image)
    return image


def _overwrite(at: int, new: bytes) -> Change:
    return lambda image: image[:at] + new + image[at + len(new) :]


def _insert(at: int, new: bytes) -> Change:
    return lambda image: image[:at] + new + image[at:]


def _cut_out(at: int, size: int) -> Change:
    return lambda image: image[:at] + image[at + size :]


def _repeat(at: int, size: int) -> Change:
    return lambda image: image[: at + size] + image[at:]
