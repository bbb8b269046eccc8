"""A Device (engines/cuda_device.py) that is a CPU and does what it is told as late as it may: only once it is
waited for. Its memory is never clean, and a program writes where it wrote when it was recorded.

So whoever reads what has not come yet, or writes over what is still needed, gets wrong numbers here, always.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from inspector.engines.cuda_device import Program, Stream

T = TypeVar("T")


class LateDevice:
    place = torch.device("cpu")
    name = "late"

    def __init__(self) -> None:
        self.streams: list[LateStream] = []

    def shared(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        return torch.full(tuple(shape), 77, dtype=dtype)

    def stream(self) -> Stream:
        self.streams.append(LateStream())
        return self.streams[-1]


class LateStream:
    """`fails` is raised by the next waits, as long as it is set."""

    def __init__(self) -> None:
        self.recorded = 0
        self.replayed = 0
        self.fails: Exception | None = None
        self._queued: list[Callable[[], object]] = []

    def do(self, work: Callable[[], object]) -> None:
        self._queued.append(work)

    def record(self, work: Callable[[], T]) -> Program[T]:
        self.wait()
        self.recorded += 1
        result = work()

        def run() -> None:
            self.replayed += 1
            for mine, fresh in zip(result, work(), strict=True):  # type: ignore[call-overload]
                mine.copy_(fresh)

        return Program(run, result)

    def wait(self) -> None:
        queued, self._queued = self._queued, []
        if self.fails is not None:
            raise self.fails
        for work in queued:
            work()
