"""Whatever is sent: no answer is 5xx, and each is as the OpenAPI document says. A real gateway, with keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from api.app import create_app
from api.settings import Settings
from inspector.access import key_file
from inspector.access.keys import issue
from inspector.access.roles import Role
from tests.api.support import Line, gateway_in_memory, problem
from tests.support.fuzz import any_bytes, mutated
from tests.support.pictures import bmp, jpeg, png, tiff

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
    allow_header_conformance,
    ignored_auth,
]

IMAGES = {"image/jpeg": jpeg(), "image/png": png(), "image/bmp": bmp(), "image/tiff": tiff()}
for media_type, image in IMAGES.items():
    schemathesis.openapi.media_type(media_type, st.just(image) | mutated(image))

DOCUMENT = create_app(Settings()).openapi()
# The stream of events has no end: tests/api/test_events.py reads it.
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT).exclude(path="/v1/events")

PATIENT = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@dataclass(frozen=True, slots=True)
class Open:
    line: Line
    headers: dict[str, str]
    """Of an admin."""
    known: str
    """The id of an image that is done."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.line.port}"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    key, secret = issue("test", Role.ADMIN, None, None, datetime.now(UTC))
    with key_file.changing(file, create=True) as change:
        change.keys = change.keys.added(key)
    headers = {"Authorization": f"Bearer {secret}"}
    with gateway_in_memory(keys_file=file, max_wait_s=1, max_image_bytes=1 << 20) as line, line.working():
        done = line.post(IMAGES["image/png"], wait=1, headers=headers)
        yield Open(line, headers, done.json()["id"])


@SCHEMA.parametrize()
@settings(PATIENT, max_examples=25)
def test_every_answer_is_as_documented(case: Case[Any], gateway: Open) -> None:
    case.call_and_validate(base_url=gateway.url, headers=gateway.headers, checks=CHECKS)
    # Once more with what chance does not hit: an id, a recipe and a digest that there are.
    if "id" in case.path_parameters:
        case.path_parameters["id"] = gateway.known
        case.call_and_validate(base_url=gateway.url, headers=gateway.headers, checks=CHECKS)
    elif case.method == "POST":
        case.query.pop("recipe", None)
        case.headers.pop("Content-Digest", None)
        case.call_and_validate(base_url=gateway.url, headers=gateway.headers, checks=CHECKS)


@given(body=any_bytes() | st.sampled_from(sorted(IMAGES.values())).flatmap(mutated))
@example(body=b"")
@settings(PATIENT, max_examples=150)
def test_no_body_brings_the_gateway_down(gateway: Open, body: bytes) -> None:
    answer = gateway.line.post(body, headers=gateway.headers)

    if answer.status_code == 202:
        return
    assert 400 <= answer.status_code < 500
    documented = DOCUMENT["paths"]["/v1/inspections"]["post"]["responses"]
    assert str(answer.status_code) in documented
    assert problem(answer)["advice"]
