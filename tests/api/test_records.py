"""The list, the exports and one inspection, out of the records; and a gateway whose records are away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from api.schemas import InspectionList, Stats
from inspector.access import key_file
from inspector.access.keys import issue
from inspector.access.roles import Role
from inspector.errors import SettingsError
from inspector.messages.result import Verdict
from inspector.records.database import sqlite_url, writer
from inspector.records.images import ImageStore
from inspector.records.migrate import upgrade
from inspector.records.rows import Entry, Kept
from inspector.records.write import write
from tests.api.support import Line, gateway_in_memory
from tests.support.images import grey_png
from tests.support.jobs import IMAGE, MAP
from tests.support.pictures import jpeg, png, tiff
from tests.support.records import NOON, SPUR, entry

PNG = grey_png(8, 8)


class Recorded:
    """A gateway, and the database that it reads."""

    def __init__(self, line: Line, engine: Engine, folder: Path) -> None:
        self.line, self.http, self.engine, self.folder = line, line.http, engine, folder

    def write(self, *entries: Entry) -> None:
        write(self.engine, entries)

    def ids(self, **query: Any) -> list[str]:
        answer = self.http.get("/v1/inspections", params=query)
        assert answer.status_code == 200, answer.text
        return [one.id for one in InspectionList.model_validate_json(answer.content).inspections]


@contextmanager
def recorded_gateway(folder: Path, **given: Any) -> Iterator[Recorded]:
    url = sqlite_url(folder / "records.db")
    engine = writer(url)
    upgrade(engine)
    with gateway_in_memory(database_url=url, images_url=str(folder / "images"), **given) as line:
        yield Recorded(line, engine, folder)
    engine.dispose()


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Recorded]:
    with recorded_gateway(tmp_path) as recorded:
        yield recorded


def kept(folder: Path, one: Entry) -> Entry:
    store = ImageStore(str(folder / "images"))
    store.put("L1/a.jpeg", IMAGE)
    store.put("L1/a.map.png", MAP)
    return replace(one, kept=Kept("L1/a.jpeg", "L1/a.map.png", bytes=5, sampled=False))


def test_pages_by_cursor_and_filter(recorded: Recorded) -> None:
    assert recorded.ids() == recorded.ids(verdict="NG") == []
    made = [entry([SPUR], NOON + timedelta(seconds=n), part_id=f"SN-{n}") for n in range(5)]
    recorded.write(*made, entry(line="L2"))

    newest = [one.id for one in reversed(made)]
    first = recorded.http.get("/v1/inspections", params={"class": "spur", "limit": 2}).json()
    second = recorded.http.get(
        "/v1/inspections", params={"class": "spur", "limit": 3, "cursor": first["next"]}
    ).json()

    assert [one["id"] for one in first["inspections"] + second["inspections"]] == newest
    assert second["next"] is None
    assert recorded.ids(part_id="SN-3") == [made[3].id]
    assert recorded.ids(since="2026-03-02T12:00:03Z", line="L1") == newest[:2]
    assert first["inspections"][0]["result"]["verdict"] == "NG"


def test_the_first_page_has_what_is_not_recorded_yet(recorded: Recorded) -> None:
    old = entry(line="default")
    recorded.write(old)
    posted = recorded.line.post(PNG).json()["id"]
    recorded.line.finish(recorded.line.take())

    assert recorded.ids() == recorded.ids(line="default") == [posted, old.id]
    [page] = [recorded.http.get("/v1/inspections", params={"limit": 1}).json()]
    assert [one["id"] for one in page["inspections"]] == [posted]
    assert recorded.ids(cursor=page["next"]) == [old.id]
    assert recorded.ids(verdict="OK") == [old.id], "a filter asks the records alone"


def test_one_inspection_is_known_when_the_queue_has_forgotten_it(recorded: Recorded, tmp_path: Path) -> None:
    one, without = kept(tmp_path, entry([SPUR], part_id="SN-1")), entry()
    recorded.write(one, without)

    answer = recorded.http.get(f"/v1/inspections/{one.id}").json()
    assert answer["result"]["part_id"] == "SN-1"
    image = recorded.http.get(answer["links"]["image"])
    assert (image.content, image.headers["content-type"]) == (IMAGE, "image/jpeg")
    assert recorded.http.get(answer["links"]["attention"]).content == MAP
    assert recorded.http.get(f"/v1/inspections/{without.id}").json()["links"]["image"] is None
    assert recorded.http.get(f"/v1/inspections/{without.id}/image").status_code == 410
    assert recorded.http.get(f"/v1/inspections/{'0' * 32}").status_code == 404
    assert recorded.http.get(f"/v1/inspections/{'0' * 32}/image").status_code == 404


def test_a_preview_comes_with_the_record(recorded: Recorded) -> None:
    image = tiff(bits=16)
    posted = recorded.line.post(image).json()
    recorded.line.finish(recorded.line.take(), Verdict.NG)
    assert recorded.http.get(posted["links"]["preview"]).status_code == 404
    not_kept = entry([SPUR], id=posted["id"])
    recorded.write(not_kept)
    refused = recorded.http.get(posted["links"]["preview"])
    assert (refused.status_code, refused.json()["type"]) == (404, "/problems/no-preview")


@pytest.mark.parametrize("held", [True, False])
def test_a_preview_out_of_the_records(recorded: Recorded, held: bool) -> None:
    """Of an image that the queue still holds, and of one that it has forgotten."""
    image, preview = tiff(bits=16), png()
    one = entry([SPUR], id=recorded.line.post(image).json()["id"]) if held else entry([SPUR])
    store = ImageStore(str(recorded.folder / "images"))
    store.put("L1/a.tiff", image)
    store.put("L1/a.preview.png", preview)
    recorded.write(replace(one, kept=Kept("L1/a.tiff", None, "L1/a.preview.png", bytes=5, sampled=False)))
    shown = recorded.http.get(f"/v1/inspections/{one.id}/preview")
    assert (shown.content, shown.headers["content-type"]) == (preview, "image/png")


@pytest.mark.parametrize(("image", "status"), [(jpeg(), 200), (tiff(), 404)])
def test_of_a_kept_image_without_a_preview_the_image_if_a_browser_shows_it(
    recorded: Recorded, image: bytes, status: int
) -> None:
    one = entry([SPUR])
    ImageStore(str(recorded.folder / "images")).put("L1/a", image)
    recorded.write(replace(one, kept=Kept("L1/a", bytes=5, sampled=False)))
    assert recorded.http.get(f"/v1/inspections/{one.id}/preview").status_code == status
    assert recorded.http.get(f"/v1/inspections/{one.id}/thumbnail").status_code == status


@pytest.mark.parametrize("held", [True, False])
def test_a_thumbnail_out_of_the_records(recorded: Recorded, held: bool) -> None:
    """Also of an image that the queue still holds: a list must be light."""
    one = entry([SPUR], id=recorded.line.post(PNG).json()["id"]) if held else entry([SPUR])
    store, small = ImageStore(str(recorded.folder / "images")), jpeg(8, 6)
    store.put("L1/a.png", PNG)
    store.put("L1/a.thumbnail.jpg", small)
    paths = Kept("L1/a.png", thumbnail="L1/a.thumbnail.jpg", bytes=5, sampled=False)
    recorded.write(replace(one, kept=paths))
    where = f"/v1/inspections/{one.id}/thumbnail"
    shown = recorded.http.get(where)
    assert (shown.content, shown.headers["content-type"]) == (small, "image/jpeg")

    store.delete(["L1/a.thumbnail.jpg"])
    assert recorded.http.get(where).content == PNG


def test_what_has_left_the_ring_is_shown_whole(tmp_path: Path) -> None:
    with recorded_gateway(tmp_path, recent_bytes=1) as recorded:
        posted = recorded.line.post(PNG).json()["id"]
        delivery = recorded.line.take()
        recorded.line.finish(delivery, Verdict.NG)
        recorded.line.post(PNG)
        recorded.line.finish(recorded.line.take())
        assert recorded.http.get(f"/v1/inspections/{posted}").json()["result"] is None
        recorded.write(entry([SPUR], datetime.now(UTC), id=posted))
        assert recorded.http.get(f"/v1/inspections/{posted}").json()["result"]["verdict"] == "NG"


def test_exports(recorded: Recorded) -> None:
    made = [entry([SPUR]), entry()]
    recorded.write(*made)
    table = recorded.http.get("/v1/inspections.csv", params={"verdict": "NG"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert "inspections.csv" in table.headers["content-disposition"]
    assert [row.split(",")[0] for row in table.text.splitlines()] == ["id", made[0].id]
    coco = recorded.http.get("/v1/inspections.coco.json").json()
    assert (len(coco["images"]), len(coco["annotations"])) == (2, 1)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"verdict": "ok"}, "verdict"),
        ({"state": "queued"}, "state"),
        ({"min_score": "nan"}, "min_score"),
        ({"min_score": "2"}, "min_score"),
        ({"class": ""}, "class"),
        ({"cursor": "x"}, "cursor"),
        ({"since": "yesterday"}, "since"),
        ({"simulated": "1"}, "simulated"),
        ({"defect_class": "spur"}, "defect_class"),
        ({"page": "2"}, "page"),
    ],
)
def test_a_filter_that_breaks_its_rule(recorded: Recorded, query: dict[str, str], parameter: str) -> None:
    for url in ("/v1/inspections", "/v1/inspections.csv"):
        answer = recorded.http.get(url, params=query)
        assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)


def test_without_records_there_are_the_recent_ones_alone(line: Line) -> None:
    posted = line.post(PNG, line="L1").json()["id"]
    line.finish(line.take())
    listed = line.http.get("/v1/inspections", params={"line": "L1"}).json()
    assert ([one["id"] for one in listed["inspections"]], listed["next"]) == ([posted], None)
    assert line.http.get("/v1/inspections", params={"line": "L2"}).json()["inspections"] == []
    for url in ("/v1/inspections?verdict=NG", "/v1/inspections.csv", "/v1/inspections.coco.json"):
        refused = line.http.get(url)
        assert (refused.status_code, refused.json()["type"]) == (404, "/problems/no-records")


def test_records_that_are_away_hide_no_verdict(tmp_path: Path) -> None:
    missing = sqlite_url(tmp_path / "not made yet.db")
    with gateway_in_memory(database_url=missing, recent_bytes=0) as line:
        posted = line.post(PNG).json()["id"]
        line.finish(line.take())
        assert [one["id"] for one in line.http.get("/v1/inspections").json()["inspections"]] == [posted]
        assert line.http.get(f"/v1/inspections/{posted}").json()["accept"] is True
        for url in ("/v1/inspections?verdict=NG", "/v1/inspections.csv", "/v1/inspections.coco.json"):
            away = line.http.get(url)
            assert (away.status_code, away.json()["type"]) == (503, "/problems/records-unavailable")
            assert away.headers["retry-after"] == "1"


def test_a_key_of_some_lines_sees_the_records_of_those(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key, secret = issue("operator of L1", Role.OPERATOR, ["L1"], None, datetime.now(UTC))
    with key_file.changing(keys, create=True) as change:
        change.keys = change.keys.added(key)
    with recorded_gateway(tmp_path, keys_file=keys) as recorded:
        own, other = entry([SPUR]), kept(tmp_path, entry([SPUR], line="L2"))
        recorded.write(own, other)
        recorded.http.headers["Authorization"] = f"Bearer {secret}"
        assert recorded.ids() == recorded.ids(verdict="NG") == [own.id]
        assert recorded.ids(verdict="NG", line="L2") == recorded.ids(line="L2") == []
        assert other.id not in recorded.http.get("/v1/inspections.csv").text
        assert other.id not in recorded.http.get("/v1/inspections.csv", params={"line": "L2"}).text
        coco = recorded.http.get("/v1/inspections.coco.json", params={"line": "L2"})
        assert json.loads(coco.content)["images"] == []
        for tail in ("", "/image", "/preview", "/thumbnail", "/attention.png"):
            assert recorded.http.get(f"/v1/inspections/{other.id}{tail}").status_code == 404


@pytest.mark.parametrize("given", [{"database_url": "mysql://h/d"}, {"images_url": "nowhere://x"}])
def test_a_place_of_records_that_is_none_is_told_at_the_start(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError), gateway_in_memory(**given):
        pass


def test_statistics(recorded: Recorded) -> None:
    assert recorded.http.get("/v1/stats").json()["total"]["fpy"] is None
    recorded.write(entry([SPUR], part_id="A"), entry(part_id="A"), entry(part_id="B"), entry(simulated=True))
    span = {"since": "2026-03-02T00:00:00Z", "until": "2026-03-03T00:00:00Z"}
    found = Stats.model_validate_json(
        recorded.http.get("/v1/stats", params={**span, "bucket": "hour"}).content
    )
    assert (found.total.judged, found.total.fpy, found.total.reject_rate) == (3, 0.5, 1 / 3)
    assert [(one.line, one.ok, one.ng) for one in found.spans] == [("L1", 2, 1)]
    assert [(one.name, one.defects) for one in found.classes] == [("spur", 1)]
    assert recorded.http.get("/v1/stats", params={**span, "line": "L2"}).json()["total"]["images"] == 0


@pytest.mark.parametrize(
    "query",
    [
        {"since": "2026-03-03T00:00:00Z", "until": "2026-03-03T00:00:00Z"},
        {"since": "2020-01-01T00:00:00Z", "until": "2026-03-03T00:00:00Z"},
        {"since": "now"},
    ],
)
def test_a_span_that_cannot_be(recorded: Recorded, query: dict[str, str]) -> None:
    refused = recorded.http.get("/v1/stats", params=query)
    assert (refused.status_code, refused.json()["parameter"]) == (400, "since")
