"""GET /v1/charts, out of the records."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from api.schemas import Charts
from inspector.decision.verdict import Detection
from inspector.records.images import ImageStore
from inspector.records.mean_images import Mean, Stream, write_index
from tests.api.support import gateway_in_memory
from tests.api.test_records import Recorded, recorded_gateway
from tests.support.records import NOON, SPUR, entry

SPAN = {"since": "2026-03-02T12:00:00Z", "until": "2026-03-02T13:00:00Z"}


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Recorded]:
    with recorded_gateway(tmp_path) as recorded:
        yield recorded


def told(recorded: Recorded, **query: str) -> Charts:
    answer = recorded.http.get("/v1/charts", params={**SPAN, **query})
    assert answer.status_code == 200, answer.text
    return Charts.model_validate_json(answer.content)


def test_without_records_there_are_no_charts() -> None:
    with gateway_in_memory() as line:
        assert line.http.get("/v1/charts").json()["type"] == "/problems/no-records"


def test_nothing_was_inspected(recorded: Recorded) -> None:
    found = told(recorded)
    assert found.lines == []
    assert [rule.number for rule in found.rules] == [1, 2, 5]


def test_a_point_leads_to_its_images(recorded: Recorded) -> None:
    calm = [entry(moment=NOON - timedelta(minutes=n % 400 + 1)) for n in range(800)]
    bad = [entry([SPUR], NOON + timedelta(minutes=30, seconds=n)) for n in range(5)]
    recorded.write(*calm, *bad, entry(moment=NOON + timedelta(minutes=30, seconds=50)))
    (line,) = told(recorded, subgroup="minute").lines
    (point,) = line.p.points
    assert (line.baseline.source, line.baseline.inspected, line.p.centre) == ("preceding", 800, 0.0)
    assert (point.count, point.inspected, point.exact, point.rules) == (5, 6, True, [1])
    span = {"since": point.start.isoformat(), "until": point.end.isoformat()}
    assert recorded.ids(verdict="NG", **span) == [one.id for one in reversed(bad)]


def test_parts_in_a_row_rules_and_a_baseline_of_ones_own(recorded: Recorded) -> None:
    recorded.write(*(entry([SPUR] if n < 10 else [], NOON + timedelta(seconds=n)) for n in range(30)))
    asked = {"subgroup": "parts", "parts": "10", "rules": "1,6"}
    found = told(recorded, **asked, baseline_since=SPAN["since"], baseline_until="2026-03-02T12:00:20Z")
    assert [rule.name for rule in found.rules] == ["beyond a limit", "drifting"]
    (line,) = found.lines
    assert (line.baseline.source, line.baseline.provisional) == ("stated", True)
    assert (line.p.centre, line.u.centre, [point.count for point in line.p.points]) == (0.5, 0.5, [10, 0, 0])


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"rules": "0"}, "rules"),
        ({"rules": "1,2,"}, "rules"),
        ({"subgroup": "week"}, "subgroup"),
        ({"subgroup": "minute", "until": "2026-03-04T12:00:00Z"}, "subgroup"),
        ({"parts": "9"}, "parts"),
        ({"baseline": "best"}, "baseline"),
        ({"baseline_since": "2026-03-02T12:00:00Z"}, "baseline_since"),
        ({"baseline_since": SPAN["until"], "baseline_until": SPAN["since"]}, "baseline_since"),
        ({"until": SPAN["since"]}, "since"),
        ({"line": "L1", "bucket": "hour"}, "bucket"),
    ],
)
def test_what_breaks_a_rule_is_named(recorded: Recorded, query: dict[str, str], parameter: str) -> None:
    answer = recorded.http.get("/v1/charts", params={**SPAN, **query})
    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)


def test_more_spans_than_an_answer_may_have_are_refused(recorded: Recorded) -> None:
    query = {"bucket": "minute", "since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}
    answer = recorded.http.get("/v1/stats", params=query)
    assert (answer.status_code, answer.json()["parameter"]) == (400, "bucket")


def test_a_mean_image_says_what_it_is_of(recorded: Recorded) -> None:
    gone = recorded.http.get("/v1/mean-image")
    assert (gone.status_code, gone.json()["type"]) == (410, "/problems/image-gone")
    store = ImageStore(str(recorded.folder / "images"))
    store.put("_mean/0.jpeg", b"picture")
    stream = Stream(line="L1", station=None, view="top", recipe="board", simulated=False)
    write_index(store, [Mean(stream=stream, images=48, made=NOON, path="_mean/0.jpeg")])
    answer = recorded.http.get("/v1/mean-image", params={"line": "L1", "view": "top"})
    assert (answer.content, answer.headers["content-type"]) == (b"picture", "image/jpeg")
    told = [answer.headers.get(f"inspector-{name}") for name in ("images", "line", "station", "view")]
    assert told == ["48", "L1", None, "top"]
    assert recorded.http.get("/v1/mean-image", params={"line": "L2"}).status_code == 410


def test_a_place_of_the_map_leads_to_its_images(recorded: Recorded) -> None:
    """Images are 4 x 3 pixels: a map of 32 x 32 cells has eight columns to a pixel."""
    corner = entry([Detection("open", 0.9, (0.0, 0.0, 1.0, 1.0))])
    faint = entry([Detection("open", 0.1, (3.0, 2.0, 4.0, 3.0))])
    other = entry([Detection("open", 0.9, (3.0, 2.0, 4.0, 3.0))])
    recorded.write(corner, faint, other)
    positions = recorded.http.get("/v1/stats", params=SPAN).json()["positions"]["counts"]
    assert (positions[0][0], sum(map(sum, positions))) == (1, 2)
    assert recorded.ids(place="0,0,3,3") == [corner.id]
    assert recorded.ids(place="8,8,31,31", verdict="NG") == [other.id]
    assert recorded.ids(place="0,0,31,31") == [other.id, corner.id]
    assert recorded.http.get("/v1/inspections", params={"place": "0,0,32,1"}).status_code == 400
