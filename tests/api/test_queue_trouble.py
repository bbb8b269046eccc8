"""A queue server that hangs, is full, or has no disk left: the gateway says so, and recovers by itself."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.api.support import Line, gateway_on, problem
from tests.api.test_bad_input import head
from tests.support.pictures import jpeg
from tests.support.servers import QueueServer
from tests.support.waiting import wait_until

IMAGE = jpeg()


def accepts(line: Line) -> bool:
    return line.post(IMAGE).status_code == 202


def test_it_hangs_between_the_look_and_the_submit(tmp_path: Path) -> None:
    with (
        QueueServer("redis", tmp_path) as server,
        gateway_on(server.url) as line,
        socket.create_connection(("127.0.0.1", line.port), timeout=10) as camera,
    ):
        camera.sendall(head(len(IMAGE)) + IMAGE[:-1])
        # The look comes before the body is read: a slow one has begun to be read by now.
        wait_until(lambda: line.http.get("/readyz").is_success and accepts(line), what="a gateway at work")
        server.pause()
        camera.sendall(IMAGE[-1:])
        answer = camera.recv(65_536)
        server.resume()

        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"the queue server did not answer within 0.7 s" in answer
        wait_until(lambda: accepts(line), what="an accepted image")


@pytest.mark.parametrize("path", ["/v1/inspections", "/v1/status", "/readyz", "/v1/inspections/{id}/image"])
def test_it_hangs_while_somebody_reads(path: str, tmp_path: Path) -> None:
    with QueueServer("redis", tmp_path) as server, gateway_on(server.url) as line:
        url = path.replace("{id}", line.post(IMAGE).json()["id"])
        server.pause()
        answer = line.http.get(url)
        server.resume()

        assert problem(answer)["type"] == "/problems/queue-unavailable"
        wait_until(lambda: line.http.get(url).is_success, what="an answer")


def test_after_many_commands_that_were_given_up_every_answer_is_its_own(tmp_path: Path) -> None:
    """A connection that is used on after a cancelled command would hand out the reply of that one."""
    with QueueServer("redis", tmp_path) as server, gateway_on(server.url) as line:
        ids = [line.post(IMAGE).json()["id"] for _ in range(5)]
        server.pause()
        for known in ids:
            assert line.http.get(f"/v1/inspections/{known}").status_code == 503
        server.resume()
        wait_until(lambda: line.http.get("/readyz").is_success, what="readiness")
        for _ in range(4):
            assert [line.http.get(f"/v1/inspections/{known}").json()["id"] for known in ids] == ids


def test_its_memory_is_full(tmp_path: Path) -> None:
    with (
        QueueServer("redis", tmp_path, {"maxmemory": "4mb", "maxmemory-policy": "noeviction"}) as server,
        gateway_on(server.url) as line,
        server.client() as client,
    ):
        large = jpeg(800, 800)
        while (answer := line.post(large)).status_code == 202:
            pass
        assert (answer.status_code, problem(answer)["type"]) == (503, "/problems/busy")
        assert answer.headers["retry-after"]
        assert line.http.get("/readyz").is_success

        client.config_set("maxmemory", "64mb")
        assert line.post(large).status_code == 202


def test_its_disk_is_full(tmp_path: Path) -> None:
    config = {"appendonly": "yes", "appendfsync": "everysec"}
    with QueueServer("redis", tmp_path, config) as server, gateway_on(server.url) as line:
        kept = line.post(IMAGE).json()["id"]
        server.fill_disk()
        wait_until(lambda: not accepts(line), what="a refusal")
        answer = line.post(IMAGE)
        assert (answer.status_code, problem(answer)["type"]) == (503, "/problems/queue-unavailable")
        assert "MISCONF" in problem(answer)["detail"]
        assert line.http.get(f"/v1/inspections/{kept}").is_success

        server.free_disk()
        wait_until(lambda: accepts(line), what="an accepted image")


def test_its_disk_is_full_where_every_write_is_flushed(tmp_path: Path) -> None:
    """With appendfsync always the server ends rather than acknowledge what it cannot keep."""
    config = {"appendonly": "yes", "appendfsync": "always"}
    with QueueServer("redis", tmp_path, config) as server, gateway_on(server.url) as line:
        kept = line.post(IMAGE).json()["id"]
        server.fill_disk()
        answer = line.post(IMAGE)
        assert (answer.status_code, problem(answer)["type"]) == (503, "/problems/queue-unavailable")
        wait_until(lambda: not server.running, what="the server's end")
        server.start()

        wait_until(lambda: accepts(line), what="an accepted image")
        assert line.http.get(f"/v1/inspections/{kept}").json()["state"] == "queued"
