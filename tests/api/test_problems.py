from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from api import problems
from api.routes import status as status_routes
from inspector import errors
from tests.api.support import Line, problem
from tests.support.waiting import wait_until


def tree(root: type[errors.InspectorError]) -> Iterator[type[errors.InspectorError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


def test_every_error_of_the_tree_is_listed_once_with_its_advice() -> None:
    codes = [kind.code for kind in tree(errors.InspectorError) if kind.__module__ == errors.__name__]

    assert len(codes) == len(set(codes))
    assert set(codes) <= set(problems.REGISTRY)
    assert all(entry.title and entry.advice for entry in problems.REGISTRY.values())


def test_every_bad_input_has_a_status_of_the_callers_fault() -> None:
    for kind in tree(errors.BadInput):
        assert 400 <= problems.STATUS[kind] < 500, kind


@pytest.mark.parametrize("code", sorted(problems.REGISTRY))
def test_every_type_can_be_opened(shared_line: Line, code: str) -> None:
    page = shared_line.http.get(f"/problems/{code}")

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert code in page.text


def test_the_list_links_to_every_type_and_an_unknown_one_is_404(shared_line: Line) -> None:
    listed = shared_line.http.get("/problems").text

    assert set(re.findall(r'href="/problems/([a-z-]+)"', listed)) == set(problems.REGISTRY)
    assert shared_line.http.get("/problems/no-such").status_code == 404


def test_no_such_url_and_no_such_method(shared_line: Line) -> None:
    nowhere = shared_line.http.get("/v2/<b>")
    wrong = shared_line.http.delete("/v1/inspections")

    assert (nowhere.status_code, problem(nowhere)["type"]) == (404, "/problems/not-found")
    assert (wrong.status_code, problem(wrong)["type"]) == (405, "/problems/method-not-allowed")
    assert wrong.headers["allow"] == "GET, POST"


def test_an_unexpected_error_tells_the_log_and_not_the_client(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret: /etc/inspector")

    monkeypatch.setattr(status_routes, "asdict", broken)
    with caplog.at_level(logging.ERROR):
        answer = line.http.get("/v1/status")

    assert answer.status_code == 500
    assert problem(answer)["type"] == "/problems/internal-error"
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    wait_until(lambda: "secret: /etc/inspector" in caplog.text, what="the traceback in the log")


@pytest.mark.parametrize("path", ["/healthz", "/v1/status", "/docs", "/nowhere", "/openapi.json", "/"])
def test_every_answer_carries_the_security_headers(shared_line: Line, path: str) -> None:
    headers = shared_line.http.get(path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"] or path == "/docs"
    assert "server" not in headers


def test_refusals_are_counted_by_their_code(line: Line) -> None:
    line.post(b"")
    line.post(b"text")
    line.post(b"text")
    line.http.get("/v1/inspections/unknown")

    def refused(code: str) -> float:
        return line.metric(f'inspector_images_refused_total{{reason="{code}"}}')

    assert (refused("empty-body"), refused("unsupported-image")) == (1, 2)
    assert refused("inspection-not-found") == 0


def test_the_order_of_imports_changes_no_status() -> None:
    code = (
        "import inspector.queue.connect; from api import problems; "
        "print(problems.REGISTRY['queue-unavailable'].status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "503\n"
