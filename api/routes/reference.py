"""/openapi.json, /docs, /problems/<code>: the documentation, readable offline, no script from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from api import problems, security
from api.access import PUBLIC

router = APIRouter(include_in_schema=False, dependencies=[PUBLIC])

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}"
    "h2{margin:2.2rem 0 .2rem;font-size:1.05rem}code,h2{font-family:ui-monospace,monospace}"
    "table{border-collapse:collapse;width:100%}td{border-top:1px solid #d6dbe1;padding:.3rem .6rem .3rem 0;"
    "vertical-align:top}td:first-child{white-space:nowrap}"
)
# Inline style and nothing else: these pages run no script and load nothing.
_POLICY = {**security.HEADERS, "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


@router.get("/openapi.json")
async def document(request: Request) -> Response:
    return JSONResponse(request.app.openapi())


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Every URL, its parameters and its answers, from the same document as /openapi.json."""
    return _page("Inspector: the HTTP API", "".join(_operations(request.app.openapi())))


@router.get("/problems")
async def listed() -> Response:
    rows = [
        (f'<a href="{problem.uri}">{problem.code}</a>', f"{problem.status}: {escape(problem.title)}")
        for problem in problems.REGISTRY.values()
    ]
    return _page("Problems", _table(rows))


@router.get("/problems/{code}")
async def problem_page(code: str) -> Response:
    """What `type` of a problem document leads to."""
    problem = problems.REGISTRY.get(code)
    if problem is None:
        raise HTTPException(404)
    rows = [("Status", str(problem.status)), ("What to do", escape(problem.advice))]
    return _page(f"{problem.code}: {problem.title}", _table(rows))


def _operations(document: dict[str, Any]) -> Iterator[str]:
    yield '<p>As a document for tools: <a href="/openapi.json">/openapi.json</a>. Every refusal is a problem '
    yield 'document (RFC 9457) of one of <a href="/problems">these types</a>.</p>'
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f"<h2>{method.upper()} {escape(path)}</h2><p>{escape(operation.get('description', ''))}</p>"
            yield _table(
                [
                    ("roles", escape(", ".join(operation["x-roles"]) or "none needed")),
                    *(_parameter(parameter) for parameter in operation.get("parameters", [])),
                    *(
                        _body(media_type)
                        for media_type in operation.get("requestBody", {}).get("content", {})
                    ),
                    *(
                        (f"-> {status}", escape(answer["description"]))
                        for status, answer in operation["responses"].items()
                    ),
                ]
            )


def _parameter(parameter: dict[str, Any]) -> tuple[str, str]:
    name = f"<code>{escape(parameter['name'])}</code> ({parameter['in']})"
    return name, escape(parameter.get("description", ""))


def _body(media_type: str) -> tuple[str, str]:
    return "body", f"<code>{escape(media_type)}</code>"


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td>{left}</td><td>{right}</td></tr>" for left, right in rows)
    return f"<table>{cells}</table>"


def _page(title: str, content: str) -> Response:
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{content}</html>"
    )
    return Response(page, headers=_POLICY, media_type="text/html")
