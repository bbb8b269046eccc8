from __future__ import annotations

import json
import threading
from collections.abc import Callable

import httpx
import pytest

from api.schemas import Inspection, InspectionList
from inspector.errors import PoisonImage
from inspector.messages.result import Verdict
from tests.api.support import MAP, Line, gateway_in_memory, problem
from tests.support.pictures import bmp, jpeg, png, tiff
from tests.support.waiting import wait_until

IMAGE = jpeg()


def waiting_post(line: Line, **query: object) -> tuple[threading.Thread, list[httpx.Response]]:
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(line.post(IMAGE, wait=15, **query)))
    thread.start()
    return thread, answers


def test_without_a_wait_it_is_202_and_the_url_to_ask(line: Line) -> None:
    answer = line.post(IMAGE)

    said = Inspection.model_validate_json(answer.content)
    assert answer.status_code == 202
    assert said.state == "queued"
    assert not said.accept
    assert answer.headers["location"] == said.links.self == f"/v1/inspections/{said.id}"
    assert "preference-applied" not in answer.headers
    assert line.http.get(answer.headers["location"]).json() == answer.json()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("encoded", [png, tiff])
def test_sixteen_bits_are_taken_in_and_come_back_as_they_were(
    line: Line, encoded: Callable[..., bytes], channels: int
) -> None:
    image = encoded(channels=channels, bits=16)

    answer = line.post(image)

    assert answer.status_code == 202
    assert line.http.get(answer.json()["links"]["image"]).content == image


def test_all_that_is_said_of_a_part_reaches_the_worker_and_the_answer(line: Line) -> None:
    query = {
        "line": "L1",
        "station": "S-2",
        "view": "top",
        "part_id": "Teil 7/ü",
        "lot_id": "<b>lot</b>",
        "captured_at": "2026-01-31T08:15:00.250+02:00",
        "deadline_ms": 60_000,
        "simulated": "true",
    }
    with line.working():
        answer = line.post(IMAGE, wait=10, **query)

    said = Inspection.model_validate_json(answer.content)
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=10"
    assert said.result is not None
    assert said.accept
    assert (said.result.part_id, said.result.lot_id) == ("Teil 7/ü", "<b>lot</b>")
    assert said.result.captured_at is not None
    assert said.result.captured_at.isoformat() == "2026-01-31T08:15:00.250000+02:00"
    assert (said.result.simulated, said.result.deadline_ms) == (True, 60_000)


def test_the_workers_bytes_are_spliced_unparsed(line: Line) -> None:
    thread, answers = waiting_post(line)
    delivery = line.take()
    line.finish(delivery, Verdict.NG)
    thread.join()

    wanted = line.http.get(f"/v1/inspections/{delivery.job.id}").content
    assert answers[0].content == wanted
    assert b'"verdict":"NG"' in answers[0].content
    assert answers[0].json()["accept"] is False


def test_a_failed_image_is_a_200_with_an_error_and_never_accepts(line: Line) -> None:
    thread, answers = waiting_post(line)
    line.fail(line.take(), PoisonImage("delivered 3 times"))
    thread.join()

    said = Inspection.model_validate_json(answers[0].content)
    assert answers[0].status_code == 200
    assert (said.state, said.accept, said.result) == ("failed", False, None)
    assert said.error is not None
    assert said.error.code == "poison-image"
    assert said.links.attention is None


def test_a_wait_that_elapses_is_202_and_the_result_comes_later(line: Line) -> None:
    answer = line.post(IMAGE, wait=1)
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "wait=1"

    line.finish(line.take())

    later = line.http.get(answer.headers["location"])
    assert later.json()["state"] == "done"


def test_looking_up_waits_too(line: Line) -> None:
    where = line.post(IMAGE).headers["location"]
    answers: list[httpx.Response] = []
    thread = threading.Thread(
        target=lambda: answers.append(line.http.get(where, headers={"Prefer": "wait=15"}))
    )
    thread.start()
    wait_until(lambda: line.metric("inspector_gateway_waiters") == 1, what="a waiter")
    line.finish(line.take())
    thread.join()

    assert answers[0].status_code == 200
    assert answers[0].headers["preference-applied"] == "wait=15"
    assert answers[0].json()["state"] == "done"
    wait_until(lambda: line.metric("inspector_gateway_waiters") == 0, what="no waiter left")


def test_a_part_that_no_worker_starts_in_time_is_expired(line: Line) -> None:
    answer = line.post(IMAGE, wait=15, deadline_ms=100)

    said = Inspection.model_validate_json(answer.content)
    assert answer.status_code == 200
    assert (said.state, said.accept) == ("expired", False)
    assert said.error is not None
    assert said.error.code == "deadline-expired"
    assert line.metric('inspector_gateway_expired_total{line="default"}') == 1


def test_a_client_that_leaves_loses_nothing(line: Line) -> None:
    with pytest.raises(httpx.ReadTimeout):
        line.http.post("/v1/inspections", content=IMAGE, headers={"Prefer": "wait=30"}, timeout=0.5)

    delivery = line.take()
    line.finish(delivery)

    assert line.http.get(f"/v1/inspections/{delivery.job.id}").json()["state"] == "done"


def test_the_wait_is_capped_and_the_answer_says_so() -> None:
    with gateway_in_memory(max_wait_s=1) as line:
        answer = line.post(IMAGE, wait=3600)

    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "wait=1"


