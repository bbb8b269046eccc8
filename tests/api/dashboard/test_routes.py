"""The page's files, and the policy they come with."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api.dashboard import routes

STATIC = Path(routes.__file__).parent / "static"


def get(path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    app = FastAPI()
    app.include_router(routes.router)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize("path", [path.replace("{id}", "0" * 32) for path in routes.PAGES])
def test_the_page_is_served_at_each_of_its_urls(path: str) -> None:
    page = get(path)

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "<title>Inspector</title>" in page.text


def test_the_router_knows_the_same_urls() -> None:
    pages = (STATIC / "js/pages.js").read_text("utf-8")
    assert tuple(re.findall(r'path: "([^"]+)"', pages)) == routes.PAGES


@pytest.mark.parametrize(
    "path", ["/", "/dashboard/js/app.js", "/dashboard/css/tokens.css", "/dashboard/icon.svg"]
)
def test_everything_comes_under_the_strict_policy(path: str) -> None:
    answer = get(path)

    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_unchanged_file_is_not_sent_again() -> None:
    first = get("/dashboard/js/app.js")

    again = get("/dashboard/js/app.js", headers={"If-None-Match": first.headers["etag"]})

    assert again.status_code == 304
    assert again.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "nothing.js",
        "../routes.py",
        "%2e%2e/routes.py",
        "..%2f..%2fsettings.py",
        "js",
        "%00",
        "/etc/passwd",
    ],
)
def test_nothing_else_is_served(path: str) -> None:
    assert get(f"/dashboard/{path}").status_code == 404


def test_every_file_that_the_page_names_is_there() -> None:
    named = re.findall(r'(?:href|src)="(/dashboard/[^"]+)"', get("/").text)

    assert len(named) >= 5
    assert [name for name in named if get(name).status_code != 200] == []


def test_every_script_is_imported_and_every_import_is_there() -> None:
    scripts = {path.resolve(): path.read_text("utf-8") for path in (STATIC / "js").rglob("*.js")}
    imported = {
        (path.parent / name).resolve()
        for path, text in scripts.items()
        for name in re.findall(r"""(?:from |import\()"(\.[^"]+)\"""", text)
    }
    starts = {(STATIC / "js" / name).resolve() for name in ("app.js", "first.js")}

    assert imported | starts == set(scripts)


FORBIDDEN = {
    "an address outside": r"https?://(?!www\.w3\.org/2000/svg)\S+",
    "markup from text": r"(?<!`)innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function",
    "an inline script or style": r'<style|\sstyle=|\son[a-z]+=|<script(?! (?:type="module" )?src=)',
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    for path in STATIC.rglob("*.*"):
        assert (path.name, re.findall(FORBIDDEN[what], path.read_text("utf-8"))) == (path.name, [])
