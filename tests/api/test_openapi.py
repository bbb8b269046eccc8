from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest

from api import problems
from api.app import create_app
from api.parameters import PartQuery
from api.settings import Settings
from tests.api.support import Line

DOCUMENT: dict[str, Any] = create_app(Settings()).openapi()


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        place: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place


def test_the_post_is_documented_as_it_is() -> None:
    post = DOCUMENT["paths"]["/v1/inspections"]["post"]
    named = {parameter["name"]: parameter for parameter in post["parameters"]}

    assert set(named) == {*PartQuery.model_fields, "Prefer", "Idempotency-Key", "Content-Digest"}
    assert all(parameter["description"] for parameter in named.values())
    assert set(post["requestBody"]["content"]) == {"image/jpeg", "image/png", "image/bmp", "image/tiff"}
    assert set(post["responses"]) == {
        "200",
        "202",
        "400",
        "401",
        "403",
        "408",
        "413",
        "415",
        "422",
        "429",
        "500",
        "503",
    }
    assert "Location" in post["responses"]["202"]["headers"]
    assert "Preference-Applied" in post["responses"]["200"]["headers"]
    assert "Retry-After" in post["responses"]["503"]["headers"]
    assert "WWW-Authenticate" in post["responses"]["401"]["headers"]
    assert post["security"] == [{"apiKey": []}, {"session": []}]


def test_every_refusal_is_a_problem_document() -> None:
    for operations in DOCUMENT["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == [problems.MEDIA_TYPE], operation["summary"]


def test_every_status_of_an_error_is_documented_for_the_post() -> None:
    documented = DOCUMENT["paths"]["/v1/inspections"]["post"]["responses"]
    elsewhere = {404, 410}  # of what is looked up

    assert {str(int(status)) for status in problems.STATUS.values() if status not in elsewhere} <= set(
        documented
    )


@pytest.mark.parametrize("path", sorted(DOCUMENT["paths"]))
def test_the_page_names_every_url_and_parameter_without_a_script(shared_line: Line, path: str) -> None:
    page = unescape(shared_line.http.get("/docs").text)

    assert path in page
    assert "<script" not in page
    for operation in DOCUMENT["paths"][path].values():
        assert all(parameter["name"] in page for parameter in operation.get("parameters", []))


def test_the_document_is_served(shared_line: Line) -> None:
    assert shared_line.http.get("/openapi.json").json() == DOCUMENT
