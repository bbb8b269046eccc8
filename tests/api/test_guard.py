"""The server under hostile connections, on real sockets: what they get, and that others are served."""

from __future__ import annotations

import json
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta

import pytest

from api import guard
from api.guard import HEAD_BYTES, HEAD_LINES, PIPELINED
from tests.api.support import Line, complete, gateway_in_memory, raw_exchange
from tests.support.pictures import jpeg
from tests.support.waiting import wait_until

IMAGE = jpeg()
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def impatient() -> Iterator[Line]:
    """A gateway that waits for a head for 0.5 s, and takes 8 connections of one address without one."""
    with gateway_in_memory(head_timeout_s=0.5, max_waiting_per_address=8) as line:
        yield line


@contextmanager
def connection(line: Line, first: bytes = b"") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", line.port), timeout=10) as made:
        made.sendall(first)
        yield made


def ended(one: socket.socket) -> bytes:
    """All that it still gets until the other side closes it."""
    got = b""
    with suppress(ConnectionResetError):
        while chunk := one.recv(65_536):
            got += chunk
    return got


def detail(answer: bytes) -> str:
    head, _, content = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    return str(json.loads(content)["detail"])


# --- heads ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent", [b"G", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nHost: x\r\nA"]
)
def test_a_head_that_does_not_come_to_its_end_is_408(impatient: Line, sent: bytes) -> None:
    with connection(impatient, sent) as trickling:
        answer = ended(trickling)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert "no whole request head came within 0.5 s" in detail(answer)


def test_trickling_wins_no_time(impatient: Line) -> None:
    with connection(impatient, GET[:10]) as trickling:
        trickling.settimeout(0.02)
        answer = b""
        for byte in GET[10:-1] * 100:
            with suppress(TimeoutError):
                answer += trickling.recv(65_536)
            if answer:
                break
            trickling.sendall(bytes([byte]))
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_sends_nothing_is_closed_without_a_word(impatient: Line) -> None:
    with connection(impatient) as silent:
        assert ended(silent) == b""


def test_the_next_request_of_a_connection_has_the_same_deadline(impatient: Line) -> None:
    with connection(impatient, GET) as kept:
        assert kept.recv(65_536).startswith(b"HTTP/1.1 200 ")
        kept.sendall(GET[:20])
        assert ended(kept).startswith(b"HTTP/1.1 408 ")


def test_a_connection_is_kept_for_many_requests(shared_line: Line) -> None:
    with connection(shared_line) as kept:
        for _ in range(50):
            kept.sendall(GET)
            answer = b""
            while not complete(answer):
                answer += kept.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_request_may_come_whole_in_one_piece(impatient: Line) -> None:
    """Its body counts to nobody's head. How the kernel cuts it up is chance, so there are many."""
    image = jpeg(240, 200)
    post = b"POST /v1/inspections?line=L1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
    assert HEAD_BYTES < len(image) < 65_536
    for _ in range(30):
        assert raw_exchange(impatient.port, post % (len(image), image)).startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize(
    "head",
    [
        b"A: " + b"x" * HEAD_BYTES,
        b"\r\n".join(b"A: 1" for _ in range(HEAD_LINES + 1)),
        b"\r\n".join(b"A: " + b"x" * 1000 for _ in range(60)),
    ],
)
def test_a_head_without_measure_is_431(shared_line: Line, head: bytes) -> None:
    assert raw_exchange(shared_line.port, GET[:-2] + head + b"\r\n\r\n").startswith(b"HTTP/1.1 431 ")


def test_a_head_without_end_is_cut_off(shared_line: Line) -> None:
    with connection(shared_line, GET[:-2] + b"A: ") as endless:
        with suppress(ConnectionError):
            for _ in range(100):
                endless.sendall(b"x" * 65_536)
        ended(endless)  # it does end; its answer is lost where the bytes behind it are thrown away


def test_a_url_without_measure_is_431(shared_line: Line) -> None:
    request = GET.replace(b"/healthz", b"/" + b"x" * HEAD_BYTES)
    assert raw_exchange(shared_line.port, request).startswith(b"HTTP/1.1 431 ")


def test_a_head_of_a_browser_and_two_proxies_is_fine(shared_line: Line) -> None:
    head = b"\r\n".join(b"X-%d: %s" % (number, b"v" * 200) for number in range(60))
    assert raw_exchange(shared_line.port, GET[:-2] + head + b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "request_bytes", [b"\x16\x03\x01\x02\x00\x01\x00", b"\r\n\r\nnonsense\r\n\r\n", b"GET\r\n\r\n"]
)
def test_what_is_no_http_is_400(shared_line: Line, request_bytes: bytes) -> None:
    answer = raw_exchange(shared_line.port, request_bytes)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert "no HTTP request" in detail(answer)


def test_a_flood_of_requests_on_one_connection_is_cut_off(shared_line: Line) -> None:
    waiting = b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connection(shared_line, waiting + GET * (PIPELINED + 2)) as flooding:
        assert "requests came without waiting" in detail(ended(flooding))


# --- bodies -----------------------------------------------------------------------------------------------

POST = b"POST /v1/inspections HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def chunk(content: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(content), extension, content)


