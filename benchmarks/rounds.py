"""Rounds: every network for a second, in turns, so that a machine that slows down does so for all of them.

One ratio a round, of ours to the fastest rival of that same round; the figure is the median of the rounds,
with the lowest and the highest beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.figures import cpu, spread
from benchmarks.networks import OURS, Network
from inspector.engines.openvino_engine import has_bf16
from inspector.engines.openvino_runtime import core, ov
from inspector.errors import SettingsError

PRECISIONS = ("f32", "bf16", "int8")

SETUPS = {"1 stream x 2 threads": (1, 2), "2 streams x 1 thread": (2, 2)}
"""Streams, and threads of all of them together."""

Say = Callable[[str], None]


def run(
    networks: Sequence[Network], precisions: Sequence[str], count: int, seconds: float, say: Say
) -> dict[str, Any]:
    """`{"cpu", "openvino", "results": [{"setup", "precision", "rates", "ratio"}]}`, ready for JSON.

    Rates are images a second. Raises SettingsError for a precision that is none or that this CPU lacks.
    """
    _check(precisions)
    results = []
    for precision in precisions:
        for setup in SETUPS:
            say(f"{precision}, {setup}")
            results.append(_compared(networks, precision, setup, count, seconds))
    return {
        "cpu": cpu(),
        "openvino": ov.get_version(),
        "rounds": count,
        "seconds": seconds,
        "results": results,
    }


def ratios(rates: dict[str, list[float]]) -> list[float]:
    """Of each round: ours to the fastest of the others. Empty without a rival."""
    rivals = [values for name, values in rates.items() if name != OURS]
    if not rivals:
        return []
    fastest = [max(values) for values in zip(*rivals, strict=True)]
    return [mine / best for mine, best in zip(rates[OURS], fastest, strict=True)]


def _compared(
    networks: Sequence[Network], precision: str, setup: str, count: int, seconds: float
) -> dict[str, Any]:
    queues = {network.name: _queue(network, precision, setup) for network in networks}
    images = {
        network.name: np.random.default_rng(0).random(tuple(network.f32.input(0).shape), np.float32)
        for network in networks
    }
    rates: dict[str, list[float]] = {network.name: [] for network in networks}
    for number in range(count + 1):
        for name, queue in queues.items():
            # The round before the first warms up.
            rate = _rate(queue, images[name], seconds if number else seconds / 4)
            if number:
                rates[name].append(rate)
    found = ratios(rates)
    return {
        "setup": setup,
        "precision": precision,
        "rates": {name: spread(values) for name, values in rates.items()},
        "ratio": spread(found) if found else None,
    }


def _queue(network: Network, precision: str, setup: str) -> Any:
    streams, threads = SETUPS[setup]
    properties = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": threads,
    }
    return ov.AsyncInferQueue(core().compile_model(network.model(precision), "CPU", properties), streams)


def _rate(queue: Any, image: Any, seconds: float) -> float:
    """Images a second; the time ends when the last of them is done."""
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        queue.start_async({0: image}, share_inputs=True)
        done += 1
    queue.wait_all()
    return done / (time.perf_counter() - began)


def _check(precisions: Sequence[str]) -> None:
    for precision in precisions:
        if precision not in PRECISIONS:
            raise SettingsError(f"--precision {precision}: not one of {', '.join(PRECISIONS)}")
    if "bf16" in precisions and not has_bf16():
        raise SettingsError("this CPU has no bf16 units; give --precision f32 --precision int8")
