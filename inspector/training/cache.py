"""Decoded images held in memory, bounded by their bytes: one of 4096 x 4096 has 16 MB, or 50 in colour."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

CACHE_BYTES = 2 * 1024**3
"""DeepPCB's trainval images with their templates and 1,000 synthetic boards fit; a decode costs 2-100 ms."""

CACHE_SHARE = 0.25
"""Of the machine's memory, at most: the network, the optimizer and other programs need some too."""


Value = TypeVar("Value")


class ByteCache(Generic[Value]):
    """The values used last, as many as fit. Safe to use from several threads."""

    def __init__(self, limit: int, bytes_of: Callable[[Value], int]) -> None:
        self._limit = limit
        self._bytes_of = bytes_of
        self._held: OrderedDict[Hashable, Value] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """Held now; never above the limit."""
        return self._bytes

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value, made if it is not held. Two threads may make the same one; both are right."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        value = make()
        with self._lock:
            self._keep(key, value)
        return value

    def _keep(self, key: Hashable, value: Value) -> None:
        size = self._bytes_of(value)
        if key in self._held or size > self._limit:
            return
        self._held[key] = value
        self._bytes += size
        while self._bytes > self._limit:
            _, oldest = self._held.popitem(last=False)
            self._bytes -= self._bytes_of(oldest)


def affordable() -> int:
    """Bytes for the cache on this machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(CACHE_BYTES, int(memory * CACHE_SHARE))
