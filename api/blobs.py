"""The gateway's end of the blob store: large bodies go there as they come, and large images come from there.

    Receiving   one body: in memory up to the inline limit, from there on in a file
    Blobs       the store, from the event loop: its calls run in threads of their own, for a limited time

Without a store (INSPECTOR_BLOBS) every image is in memory, whatever its size.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from time import monotonic, perf_counter
from typing import Self, TypeVar

from api.promptly import SLOWEST_BYTES_PER_S
from inspector.errors import StoreUnavailable
from inspector.queue.base import Image
from inspector.queue.blobs import Blob, BlobStore, Content, Incoming, require

log = logging.getLogger(__name__)

T = TypeVar("T")

THREADS = 8
"""Writes at a time: a disk makes several durable together. The others wait their turn."""

PATIENCE_S = 10.0
"""Of one call, and more by its size: a disk that hangs is told, one that is busy is waited for."""

PIECE_BYTES = 512 << 10
"""Of a body are gathered before a thread writes them, while the next ones come."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An image of the store on its way to a client; `pieces` must be iterated."""

    size: int
    pieces: AsyncIterator[bytes]


class Blobs:
    def __init__(self, store: BlobStore | None, inline_limit: int) -> None:
        """Opens nothing."""
        self.doubtful: dict[str, float] = {}
        """Ids of files whose images were not accepted, or perhaps not, and since when (time.monotonic)."""
        self.ours = False
        """Whether the store is this queue's: until that is known, every image is in memory."""
        self._store = store
        self._inline_limit = inline_limit
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="blobs")

    @property
    def store(self) -> BlobStore:
        """Raises StoreUnavailable: there is none."""
        return require(self._store)

    def takes(self, size: int) -> bool:
        """Whether an image of so many bytes lies in the store."""
        return self._store is not None and self.ours and size > self._inline_limit

    def receiving(self) -> Receiving:
        return Receiving(self)

    def start(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """In a thread."""
        return asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def result(self, started: asyncio.Future[T], size: int = 0) -> T:
        """Raises what the call raises; StoreUnavailable when that takes too long for `size` bytes."""
        limit_s = PATIENCE_S + size / SLOWEST_BYTES_PER_S
        try:
            async with asyncio.timeout(limit_s):
                return await started
        except TimeoutError:
            raise StoreUnavailable(f"the blob store's disk did not answer within {limit_s:.2g} s") from None

    async def run(self, call: Callable[[], T], size: int = 0) -> T:
        return await self.result(self.start(call), size)

    async def look(self, image: Image, read: Callable[[bytes | Content], T]) -> T:
        """What `read` finds in it. Raises ImageGone, StoreUnavailable, and what `read` raises."""
        if isinstance(image, Blob):
            return await self.run(partial(image.look, read), image.size)
        return read(image)

    async def shown(self, image: Image) -> bytes | Stream:
        """As it is sent to a client. Raises ImageGone, StoreUnavailable."""
        if not isinstance(image, Blob):
            return image
        file = await self.run(image.open)

        async def pieces() -> AsyncIterator[bytes]:
            try:
                while piece := await self.run(partial(file.read, PIECE_BYTES)):
                    yield piece
            finally:  # behind a read that hangs, which closing it would wait for
                self._threads.submit(file.close)

        return Stream(image.size, pieces())

    def doubt(self, inspection_id: str) -> None:
        """The queue is asked about it (api/tidying.py), and its file deleted if it was not accepted."""
        self.doubtful[inspection_id] = monotonic()

    def drop(self, file: Incoming) -> None:
        """Discard it, behind what is under way with it. Nobody waits for that."""
        self._threads.submit(_discard, file)

    def close(self) -> None:
        self._threads.shutdown(wait=False)


class Receiving:
    """A body as it comes. What was not kept is let go of at the end of the block."""

    def __init__(self, blobs: Blobs) -> None:
        self.size = 0
        self.waited_s = 0.0
        """For the disk, not for the client."""
        self._blobs = blobs
        self._pieces: list[bytes] = []
        self._gathered = 0
        """Bytes of `_pieces`."""
        self._hashed = sha256()
        self._file: Incoming | None = None
        self._writing: asyncio.Future[None] | None = None
        self._passed_on: list[bytes] = []
        """What that writes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()

    @property
    def sha256(self) -> str:
        """Hex, of all that has come."""
        return self._hashed.hexdigest() if self._file is None else self._file.sha256

    def expect(self, size: int) -> None:
        """So many bytes are announced; 0: nobody knows."""
        if self._file is None and self._blobs.takes(size):
            self._file = self._blobs.store.begin()

    def add(self, piece: bytes) -> bool:
        """Whether enough is gathered to be passed on to the file."""
        self.size += len(piece)
        self._pieces.append(piece)
        self._gathered += len(piece)
        self.expect(self.size)
        if self._file is None:
            self._hashed.update(piece)
            return False
        return self._gathered >= PIECE_BYTES

    async def pass_on(self) -> None:
        """To the file: a thread writes it while the next one comes. Raises StoreUnavailable: a full disk."""
        assert self._file is not None  # noqa: S101 - there is something to be passed on
        await self._written()
        pieces, self._pieces, self._gathered = self._pieces, [], 0
        self._passed_on = pieces
        self._writing = self._blobs.start(partial(self._file.write, pieces))

    async def end(self) -> None:
        """Nothing more comes. Raises StoreUnavailable."""
        if self._file is not None:
            await self.pass_on()
            await self._written()
        else:
            self._pieces = [b"".join(self._pieces)]

    async def look(self, read: Callable[[bytes | Content], T]) -> T:
        """What `read` finds in the whole of it."""
        if self._file is not None:
            return await self._blobs.run(partial(self._file.look, read), self.size)
        return read(self._pieces[0])

    async def keep(self, inspection_id: str) -> Image:
        """The image to be submitted. A file is the caller's from here on. Raises StoreUnavailable."""
        if self._file is None:
            return self._pieces[0]
        blob = await self._blobs.run(partial(self._file.keep, inspection_id), self.size)
        self._file = None
        return blob

    def let_go(self) -> None:
        self._pieces = []
        if self._writing is not None:
            self._writing.add_done_callback(_heard)
            self._passed_on.clear()  # a disk that hangs would have the write of each image in memory
        if self._file is not None:
            self._blobs.drop(self._file)
            self._file = None

    async def _written(self) -> None:
        if self._writing is not None:
            began = perf_counter()
            await self._blobs.result(self._writing, PIECE_BYTES)
            self._writing = None
            self.waited_s += perf_counter() - began


def _heard(written: asyncio.Future[None]) -> None:
    """A write that nobody waits for any more: what it met was told already, or the body was refused."""
    if not written.cancelled():
        written.exception()


def _discard(file: Incoming) -> None:
    try:
        file.discard()
    except StoreUnavailable as error:
        log.warning("%s; it is swept later", error)
