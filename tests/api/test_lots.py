"""A lot's page, as it goes into a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers

from api.language import language_of
from inspector.access import key_file
from inspector.access.keys import issue
from inspector.access.roles import Role
from inspector.records.images import ImageStore
from inspector.records.rows import Entry, Kept
from tests.api.support import problem
from tests.api.test_records import Recorded, recorded_gateway
from tests.support.pictures import jpeg, png, tiff
from tests.support.records import DOUBT, NOON, SPUR, entry, failure

LOT = "LOT 7/3 <b>&"
URL = "/v1/lots/LOT%207%2F3%20%3Cb%3E%26/report"


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Recorded]:
    with recorded_gateway(tmp_path) as recorded:
        yield recorded


class Text(HTMLParser):
    """What a reader sees, and what the page would load or run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self._hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._hidden = tag == "style"
        self.links += [value or "" for name, value in attributes if name in {"href", "src"}]
        assert not [name for name, _ in attributes if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.said.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.said))


def read(answer: httpx.Response) -> Text:
    assert answer.status_code == 200, answer.text
    return Text(answer.text)


def kept(folder: Path, one: Entry) -> Entry:
    ImageStore(str(folder / "images")).put("L1/a.jpeg", jpeg())
    return replace(one, kept=Kept("L1/a.jpeg", bytes=5, sampled=False))


def test_a_lot_that_nothing_is_recorded_of(recorded: Recorded) -> None:
    answer = recorded.http.get(URL)
    assert (answer.status_code, problem(answer)["type"]) == (404, "/problems/inspection-not-found")
    recorded.write(entry(lot_id=LOT, simulated=True))
    assert recorded.http.get(URL).status_code == 404, "an image of no part is not the lot's"
    assert "(simulated) only" in read(recorded.http.get(URL, params={"simulated": "true"})).text


def test_what_a_quality_engineer_looks_for(recorded: Recorded, tmp_path: Path) -> None:
    bad = kept(
        tmp_path, entry([SPUR], NOON + timedelta(seconds=9), part_id="SN-9 <i>", lot_id=LOT, view="top")
    )
    unkept = entry([DOUBT], part_id="SN-8", lot_id=LOT)
    good = [entry(lot_id=LOT, part_id=f"SN-{n}") for n in range(7)]
    recorded.write(bad, unkept, *good, entry(error=failure(), lot_id=LOT), entry([SPUR], lot_id="another"))
    answer = recorded.http.get(URL)
    page = read(answer)

    assert f"Lot report {LOT}" in page.text
    assert "Images 10 Parts 9" in page.text
    assert "Yield 77.78 %" in page.text
    assert "Reject rate 11.11 %" in page.text
    assert "spur 1 1" in page.text
    assert "board-a, version 3 pcb, version 2026.11.22 9" in page.text
    assert "2026-03-02 12:00:00 to 2026-03-02 12:00:09" in page.text
    assert "Not OK (3)" in page.text
    assert "SN-9 <i> NG spur 0.90 L1 · top" in page.text
    assert "SN-8 REVIEW" in page.text
    assert "picture not kept" in page.text
    assert f"/v1/inspections/{bad.id}/image" in page.links
    assert f"/inspections/{bad.id}" in page.links, "the part's own page"
    assert {"script", "b", "i"} & set(page.tags) <= {"i"}
    for link in page.links:
        assert recorded.http.get(link).status_code == 200, link


def test_a_picture_that_a_browser_cannot_show_comes_as_its_preview(
    recorded: Recorded, tmp_path: Path
) -> None:
    store = ImageStore(str(tmp_path / "images"))
    for path, content in (("a.tiff", tiff()), ("a.png", png())):
        store.put(path, content)
    with_one, without = (
        replace(one, inspection={**one.inspection, "image_format": "tiff"})
        for one in (entry([SPUR], lot_id=LOT), entry([SPUR], lot_id=LOT))
    )
    recorded.write(
        replace(with_one, kept=Kept("a.tiff", None, "a.png", bytes=2, sampled=False)),
        replace(without, kept=Kept("a.tiff", bytes=1, sampled=False)),
    )
    page = read(recorded.http.get(URL))
    pictures = [link for link in page.links if link.endswith("/preview")]
    assert pictures == [f"/v1/inspections/{with_one.id}/preview"]
    assert recorded.http.get(pictures[0]).content == png()
    assert "a browser does not show this format" in page.text


def test_the_policy_lets_the_style_in_and_nothing_run(recorded: Recorded) -> None:
    recorded.write(entry(lot_id=LOT))
    answer = recorded.http.get(URL)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert "Every image of this lot was OK." in read(answer).text


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ({}, "en"),
        ({"headers": {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}}, "zh"),
        ({"headers": {"Accept-Language": "zh-CN"}, "params": {"lang": "en"}}, "en"),
        ({"params": {"lang": "zh"}}, "zh"),
    ],
)
def test_in_the_readers_language(recorded: Recorded, asked: dict[str, Any], language: str) -> None:
    recorded.write(entry([SPUR], lot_id=LOT))
    answer = recorded.http.get(URL, **asked)
    assert answer.headers["content-language"] == language
    assert ("批次报告" in read(answer).text) == (language == "zh")


def test_a_language_that_there_is_not_is_refused(recorded: Recorded) -> None:
    assert recorded.http.get(URL, params={"lang": "xx"}).status_code == 400


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("fr", "en"),
        ("fr, zh;q=0.1", "zh"),
        ("en;q=0.5, zh-TW;q=0.6", "zh"),
        ("zh;q=0", "en"),
        ("*", "en"),
        (";;;, zh;q=x", "en"),
    ],
)
def test_the_wishes_of_a_browser(header: str, language: str) -> None:
    assert language_of(None, Headers({"accept-language": header})) == language


def test_a_key_of_some_lines_sees_those(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    held, key = issue("watch", Role.OPERATOR, ["L2"], None, datetime.now(UTC))
    with key_file.changing(file, create=True) as change:
        change.keys = change.keys.added(held)
    with recorded_gateway(tmp_path, keys_file=file) as recorded:
        recorded.write(entry(lot_id=LOT), entry(lot_id=LOT, line="L2"), entry(lot_id="of L1"))
        signed: dict[str, Any] = {"headers": {"Authorization": f"Bearer {key}"}}
        assert "Images 1 " in read(recorded.http.get(URL, **signed)).text
        assert recorded.http.get("/v1/lots/of%20L1/report", **signed).status_code == 404
        assert recorded.http.get(URL).status_code == 401


def test_many_are_counted_and_the_newest_shown(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.records.lot.MOST_LISTED", 2)
    recorded.write(
        *(entry([SPUR], NOON + timedelta(seconds=n), lot_id=LOT, part_id=f"SN-{n}") for n in range(3))
    )
    page = read(recorded.http.get(URL))
    assert "The newest 2 of 3 are shown." in page.text
    assert "SN-2" in page.text
    assert "SN-0" not in page.text
