"""A worker whose engine has slots, as a GPU's: a thread and a batch each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np
import pytest

from inspector.engines.base import Sifted, Sifter
from inspector.engines.cuda_engine import SLOTS, CudaEngine, Model
from inspector.engines.pipeline import Pipeline
from inspector.engines.torch_engine import TorchEngine
from inspector.errors import InspectionFailed
from inspector.imaging.files import facts_of
from inspector.imaging.levels import Pixels
from inspector.messages.result import Result, State
from inspector.models.bundle import Bundle
from inspector.queue.memory import MemoryQueue
from tests.support.engines import Picky
from tests.support.gateway_end import GatewayEnd
from tests.support.images import grey_png
from tests.support.late_device import LateDevice
from tests.support.waiting import wait_until
from tests.workers.conftest import LONG, Rig
from workers.inspect_role import CPU_BATCH, CPU_READERS, sizes
from workers.settings import InspectSettings

IMAGE = grey_png(32, 32)
WIDE = grey_png(32, 64)


class PickySlot(Picky):
    """A slot of the real engine, on a device that is a CPU: it waits first, or refuses, if it is told to."""

    largest = 4

    def __init__(self, engine: CudaEngine) -> None:
        super().__init__(engine, refuses=lambda _: False)
        self.sifter = engine
        self.gate: threading.Barrier | None = None
        self.others: list[PickySlot] = []

    def sift(self, windows: Sequence[Pixels], size: tuple[int, int]) -> list[Sifted]:
        self.batches.append(len(windows))
        if self.gate is not None:
            self.gate.wait(20)
        if self.refuses(np.stack(windows).astype(np.float32)):
            raise InspectionFailed("the device says no")
        return self.sifter.sift(windows, size)

    def prepare(self, size: tuple[int, int]) -> None:
        self.sifter.prepare(size)

    def slots(self) -> Sequence[Sifter]:
        return (self, *self.others)


@pytest.fixture
def engine(tiny_bundle: Bundle) -> PickySlot:
    first, *others = CudaEngine(Model.of(tiny_bundle, LateDevice(), largest=4)).slots()
    assert isinstance(first, CudaEngine)
    slot = PickySlot(first)
    slot.others = [PickySlot(other) for other in others if isinstance(other, CudaEngine)]
    return slot


@pytest.fixture
def rig(pipeline: Pipeline, queue: MemoryQueue, engine: PickySlot) -> Iterator[Rig]:
    made = Rig(pipeline, queue.consumer("w1", LONG), max_lease=LONG, min_idle=LONG, engine=engine)
    yield made
    made.worker.stop()


def all_of(engine: PickySlot) -> list[PickySlot]:
    return [engine, *engine.others]


def test_every_image_gets_its_own_answer(
    gateway: GatewayEnd, rig: Rig, engine: PickySlot, tiny_bundle: Bundle
) -> None:
    measure = Pipeline(tiny_bundle, TorchEngine(tiny_bundle))
    images = [grey_png(32, 32 + 32 * (seed % 2), seed) for seed in range(24)]
    jobs = [gateway.submit(image) for image in images]
    rig.start()

    for image, snapshot in zip(images, gateway.wait_for(jobs), strict=True):
        [wanted] = measure.infer([measure.decode(image, facts_of(image))])
        assert snapshot.state is State.DONE
        assert snapshot.outcome is not None
        result = Result.model_validate_json(snapshot.outcome.result or b"")
        assert result.classification is not None
        assert result.classification.defective == pytest.approx(wanted.classification.defective, abs=1e-4)
        assert [one.defect_class for one in result.findings] == [
            one.defect_class for one in wanted.detections
        ]
    assert rig.compute.batches == SLOTS
    assert (rig.compute.lanes, rig.compute.at_once) == (1, 4 * SLOTS)
    assert sum(rig.engine.batches + [n for one in engine.others for n in one.batches]) == 24
    assert max(engine.batches) <= 4


def test_batches_are_under_way_side_by_side(gateway: GatewayEnd, rig: Rig, engine: PickySlot) -> None:
    # None gets on without the others: they do run at the same time.
    def open_all() -> None:
        for slot in all_of(engine):
            slot.gate = None

    together = threading.Barrier(SLOTS, action=open_all)
    for slot in all_of(engine):
        slot.gate = together
    jobs = [gateway.submit(IMAGE) for _ in range(4 * SLOTS)]
    rig.start()

    assert {snapshot.state for snapshot in gateway.wait_for(jobs)} == {State.DONE}
    assert all(slot.batches for slot in all_of(engine))


def test_an_image_that_the_device_refuses_fails_alone(
    gateway: GatewayEnd, rig: Rig, engine: PickySlot
) -> None:
    for slot in all_of(engine):
        slot.refuses = lambda batch: batch.shape[2] == 64
    jobs = [gateway.submit(image) for image in (IMAGE, WIDE, IMAGE, IMAGE)]
    rig.start()

    states = [snapshot.state for snapshot in gateway.wait_for(jobs)]
    assert states == [State.DONE, State.FAILED, State.DONE, State.DONE]
    assert rig.compute.failure is None


def test_a_device_that_is_lost_makes_the_worker_give_up(
    gateway: GatewayEnd, rig: Rig, engine: PickySlot
) -> None:
    lost = RuntimeError("CUDA error: device is lost")
    for slot in all_of(engine):
        slot.sifter._stream.fails = lost  # type: ignore[attr-defined]
    gateway.submit(IMAGE)
    rig.start()

    assert rig.wait() is False
    assert "does not run any more: torch failed on late: CUDA error: device is lost" in str(
        rig.compute.failure
    )


def test_a_slot_that_hangs_is_noticed_though_the_others_work(
    pipeline: Pipeline, queue: MemoryQueue, gateway: GatewayEnd, engine: PickySlot
) -> None:
    let_go = threading.Event()
    for slot in all_of(engine):
        slot.refuses = lambda batch: batch.shape[2] == 64 and let_go.wait(20)
    lease = timedelta(seconds=0.5)
    rig = Rig(pipeline, queue.consumer("w1", LONG), max_lease=lease, min_idle=LONG, engine=engine)
    gateway.submit(WIDE)
    end = time.monotonic() + 10
    rig.start()
    while rig.ended is None and time.monotonic() < end:
        job = gateway.submit(IMAGE)
        wait_until(lambda job=job: rig.compute.failure or gateway.read(job).state.terminal, 20)  # type: ignore[misc]
    let_go.set()

    assert rig.wait() is False
    assert "hangs" in (rig.compute.failure or "")


def test_batch_and_readers_are_the_engines_unless_set(engine: PickySlot, pipeline: Pipeline) -> None:
    unset, set_ = InspectSettings(), InspectSettings(batch_size=7, readers=3)
    assert sizes(unset, pipeline.engine) == (CPU_BATCH, CPU_READERS)
    batch, readers = sizes(unset, engine)
    assert (batch, readers >= 1) == (4, True)
    assert sizes(set_, engine) == sizes(set_, pipeline.engine) == (7, 3)
