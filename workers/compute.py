"""Images become outcomes, in one of two ways; neither touches the network.

readers and batches   threads decode, one thread runs the model on what is ready: a CPU's single core; on a
                      GPU a thread a slot: while it computes the batch of one, another one fills the next
lanes                 a thread a core takes one image from bytes to outcome, on its share of the device; one
                      that is alone in hand has all of it

A batch that fails is tried image by image, so that one image cannot fail its neighbours. An image that fails
alone is failed if the model still runs on an empty one; if not, or if several images in a row fail, it is the
worker that is broken: it gives up, and its images go to another one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from time import perf_counter

from inspector.engines.base import Engine
from inspector.engines.conclude import conclude, outcome
from inspector.engines.pipeline import Pipeline
from inspector.engines.postprocess import Inspection
from inspector.errors import DeadlineExpired, InspectionFailed, InspectorError
from inspector.imaging.overlay import encode_png
from inspector.imaging.preprocess import Prepared
from inspector.messages.job import Job
from inspector.messages.result import Timings, failed
from inspector.queue.base import Finished
from workers.hands import Hands, Held, Stage

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
"""Of different images, each alone: one is the image's, three are the worker's."""


class GaveUp(Exception):
    """The model does not run any more. Internal to the compute thread."""


class Compute:
    """`failure` says why it gave up; from then on it starts nothing, and its images can be withdrawn.
    `on_batch` is told the size of each run of the model.

    `lanes` and `slots` are those of the pipeline's engine (engines/base.py); an engine has one kind at most.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        hands: Hands,
        lanes: Sequence[Engine] = (),
        slots: Sequence[Engine] = (),
        *,
        batch_size: int,
        readers: int,
        on_batch: Callable[[int], None],
    ) -> None:
        self.failure: str | None = None
        self._pipeline = pipeline
        self._hands = hands
        self._batch_size = batch_size
        self._on_batch = on_batch
        self._failed_in_a_row: set[str] = set()
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="reader")
        self._lanes = lanes
        self._whole_device = threading.Lock()
        works: list[Callable[[], None]] = [partial(self._run_lane, lane) for lane in lanes]
        works = works or [partial(self._run_batches, slot) for slot in slots or [pipeline.engine]]
        # Daemons: a hung device must not keep the process alive.
        self._threads = [
            threading.Thread(target=self._run, args=[work], name="compute", daemon=True) for work in works
        ]

    @property
    def lanes(self) -> int:
        """How many images are computed side by side, each by itself; 1 in batches."""
        return len(self._lanes) or 1

    @property
    def batches(self) -> int:
        """How many batches are under way at a time; 1 in lanes."""
        return 1 if self._lanes else len(self._threads)

    @property
    def at_once(self) -> int:
        """How many images can be begun while none is in hand: one in each lane, or a batch."""
        return self.lanes if self._lanes else self._batch_size * self.batches

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def read(self, taken: Sequence[Held]) -> None:
        """Decode these in the background; they come to the compute thread by themselves. A lane decodes its
        own."""
        if not self._lanes:
            for held in taken:
                self._readers.submit(self._read, held)

    def close(self) -> None:
        """After Hands.withdraw: let the readers end."""
        self._readers.shutdown(wait=True, cancel_futures=True)

    # --- readers ------------------------------------------------------------------------------------------

    def _read(self, held: Held) -> None:
        start = perf_counter()
        prepared = self._decoded(held)
        if prepared is not None:
            self._hands.ready(held, prepared, _ms_since(start))

    def _decoded(self, held: Held) -> Prepared | None:
        """None: it has failed."""
        delivery = held.delivery
        try:
            _check_deadline(delivery.job)
            self._pipeline.bundle.check(delivery.job.recipe)
            return self._pipeline.decode(delivery.read(), delivery.job.image)
        except Exception as error:  # noqa: BLE001 - whatever it is, the image must get its outcome
            self._fail(held, error)
            return None

    # --- the compute threads ------------------------------------------------------------------------------

    def _run_batches(self, engine: Engine) -> None:
        while batch := self._hands.next_batch(self._batch_size):
            self._inspect(self._in_time(batch), engine)

    def _run_lane(self, lane: Engine) -> None:
        while taken := self._hands.next_for_lane():
            held, alone = taken
            start = perf_counter()
            prepared = self._decoded(held)
            if prepared is None:
                continue
            self._hands.decoded(held, prepared, _ms_since(start))
            # The lock: one that another worker took over meanwhile is no longer in hand, and may still run.
            if alone and self._whole_device.acquire(blocking=False):
                try:
                    self._inspect([held], self._pipeline.engine)
                finally:
                    self._whole_device.release()
            else:
                self._inspect([held], lane)

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except GaveUp as error:
            self._give_up(str(error))
        except BaseException as error:
            log.exception("the compute thread broke")
            self._give_up(f"{type(error).__name__}: {error}")

    def _give_up(self, why: str) -> None:
        self.failure = why
        self._hands.withdraw()  # of no stage: only lets nothing more start, and wakes the network thread

    def _in_time(self, batch: list[Held]) -> list[Held]:
        """Without those whose deadline passed while they waited here."""
        kept = []
        for held in batch:
            try:
                _check_deadline(held.delivery.job)
            except DeadlineExpired as error:
                self._fail(held, error)
            else:
                kept.append(held)
        return kept

    def _inspect(self, batch: list[Held], engine: Engine) -> None:
        if not batch:
            return
        start = perf_counter()
        try:
            images = [held.prepared for held in batch if held.prepared]
            waiting = Stage.READING if self._lanes else Stage.READY
            seen = self._pipeline.infer(images, partial(self._hands.progressed, batch, waiting), engine)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told apart and becomes an outcome
            self._tell_apart(batch, error, engine)
            return
        self._failed_in_a_row.clear()
        self._on_batch(len(batch))
        inference_ms = _ms_since(start)
        for held, inspection in zip(batch, seen, strict=True):
            self._conclude(held, inspection, inference_ms)

    def _tell_apart(self, batch: list[Held], error: Exception, engine: Engine) -> None:
        if len(batch) > 1:
            log.warning("a batch of %d failed, now one by one: %s", len(batch), error)
            for held in batch:
                self._inspect([held], engine)
            return
        self._failed_in_a_row.add(batch[0].delivery.job.id)
        if len(self._failed_in_a_row) >= FAILURES_IN_A_ROW:
            raise GaveUp(f"{FAILURES_IN_A_ROW} images in a row failed; the last: {error}") from error
        self._probe(engine)
        self._fail(batch[0], error)

    def _probe(self, engine: Engine) -> None:
        try:
            self._pipeline.warm_up(engine)
        except Exception as error:
            raise GaveUp(f"the model does not run any more: {error}") from error

    def _conclude(self, held: Held, seen: Inspection, inference_ms: float) -> None:
        try:
            job, now = held.delivery.job, datetime.now(UTC)
            timings = _timings(held, inference_ms, now)
            result = conclude(job, seen, self._pipeline.model, timings, now)
            finished = Finished(held.delivery, outcome(job.id, result), encode_png(seen.attention))
        except Exception as error:  # noqa: BLE001 - whatever it is, the image must get its outcome
            self._fail(held, error)
        else:
            self._hands.finish(held, finished, result=result)

    def _fail(self, held: Held, error: Exception) -> None:
        job = held.delivery.job
        if not isinstance(error, InspectorError):
            log.error("image %s: unforeseen", job.id, exc_info=error)
            error = InspectionFailed(f"{type(error).__name__}: {error}")
        log.warning("image %s of line %s: %s: %s", job.id, job.line, error.code, error)
        finished = Finished(held.delivery, failed(job.id, job.line, error, job))
        self._hands.finish(held, finished, error_code=error.code)


def _check_deadline(job: Job) -> None:
    now = datetime.now(UTC)
    if job.missed(now):
        late = (now - job.received_at).total_seconds() * 1000
        raise DeadlineExpired(f"not begun {late:.0f} ms after receipt; the deadline was {job.deadline_ms} ms")


def _timings(held: Held, inference_ms: float, finished_at: datetime) -> Timings:
    received = held.delivery.job.received_at
    return Timings(
        queued=_ms(received, held.taken_at),
        decode=round(held.decode_ms, 3),
        inference=round(inference_ms, 3),
        total=_ms(received, finished_at),
    )


def _ms(start: datetime, end: datetime) -> float:
    # Never below 0, although the gateway's clock may be ahead of this machine's.
    return round(max(0.0, (end - start).total_seconds() * 1000), 3)


def _ms_since(start: float) -> float:
    return (perf_counter() - start) * 1000
