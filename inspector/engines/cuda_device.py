"""A CUDA device, as much of it as an engine needs. The one room that knows torch.cuda; tests put another
device in its place, which does all it is told as late as it may (tests/support/late_device.py).

    device = CudaDevice("cuda:0")
    stream = device.stream()
    stream.do(work)        queued: it may not have begun when this returns
    stream.record(work)    a program: the same work on the same memory, queued again at the cost of one call
    stream.wait()          until all of it is done
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from inspector.errors import EngineUnavailable

WARM_UPS = 3
"""Runs before a recording: the libraries choose their kernels, and load them, at the first ones."""

T = TypeVar("T")


class Program(NamedTuple, Generic[T]):
    """What `run` does ends in `result`, the same tensors each time."""

    run: Callable[[], None]
    result: T


class Stream(Protocol):
    """Work in the order that it is given in, beside that of other streams. Of one thread."""

    def do(self, work: Callable[[], object]) -> None: ...

    def record(self, work: Callable[[], T]) -> Program[T]: ...

    def wait(self) -> None: ...


class Device(Protocol):
    place: torch.device
    name: str
    """As shown to people."""

    def shared(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Memory of this process that the device reads and writes by itself."""

    def stream(self) -> Stream: ...


class CudaDevice:
    """A Device."""

    def __init__(self, wanted: str) -> None:
        """`cuda` or `cuda:N`. Raises EngineUnavailable: there is none, or not that one."""
        self.place = torch.device("cuda", torch.device(wanted).index or 0)
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if self.place.index >= count:
            raise EngineUnavailable(f"device {wanted!r}: torch finds {_found(count)}")
        self.name = f"{self.place} {torch.cuda.get_device_name(self.place)}"
        self._recording = threading.Lock()
        # TF32 would round to 10 bits: other scores than those that were measured, for a network this small.
        torch.backends.cudnn.allow_tf32 = False
        # Every size comes thousands of times: it pays to try all kernels once.
        torch.backends.cudnn.benchmark = True

    def shared(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        # Under the device: pinning would else open the machine's first one too, half a gigabyte of it.
        with torch.cuda.device(self.place):
            return torch.empty(tuple(shape), dtype=dtype, pin_memory=True)

    def stream(self) -> Stream:
        return CudaStream(self.place, self._recording)


class CudaStream:
    """A Stream. `recording`: torch allows one recording at a time in a process."""

    def __init__(self, place: torch.device, recording: threading.Lock) -> None:
        self._place = place
        self._recording = recording
        self._stream = torch.cuda.Stream(place)  # type: ignore[no-untyped-call]  # unannotated in torch
        with torch.cuda.device(place):
            # Programs of one stream never run at the same time, so they may share what memory they need.
            self._pool = torch.cuda.graph_pool_handle()
            # A thread that waits for a blocking one sleeps; another would spin, on a core that could decode.
            self._done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]

    def do(self, work: Callable[[], object]) -> None:
        with torch.cuda.stream(self._stream):
            work()

    def record(self, work: Callable[[], T]) -> Program[T]:
        with self._recording, torch.cuda.device(self._place):
            for _ in range(WARM_UPS):
                self.do(work)
            self.wait()
            graph = torch.cuda.CUDAGraph()
            # thread_local: what other streams' threads do meanwhile is no mistake of this one.
            with torch.cuda.graph(
                graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
            ):
                result = work()
        return Program(graph.replay, result)

    def wait(self) -> None:
        self._done.record(self._stream)
        self._done.synchronize()


def cuda_is_there() -> bool:
    """Whether torch can use a CUDA device now."""
    return torch.cuda.is_available()


def _found(count: int) -> str:
    if torch.version.cuda is None:
        return "none: this torch was built for CPUs; install the build for your driver's CUDA"
    return f"{count} CUDA devices on this machine" + (
        "; does nvidia-smi see the driver?" if not count else ""
    )
