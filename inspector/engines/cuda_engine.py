"""The network on a CUDA device: levels go there as they are stored, what little findings can come of comes
back, and all in between is one recorded program for each size of a batch.

A slot is a stream with memory of its own, for one batch under way:

    host     fill shared memory with the windows of a batch
    stream   copy it there | levels -> network -> sift (torch_sift.py), a program | copy the rows back
    host     rows -> Sifted

Several slots, each in a thread of its own, make a pipeline without any further arrangement: while the device
computes the batch of one, the next one's goes there and the last one's is judged (docs/adr/0029-cuda.md).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inspector.engines.base import FloatArray, RawOutput, Sifted, Sifter
from inspector.engines.cuda_device import Device, Program, Stream
from inspector.engines.sifting import candidates
from inspector.engines.torch_engine import Network, first_line, load_network, named
from inspector.engines.torch_sift import Layout, Left, Step
from inspector.errors import InspectionFailed
from inspector.imaging.levels import Pixels
from inspector.imaging.preprocess import pad_level
from inspector.models.bundle import Bundle, Manifest
from inspector.models.folding import folded

T = TypeVar("T")

LARGEST = 32
"""Inputs in a run, if nothing else is asked for. An H200 needs 20 us for one by its memory's pace and about
as long to be told to run a program: with 32 that is a thirtieth."""

SLOTS = 3
"""Batches under way: one is filled and goes there, one is computed, one comes back and is judged."""

MOST_PIXELS = 128_000_000
"""Of all inputs in a run, 312 of 640 x 640: what is between the first layers takes gigabytes then."""

MOST_SIZES = 8
"""Of inputs, whose programs and memory a slot keeps; the one that was not used for longest leaves."""


def batch_sizes(largest: int) -> list[int]:
    """Those that have a program, largest first: the powers of two, and the largest itself."""
    return sorted({1 << bits for bits in range(largest.bit_length())} | {largest}, reverse=True)


def padded(count: int, largest: int) -> int:
    """The size of the program that runs `count` inputs."""
    return min(size for size in batch_sizes(largest) if size >= count)


@dataclass(slots=True)
class _Size:
    """What a slot holds for inputs of one size."""

    most: int
    """Inputs in a run."""
    layout: Layout
    levels: Tensor  # (most, H, W, C) shared
    there: Tensor  # the same on the device: where programs look
    rows: Tensor  # (most, layout.width) shared
    programs: dict[int, Program[Left]] = field(default_factory=dict)
    """By size of the batch."""
    tried: set[int] = field(default_factory=set)
    """Sizes of a batch that ran without one."""


@dataclass(frozen=True, slots=True)
class Model:
    """What all slots of a device share."""

    device: Device
    network: Network
    manifest: Manifest
    precision: str
    largest: int

    @classmethod
    def of(cls, bundle: Bundle, device: Device, *, precision: str = "f32", largest: int = 0) -> Model:
        """`precision` is f32 or bf16; `largest` 0: LARGEST. Raises BundleError (weights that do not fit the
        architecture) and InspectionFailed."""
        network = folded(load_network(bundle))
        with _told(device):
            placed = _made(device.stream(), lambda: Network(network, device.place, precision))
        return cls(device, placed, bundle.manifest, precision, largest or LARGEST)


class CudaEngine:
    """A Sifter: one slot. It opens the others."""

    def __init__(self, model: Model) -> None:
        """Raises InspectionFailed."""
        self.name, self.device, self.largest = named(model.precision), model.device.name, model.largest
        self._model = model
        self._pad = pad_level(model.manifest.input) or 0
        self._stream = model.device.stream()
        self._sizes: OrderedDict[tuple[int, int], _Size] = OrderedDict()
        with _told(model.device):
            self._step = _made(self._stream, lambda: Step(model.network, model.manifest, model.device.place))

    @torch.inference_mode()
    def sift(self, windows: Sequence[Pixels], size: tuple[int, int]) -> list[Sifted]:
        """See Sifter.sift."""
        with _told(self._model.device):
            place = self._of(size)
            starts = range(0, len(windows), place.most)
            batches = (windows[start : start + place.most] for start in starts)
            return [one for batch in batches for one in self._sift(place, batch)]

    @torch.inference_mode()
    def infer(self, batch: FloatArray) -> RawOutput:
        """See Engine.infer: everything that the network says, without a program. What evaluation compares."""
        said: list[FloatArray] = []

        def work() -> None:
            there = torch.from_numpy(np.ascontiguousarray(batch)).to(self._model.device.place)
            said.extend(output.cpu().numpy() for output in self._model.network(there))

        with _told(self._model.device):
            self._stream.do(work)
            self._stream.wait()
        return RawOutput(*said)

    @torch.inference_mode()
    def prepare(self, size: tuple[int, int]) -> None:
        """See Sifter.prepare."""
        with _told(self._model.device):
            place = self._of(size)
            # The largest first: the smaller ones find room in its memory.
            for count in batch_sizes(place.most):
                if count not in place.programs:
                    place.programs[count] = self._recorded(place, count)

    def slots(self) -> Sequence[Sifter]:
        """See Sifter.slots."""
        return (self, *(CudaEngine(self._model) for _ in range(SLOTS - 1)))

    # --- one batch ----------------------------------------------------------------------------------------

    def _sift(self, place: _Size, windows: Sequence[Pixels]) -> list[Sifted]:
        count = len(windows)
        fill(_levels(place.levels), windows, self._pad)
        self._stream.do(lambda: place.there[:count].copy_(place.levels[:count], non_blocking=True))
        # What lies behind the batch in the padded one is of an earlier batch, and its rows are not fetched.
        left = self._queue(place, padded(count, place.most))
        self._stream.do(lambda: place.rows[:count].copy_(left()[0][:count], non_blocking=True))
        self._stream.wait()
        # A copy: the next batch writes over them.
        rows: FloatArray = place.rows[:count].numpy().copy()
        return [self._sifted(place.layout, row, left(), index) for index, row in enumerate(rows)]

    def _queue(self, place: _Size, count: int) -> Callable[[], Left]:
        """The program of that many, or the step itself for a size that comes for the first time: of many it
        is the only time. What it leaves is there once the stream has come to it."""
        if count not in place.programs and count in place.tried:
            place.programs[count] = self._recorded(place, count)
        if program := place.programs.get(count):
            self._stream.do(program.run)
            return lambda: program.result
        place.tried.add(count)
        left: list[Left] = []
        self._stream.do(lambda: left.append(self._step(place.there[:count])))
        return lambda: left[0]

    def _recorded(self, place: _Size, count: int) -> Program[Left]:
        return self._stream.record(lambda: self._step(place.there[:count]))

    def _sifted(self, layout: Layout, row: FloatArray, left: Left, index: int) -> Sifted:
        layout.check(row)
        count = layout.count(row)
        one = layout.unpacked(row)
        if count == len(one.scores):
            return one
        whole: list[FloatArray] = []
        self._stream.do(lambda: whole.extend(part[index].cpu().numpy() for part in (left.boxes, left.scores)))
        self._stream.wait()
        boxes, scores = whole
        return Sifted(*candidates(boxes, scores, self._model.manifest), one.classes, one.attention)

    def _of(self, size: tuple[int, int]) -> _Size:
        if size not in self._sizes:
            while len(self._sizes) >= MOST_SIZES:
                self._sizes.popitem(last=False)
            self._sizes[size] = self._opened(size)
        self._sizes.move_to_end(size)
        return self._sizes[size]

    def _opened(self, size: tuple[int, int]) -> _Size:
        device, rules = self._model.device, self._model.manifest.input
        layout = Layout.of(self._model.manifest, size)
        most = max(1, min(self.largest, MOST_PIXELS // (size[0] * size[1])))
        shape = (most, *size, rules.channels)
        dtype = torch.uint8 if rules.bit_depth == 8 else torch.int16
        return _Size(
            most=most,
            layout=layout,
            levels=device.shared(shape, dtype),
            there=_made(self._stream, lambda: torch.zeros(shape, dtype=dtype, device=device.place)),
            rows=device.shared((most, layout.width), torch.float32),
        )


@contextmanager
def _told(device: Device) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise InspectionFailed(
            f"{device.name} has no memory left: fewer images in a run (--batch-size) need less"
        ) from error
    except RuntimeError as error:  # all else that torch and CUDA raise is of this kind
        raise InspectionFailed(f"torch failed on {device.name}: {first_line(error)}") from error


def _made(stream: Stream, make: Callable[[], T]) -> T:
    """By the stream, and there when this returns: another stream may use it."""
    made: list[T] = []
    stream.do(lambda: made.append(make()))
    stream.wait()
    return made[0]


def fill(levels: NDArray[Any], windows: Sequence[Pixels], pad: int) -> None:
    """Windows (h, w) or (h, w, C), none larger than an input -> the first rows of levels (N, H, W, C)."""
    for row, window in zip(levels, windows, strict=False):
        height, width = window.shape[:2]
        row[:height, :width] = window[..., None] if window.ndim == 2 else window
        row[height:] = pad
        row[:height, width:] = pad


def _levels(tensor: Tensor) -> NDArray[Any]:
    """As they are stored: torch has no arithmetic for uint16, so int16 carries its bits."""
    array: NDArray[Any] = tensor.numpy()
    return array.view(np.uint16) if tensor.dtype == torch.int16 else array
