"""Bad input of every kind, as a client sends it; nothing of it may be accepted."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Iterator

import pytest

from tests.api.support import Line, gateway_in_memory, problem, raw_exchange
from tests.support.pictures import jpeg, png_claiming
from tests.support.waiting import wait_until

IMAGE = jpeg()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "empty-body"),
        (b"this is text, whatever its name says", 415, "unsupported-image"),
        (b"GIF89a" + bytes(100), 415, "unsupported-image"),
        (b"II*\0" + bytes(100), 422, "broken-image"),
        (IMAGE[: len(IMAGE) // 2], 422, "broken-image"),
        (IMAGE[:-2], 422, "broken-image"),
        (png_claiming(60_000, 60_000), 413, "too-many-pixels"),
        (bytes((1 << 20) + 1), 413, "image-too-large"),
    ],
)
def test_a_body_that_is_no_image(shared_line: Line, body: bytes, status: int, code: str) -> None:
    answer = shared_line.post(body, headers={"Content-Type": "image/jpeg"})

    assert answer.status_code == status
    said = problem(answer)
    assert said["type"] == f"/problems/{code}"
    assert said["advice"]
    assert shared_line.nothing_accepted()


def test_100_mb_are_refused_with_the_default_limit() -> None:
    with gateway_in_memory() as line:
        answer = line.post(bytes(100_000_000))

        assert answer.status_code == 413
        assert problem(answer)["type"] == "/problems/image-too-large"
        assert line.nothing_accepted()


def test_a_chunked_body_is_cut_off_at_the_limit(shared_line: Line) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield bytes(65_536)

    answer = shared_line.http.post("/v1/inspections", content=endless())

    assert answer.status_code == 413
    assert shared_line.nothing_accepted()


def head(length: int) -> bytes:
    return f"POST /v1/inspections HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode()


def test_a_content_length_beyond_the_limit_is_refused_with_nothing_sent(shared_line: Line) -> None:
    assert raw_exchange(shared_line.port, head(100_000_000)).startswith(b"HTTP/1.1 413 ")


def test_a_content_length_that_promises_more_than_comes(shared_line: Line) -> None:
    answer = raw_exchange(shared_line.port, head(len(IMAGE) + 1000) + IMAGE)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/slow-body" in answer
    assert b"connection: close" in answer.lower()
    assert shared_line.nothing_accepted()


def test_a_client_that_leaves_in_the_middle_of_the_body(shared_line: Line) -> None:
    raw_exchange(shared_line.port, head(len(IMAGE) + 1000) + IMAGE, half_close=True)
    assert shared_line.nothing_accepted()


def test_images_beyond_the_memory_for_all_that_come_at_once() -> None:
    with gateway_in_memory(max_intake_bytes=len(IMAGE) + 100) as line:
        with socket.create_connection(("127.0.0.1", line.port)) as slow:
            slow.sendall(head(len(IMAGE)) + IMAGE[:-1])
            wait_until(lambda: line.post(IMAGE).status_code == 503, what="a refusal")
            said = problem(line.post(IMAGE))
            assert said["type"] == "/problems/busy"
            slow.sendall(IMAGE[-1:])
            assert slow.recv(64).startswith(b"HTTP/1.1 202 ")
        assert line.post(IMAGE).status_code == 202


def test_a_content_length_that_promises_less_than_comes(shared_line: Line) -> None:
    answer = raw_exchange(shared_line.port, head(len(IMAGE) - 10) + IMAGE)

    # What is behind the length reads as a request that makes no sense, and the server may be first to say so.
    assert answer.startswith((b"HTTP/1.1 422 ", b"HTTP/1.1 400 "))
    assert shared_line.nothing_accepted()


def test_two_lengths_that_disagree(shared_line: Line) -> None:
    request = head(10).replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n") + b"0\r\n\r\n"
    assert raw_exchange(shared_line.port, request).startswith(b"HTTP/1.1 400 ")


def test_a_right_digest_is_accepted_and_a_wrong_one_is_not(line: Line) -> None:
    right = base64.b64encode(hashlib.sha256(IMAGE).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"else").digest()).decode()

    assert line.post(IMAGE, headers={"Content-Digest": f"sha-256=:{right}:"}).status_code == 202
    answer = line.post(IMAGE, headers={"Content-Digest": f"sha-256=:{wrong}:"})

    assert answer.status_code == 400
    assert problem(answer)["type"] == "/problems/digest-mismatch"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("deadline_ms", "-1"),
        ("deadline_ms", "0"),
        ("deadline_ms", "1.5"),
        ("deadline_ms", "1_000"),
        ("deadline_ms", "86400001"),
        ("deadline_ms", "999999999999999999999999"),
        ("line", "../../x"),
        ("line", ".."),
        ("line", "<script>alert(1)</script>"),
        ("line", "L1\n"),
        ("line", ""),
        ("station", "a" * 65),
        ("view", "a b"),
        ("recipe", "../default"),
        ("part_id", ""),
        ("part_id", "a" * 129),
        ("lot_id", "a\x00b"),
        ("lot_id", "a\nb"),
        ("captured_at", "yesterday"),
        ("captured_at", "1700000000"),
        ("captured_at", "2026-01-31T08:15:00"),
        ("captured_at", "2026-13-31T08:15:00Z"),
        ("simulated", "maybe"),
        ("stationn", "S1"),
    ],
)
def test_a_parameter_that_breaks_its_rule(shared_line: Line, name: str, value: str) -> None:
    answer = shared_line.http.post("/v1/inspections", content=IMAGE, params={name: value})

    said = problem(answer)
    assert (answer.status_code, said["type"]) == (400, "/problems/invalid-parameter")
    assert said["parameter"] == name
    assert "<script>" not in answer.text
    assert shared_line.nothing_accepted()


def test_a_parameter_given_twice(shared_line: Line) -> None:
    answer = shared_line.http.post("/v1/inspections?line=L1&line=L2", content=IMAGE)
    assert problem(answer)["parameter"] == "line"


@pytest.mark.parametrize("name", ["line", "part_id"])
def test_a_parameter_that_is_not_utf8(shared_line: Line, name: str) -> None:
    answer = shared_line.http.post(f"/v1/inspections?view=V1&{name}=%FF%FE", content=IMAGE)
    assert problem(answer)["parameter"] == name
    assert shared_line.nothing_accepted()


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x"])
def test_a_list_of_a_size_that_cannot_be(shared_line: Line, limit: str) -> None:
    answer = shared_line.http.get("/v1/inspections", params={"limit": limit})
    assert problem(answer)["parameter"] == "limit"


@pytest.mark.parametrize("name", ["Idempotency-Key", "Content-Digest"])
def test_a_header_that_breaks_its_rule(shared_line: Line, name: str) -> None:
    answer = shared_line.post(IMAGE, headers={name: '"'})

    assert answer.status_code == 400
    assert problem(answer)["parameter"] == name


def test_an_unknown_recipe(shared_line: Line) -> None:
    answer = shared_line.post(IMAGE, recipe="no-such")

    assert answer.status_code == 400
    said = problem(answer)
    assert said["type"] == "/problems/unknown-recipe"
    assert "default" in said["detail"]