@pytest.mark.parametrize("keys", [("part-1", "part-1"), ('"part-1"', "part-1")])
def test_the_same_key_is_the_same_inspection(line: Line, keys: tuple[str, str]) -> None:
    first = line.post(IMAGE, headers={"Idempotency-Key": keys[0]})
    again = line.post(IMAGE, headers={"Idempotency-Key": keys[1]})
    assert first.json()["id"] == again.json()["id"]

    line.finish(line.take())
    finished = line.post(IMAGE, headers={"Idempotency-Key": keys[1]})

    assert finished.status_code == 200
    assert finished.json()["state"] == "done"
    assert line.metric('inspector_images_received_total{line="default"}') == 1


def test_a_key_used_again_for_another_request_is_422(line: Line) -> None:
    key = {"Idempotency-Key": "part-1"}
    line.post(IMAGE, headers=key)

    for answer in (line.post(png(), headers=key), line.post(IMAGE, headers=key, part_id="2")):
        assert answer.status_code == 422
        assert problem(answer)["type"] == "/problems/idempotency-conflict"


@pytest.mark.parametrize(
    ("image", "media_type"),
    [(jpeg(), "image/jpeg"), (png(), "image/png"), (bmp(), "image/bmp"), (tiff(), "image/tiff")],
)
def test_image_and_map_come_back_byte_for_byte(line: Line, image: bytes, media_type: str) -> None:
    said = line.post(image).json()
    held = line.http.get(said["links"]["image"])
    assert said["links"]["attention"] is None
    assert held.content == image
    assert held.headers["content-type"] == media_type
    assert held.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in held.headers["content-security-policy"]

    line.finish(line.take())
    links = line.http.get(said["links"]["self"]).json()["links"]

    assert line.http.get(links["image"]).content == image
    attention = line.http.get(links["attention"])
    assert (attention.content, attention.headers["content-type"]) == (MAP, "image/png")


@pytest.mark.parametrize(
    ("image", "media_type"), [(jpeg(), "image/jpeg"), (png(), "image/png"), (bmp(), "image/bmp")]
)
def test_what_a_browser_shows_is_its_own_preview(line: Line, image: bytes, media_type: str) -> None:
    shown = line.http.get(line.post(image).json()["links"]["preview"])
    assert (shown.content, shown.headers["content-type"]) == (image, media_type)
    assert "sandbox" in shown.headers["content-security-policy"]


@pytest.mark.parametrize("image", [tiff(), png(bits=16)])
def test_what_a_browser_does_not_show_has_no_preview_without_a_record(line: Line, image: bytes) -> None:
    missing = line.http.get(line.post(image).json()["links"]["preview"])
    assert (missing.status_code, problem(missing)["type"]) == (404, "/problems/no-preview")
    assert "cache-control" not in missing.headers or "no-store" in missing.headers["cache-control"]


def test_what_has_left_the_recent_ones_is_gone_and_has_no_link() -> None:
    with gateway_in_memory(recent_bytes=0) as line:
        said = line.post(IMAGE).json()
        line.post(IMAGE)
        for _ in range(2):
            line.finish(line.take())
        later = line.http.get(said["links"]["self"]).json()
        image = line.http.get(said["links"]["image"])

    assert [later["links"][name] for name in ("image", "preview", "thumbnail")] == [None] * 3
    assert later["state"] == "done"
    assert image.status_code == 410
    assert problem(image)["type"] == "/problems/image-gone"


def test_the_latest_come_newest_first(line: Line) -> None:
    assert line.http.get("/v1/inspections").json() == {"inspections": [], "next": None}
    with line.working():
        ids = [line.post(IMAGE, wait=10).json()["id"] for _ in range(3)]

    listed = InspectionList.model_validate_json(line.http.get("/v1/inspections?limit=2").content)

    assert [one.id for one in listed.inspections] == [ids[2], ids[1]]


@pytest.mark.parametrize("unknown", ["0" * 32, "x", "..%2F..", "0" * 33])
@pytest.mark.parametrize("tail", ["", "/image", "/preview", "/thumbnail", "/attention.png"])
def test_an_unknown_id_is_404(shared_line: Line, unknown: str, tail: str) -> None:
    answer = shared_line.http.get(f"/v1/inspections/{unknown}{tail}")
    assert answer.status_code == 404
    assert problem(answer)["type"] in {"/problems/inspection-not-found", "/problems/not-found"}


def test_ids_are_ordered_by_time_and_never_alike(line: Line) -> None:
    ids = [json.loads(line.post(IMAGE).content)["id"] for _ in range(3)]
    assert len({*ids}) == 3
    assert [one[:12] for one in ids] == sorted(one[:12] for one in ids)


def test_a_full_queue_is_503_before_the_body_is_read() -> None:
    with gateway_in_memory(queue_max_depth=1) as line:
        assert line.post(IMAGE).status_code == 202
        answer = line.post(b"not even looked at")

        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert problem(answer)["retry_after_ms"] == 1000
        line.finish(line.take())
        assert line.post(IMAGE).status_code == 202


def test_a_line_over_its_own_budget_is_429_before_the_body_is_read() -> None:
    with gateway_in_memory(line_max_depth=1) as line:
        assert line.post(IMAGE, line="L1").status_code == 202
        answer = line.post(b"not even looked at", line="L1")

        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "1"
        assert problem(answer)["type"] == "/problems/line-busy"
        assert problem(answer)["retry_after_ms"] == 1000
        assert line.post(IMAGE, line="L2").status_code == 202
