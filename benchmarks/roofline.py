"""What an image costs a device at least: operations and bytes, counted by running the program on tensors that
have a shape and no content.

Each operation counts what it reads and what it writes, as if nothing stayed in a cache: so much a program of
separate kernels moves. Of the convolutions alone it is what would be left if all else were fused into them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.figures import table
from inspector.engines.torch_engine import Network, load_network
from inspector.engines.torch_sift import Layout, Step
from inspector.models.bundle import Bundle
from inspector.models.folding import folded

NOWHERE = torch.device("meta")


@dataclass(frozen=True, slots=True)
class Peaks:
    """Of the device and the way to it."""

    tflops: float
    """Of its matrix units, in bf16."""
    tflops_f32: float
    """Without them: f32 is not rounded to TF32 here."""
    tb_per_s: float
    link_gb_per_s: float


@dataclass(frozen=True, slots=True)
class Work:
    """Of one image, in a batch."""

    precision: str
    flops: float
    """2 x multiply-adds of convolutions and products."""
    input_bytes: float
    """Levels to numbers."""
    convolution_bytes: float
    between_bytes: float
    """Activations, gates, sums, concatenations, the heads' arithmetic."""
    sift_bytes: float
    up_bytes: int
    down_bytes: int

    @property
    def bytes(self) -> float:
        """Moved in the device's memory."""
        return self.input_bytes + self.convolution_bytes + self.between_bytes + self.sift_bytes


def of(bundle: Bundle, precision: str, size: tuple[int, int], batch: int) -> Work:
    manifest = bundle.manifest
    network = Network(folded(load_network(bundle)), NOWHERE, precision)
    step = Step(network, manifest, NOWHERE)
    dtype = torch.uint8 if manifest.input.bit_depth == 8 else torch.int16
    levels = torch.zeros((batch, *size, manifest.input.channels), dtype=dtype, device=NOWHERE)
    whole, numbers, said = _Moved(), _Moved(), _Moved()
    # Not inference_mode: there operations come here as they are written, not as they are done.
    with torch.no_grad():
        with FlopCounterMode(display=False) as counter, whole:
            step(levels)
        with numbers:
            x = step.input(levels)
        with said:
            network(x)
    return Work(
        precision=precision,
        flops=counter.get_total_flops() / batch,
        input_bytes=numbers.all / batch,
        convolution_bytes=said.convolutions / batch,
        between_bytes=(said.all - said.convolutions) / batch,
        sift_bytes=(whole.all - numbers.all - said.all) / batch,
        up_bytes=levels[0].numel() * levels.element_size(),
        down_bytes=4 * Layout.of(manifest, size).width,
    )


def bounds(work: Work, peaks: Peaks) -> dict[str, float]:
    """Images a second, by what bounds them."""
    memory, link = 1e12 * peaks.tb_per_s, 1e9 * peaks.link_gb_per_s
    return {
        "arithmetic": 1e12 * (peaks.tflops if work.precision == "bf16" else peaks.tflops_f32) / work.flops,
        "memory, every operation by itself": memory / work.bytes,
        "memory, all fused into the convolutions": memory / work.convolution_bytes,
        "copy there": link / work.up_bytes,
        "copy back": link / work.down_bytes,
    }


def markdown(works: Mapping[str, Work], peaks: Peaks) -> str:
    """By precision."""
    head = ["bound", *(f"{name}: an image" for name in works), *(f"{name}: images/s" for name in works)]
    costs: dict[str, Callable[[Work], str]] = {
        "arithmetic": lambda work: f"{work.flops / 1e9:.2f} GFLOP",
        "memory, every operation by itself": lambda work: f"{work.bytes / 1e6:.1f} MB",
        "memory, all fused into the convolutions": lambda work: f"{work.convolution_bytes / 1e6:.1f} MB",
        "copy there": lambda work: f"{work.up_bytes / 1e3:.0f} kB",
        "copy back": lambda work: f"{work.down_bytes / 1e3:.0f} kB",
    }
    rows = [
        [
            name,
            *(cost(work) for work in works.values()),
            *(f"{bounds(work, peaks)[name]:,.0f}" for work in works.values()),
        ]
        for name, cost in costs.items()
    ]
    said = (
        f"Counted, not measured; at {peaks.tflops:g} TFLOP/s in bf16, {peaks.tflops_f32:g} in f32, "
        f"{peaks.tb_per_s:g} TB/s and {peaks.link_gb_per_s:g} GB/s each way."
    )
    return "\n".join([said, "", table(head, rows)])


# Unannotated in torch, as is its __init__.
class _Moved(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Bytes that the operations inside read and wrote."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.all = 0
        self.convolutions = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if not _is_view(func):
            moved = sum(_bytes(leaf) for leaf in tree_leaves((args, kwargs, result)))
            self.all += moved
            if func._schema.name == "aten::convolution":
                self.convolutions += moved
        return result


def _is_view(func: Any) -> bool:
    """Its result is the same memory under another shape."""
    infos = [returned.alias_info for returned in func._schema.returns]
    return any(info is not None and not info.is_write for info in infos)


def _bytes(leaf: object) -> int:
    if not isinstance(leaf, Tensor):
        return 0
    # What was expanded lies in memory once.
    sizes = [size for size, step in zip(leaf.shape, leaf.stride(), strict=True) if step]
    return math.prod(sizes) * leaf.element_size()