def test_an_image_in_chunks_of_one_byte_is_accepted(line: Line) -> None:
    body = b"".join(chunk(IMAGE[at : at + 1]) for at in range(len(IMAGE)))
    assert raw_exchange(line.port, CHUNKED + body + b"0\r\n\r\n").startswith(b"HTTP/1.1 202 ")


def test_chunks_that_are_nothing_but_framing_are_cut_off(line: Line) -> None:
    with connection(line, CHUNKED) as framing:
        with suppress(ConnectionError):
            for _ in range(20):
                framing.sendall(chunk(b"x", b";" + b"x" * 10_000))
        ended(framing)  # it does end; its answer is lost where the bytes behind it are thrown away
    assert line.nothing_accepted()


def test_trailers_without_measure_are_cut_off(line: Line) -> None:
    with connection(line, CHUNKED + chunk(IMAGE) + b"0\r\nA: ") as trailing:
        with suppress(ConnectionError):
            for _ in range(100):
                trailing.sendall(b"x" * 65_536)
        ended(trailing)  # it does end
    assert line.nothing_accepted()


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"0x10", b"+5", b"99999999999999999999999", b"5, 6", b""])
def test_a_content_length_that_is_none(shared_line: Line, length: bytes) -> None:
    answer = raw_exchange(shared_line.port, POST + b"Content-Length: %s\r\n\r\n" % length, half_close=True)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 "))
    assert shared_line.nothing_accepted()


def test_two_content_lengths(shared_line: Line) -> None:
    request = POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"
    assert raw_exchange(shared_line.port, request).startswith(b"HTTP/1.1 400 ")


def test_a_body_slower_than_the_least_rate_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.body.GRACE_S", 0.2)
    with gateway_in_memory(body_least_rate=100_000) as line:
        with connection(line, POST + b"Content-Length: 1000000\r\n\r\n") as trickling:
            trickling.settimeout(0.02)
            answer = b""
            end = time.monotonic() + 10
            while not answer and time.monotonic() < end:
                trickling.sendall(b"x" * 10)
                with suppress(TimeoutError):
                    answer += trickling.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert line.nothing_accepted()


def test_who_goes_on_sending_what_was_refused_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LINGER", timedelta(seconds=0.2))
    with gateway_in_memory() as line:
        with connection(line, POST + b"Content-Length: 100000000\r\n\r\n") as talking:
            assert talking.recv(65_536).startswith(b"HTTP/1.1 413 ")
            talking.settimeout(0.02)
            with suppress(ConnectionError):
                while True:
                    talking.sendall(b"x")
                    with suppress(TimeoutError):
                        if talking.recv(10) == b"":
                            break
        wait_until(lambda: line.metric("inspector_gateway_connections") <= 1, what="its end")


# --- crowds -----------------------------------------------------------------------------------------------


def test_of_too_many_that_wait_the_first_is_cut_off_and_a_request_is_served(impatient: Line) -> None:
    with ExitStack() as crowd:
        waiting = [crowd.enter_context(connection(impatient, GET[:10])) for _ in range(8)]
        assert impatient.http.get("/healthz").is_success
        answer = ended(waiting[0])
        assert "waited longest" in detail(answer)
        assert impatient.http.get("/healthz").is_success


def test_when_all_places_are_taken_a_waiting_connection_makes_room() -> None:
    with gateway_in_memory(max_connections=4) as line, ExitStack() as crowd:
        waiting = [crowd.enter_context(connection(line, GET[:10])) for _ in range(4)]
        for _ in range(3):
            assert raw_exchange(line.port, GET).startswith(b"HTTP/1.1 200 ")
        assert ended(waiting[0]).startswith(b"HTTP/1.1 408 ")


def test_when_all_places_are_at_work_one_more_is_told_to_come_later() -> None:
    with gateway_in_memory(max_connections=2) as line, ExitStack() as crowd:
        body = POST + b"Content-Length: 1000\r\n\r\n"
        for _ in range(2):
            crowd.enter_context(connection(line, body))
        wait_until(
            lambda: raw_exchange(line.port, GET).startswith(b"HTTP/1.1 503 "), what="a gateway that is full"
        )


def test_real_requests_are_answered_while_hundreds_trickle(impatient: Line) -> None:
    with ExitStack() as crowd:
        for _ in range(200):
            crowd.enter_context(connection(impatient, POST))
        answers = [impatient.post(IMAGE).status_code for _ in range(20)]
    assert answers == [202] * 20
    wait_until(lambda: impatient.metric("inspector_gateway_connections_cut") >= 192, what="the count")


def test_a_client_that_reads_nothing_of_its_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "STALL", timedelta(seconds=0.2))
    large = jpeg(3000, 3000)
    with gateway_in_memory() as line:
        with line.working():
            path = line.post(large, wait=10).json()["links"]["image"].encode()
        request = GET.replace(b"/healthz", path)
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", line.port))
            deaf.sendall(request)
            wait_until(lambda: line.metric("inspector_gateway_connections") == 2, what="the connection")
            wait_until(lambda: line.metric("inspector_gateway_connections") == 1, what="its end")
        # One that reads, however it does, gets all of it.
        assert len(raw_exchange(line.port, request)) > len(large)


def test_files_for_connections_are_asked_of_the_system() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
        assert guard.files_for(300) == min(300, hard - guard.SPARE_FILES)
        assert guard.files_for(10) == 10
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
