from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager

import httpx
import pytest

from api.schemas import Inspection
from inspector.messages.result import Verdict
from tests.api.support import Line, gateway_in_memory, problem
from tests.support.pictures import jpeg
from tests.support.waiting import wait_until

IMAGE = jpeg()


@contextmanager
def watching(line: Line, after: str | None = None) -> Iterator[Iterator[dict[str, str]]]:
    """Events of the stream, as a browser would read them."""
    headers = {} if after is None else {"Last-Event-ID": after}
    with line.http.stream("GET", "/v1/events", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        with closing(events(answer)) as stream:
            yield stream


def events(answer: httpx.Response) -> Generator[dict[str, str]]:
    event: dict[str, str] = {}
    for text in answer.iter_lines():
        name, _, value = text.partition(": ")
        if text:
            event[name or "comment"] = value
        elif event:
            yield event
            event = {}


def test_each_outcome_is_one_event_with_the_same_envelope(line: Line) -> None:
    with watching(line) as stream:
        assert "retry" in next(stream)
        said = line.post(IMAGE).json()
        line.finish(line.take(), Verdict.NG)
        event = next(stream)

    assert event["event"] == "inspection"
    assert event["id"]
    assert Inspection.model_validate_json(event["data"]).id == said["id"]
    assert json.loads(event["data"]) == line.http.get(said["links"]["self"]).json()


def test_a_viewer_that_comes_back_gets_what_it_missed(line: Line) -> None:
    with line.working(), watching(line) as stream:
        next(stream)
        line.post(IMAGE, wait=10)
        seen = next(stream)["id"]
        missed = [line.post(IMAGE, wait=10).json()["id"] for _ in range(2)]

    with watching(line, after=seen) as stream:
        next(stream)
        assert [json.loads(next(stream)["data"])["id"] for _ in missed] == missed


def test_it_gets_all_of_ten_minutes_however_many_they_were() -> None:
    """More than the hub remembers and a viewer's buffer holds; and another gateway has the same stream."""
    with gateway_in_memory(viewer_buffer=4) as line:
        with line.working(), watching(line) as stream:
            next(stream)
            line.post(IMAGE, wait=10)
            seen = next(stream)["id"]
        with line.working():
            missed = [line.post(IMAGE, wait=10).json()["id"] for _ in range(12)]
            with watching(line, after=seen) as stream:
                next(stream)
                assert [json.loads(next(stream)["data"])["id"] for _ in missed] == missed
                new = line.post(IMAGE, wait=10).json()["id"]
                assert json.loads(next(stream)["data"])["id"] == new, "and goes on, none of them twice"


def test_silence_is_filled_with_comments() -> None:
    with gateway_in_memory(keep_alive_s=0.05) as line, watching(line) as stream:
        next(stream)
        assert "comment" in next(stream)


def test_too_many_viewers_are_503_and_a_place_is_free_again_after_one_left() -> None:
    with gateway_in_memory(max_viewers=1, keep_alive_s=0.05) as line:
        with watching(line) as stream:
            next(stream)
            refused = line.http.get("/v1/events")
            assert refused.status_code == 503
            assert problem(refused)["type"] == "/problems/busy"
        wait_until(lambda: line.metric("inspector_gateway_viewers") == 0, what="the viewer's leave")
        with watching(line) as stream:
            assert next(stream)


def test_the_stream_ends_when_the_gateway_stops() -> None:
    with gateway_in_memory() as line, watching(line) as stream:
        next(stream)
        line.server.should_exit = True
        assert list(stream) == []


@pytest.mark.parametrize("after", ["nonsense", "0-0", "9" * 400])
def test_an_unknown_cursor_starts_from_now(line: Line, after: str) -> None:
    with watching(line, after=after) as stream:
        assert "retry" in next(stream)
