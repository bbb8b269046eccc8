from __future__ import annotations

from datetime import timedelta

from inspector.engines.pipeline import Pipeline
from inspector.errors import InspectionFailed
from inspector.messages.result import failed
from inspector.queue.base import Delivery, Finished
from tests.support.images import grey_png, job_of
from workers.hands import Hands, Held, Stage

IMAGE = grey_png(32, 32)
LONG = timedelta(minutes=1)


def delivery(entry: str) -> Delivery:
    return Delivery(entry, 1, job_of(IMAGE), IMAGE)


def finish(hands: Hands, held: Held) -> None:
    job = held.delivery.job
    hands.finish(held, Finished(held.delivery, failed(job.id, job.line, InspectionFailed("x"))))


def ready(hands: Hands, pipeline: Pipeline, *entries: str) -> list[Held]:
    accepted = hands.accept([delivery(entry) for entry in entries])
    for held in accepted:
        hands.ready(held, pipeline.decode(IMAGE, held.delivery.job.image), 1.0)
    return accepted


def test_the_way_of_an_image(pipeline: Pipeline) -> None:
    hands = Hands(LONG)
    [held] = ready(hands, pipeline, "1")

    assert hands.next_batch(4) == [held]
    assert (len(hands), hands.count(Stage.COMPUTING)) == (1, 1)
    finish(hands, held)
    assert hands.finished() == [held]
    assert held.prepared is None, "its pixels are let go"
    hands.release(["1"])
    assert len(hands) == 0


def test_what_another_worker_took_goes_nowhere(pipeline: Pipeline) -> None:
    hands = Hands(LONG)
    first, second = ready(hands, pipeline, "1", "2")
    hands.release(["1"])

    assert hands.next_batch(4) == [second]
    finish(hands, first)
    assert hands.finished() == []


def test_an_image_that_comes_again_is_finished_by_its_later_delivery(pipeline: Pipeline) -> None:
    hands = Hands(LONG)
    [old] = ready(hands, pipeline, "1")
    assert hands.next_batch(1) == [old]
    [new] = ready(hands, pipeline, "1")

    finish(hands, old)
    assert hands.finished() == []
    finish(hands, new)
    assert hands.finished() == [new]


def test_what_is_withdrawn_is_not_started(pipeline: Pipeline) -> None:
    hands = Hands(LONG)
    ready(hands, pipeline, "1")
    hands.next_batch(1)
    ready(hands, pipeline, "2")
    hands.accept([delivery("3")])

    withdrawn = hands.withdraw(Stage.READING, Stage.READY)

    assert [each.entry for each in withdrawn] == ["2", "3"]
    assert hands.next_batch(4) == []
    assert [each.entry for each in hands.renewable()] == ["1"]


def test_a_lease_that_ended_is_not_renewed_and_computing_beyond_it_is_hanging(pipeline: Pipeline) -> None:
    hands = Hands(timedelta(0))
    ready(hands, pipeline, "1")

    assert hands.renewable() == []
    assert not hands.hung()
    hands.next_batch(1)
    assert hands.hung()


def test_progress_holds_what_computes_and_what_waits_for_it_anew(pipeline: Pipeline) -> None:
    hands = Hands(LONG)
    first, second = ready(hands, pipeline, "1", "2")
    batch = hands.next_batch(1)
    [reading] = hands.accept([delivery("3")])
    for held in (first, second, reading):
        held.lease_ends = 0.0
    assert hands.hung()

    hands.progressed(batch, Stage.READY)

    assert not hands.hung()
    assert [each.entry for each in hands.renewable()] == ["1", "2"]


def test_a_large_image_runs_alone(pipeline: Pipeline) -> None:
    hands = Hands(LONG)
    large = grey_png(600, 600)
    [held] = hands.accept([Delivery("1", 1, job_of(large), large)])
    hands.ready(held, pipeline.decode(large, held.delivery.job.image), 1.0)
    others = ready(hands, pipeline, "2", "3")

    assert hands.next_batch(4) == [held]
    assert hands.next_batch(4) == others
