"""The page at each of its URLs, and `/dashboard/*`: its files, under a policy that lets nothing else run."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

from api.access import PUBLIC

# The page itself is alike on every installation; what it shows it asks of the API, with key or session.
router = APIRouter(include_in_schema=False, dependencies=[PUBLIC])

PAGES = ("/", "/overview", "/gallery", "/inspections/{id}", "/parts", "/signin")
"""Where index.html is served: the paths of static/js/pages.js, which shows the page that the URL names."""

_STATIC = Path(__file__).parent / "static"
_files = StaticFiles(directory=_STATIC, check_dir=False)

# A part id is whatever a client sent. Scripts come from this server's files only, and Trusted Types turn any
# later `innerHTML` into an error, so that text stays text.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Asked again each time (304 when unchanged): a page never runs beside scripts of an older release.
    "Cache-Control": "no-cache",
}


async def _page(request: Request) -> Response:
    return await _file("index.html", request)


for path in PAGES:
    router.add_api_route(path, _page, methods=["GET", "HEAD"])


@router.api_route("/dashboard/{path:path}", methods=["GET", "HEAD"])
async def static_file(path: str, request: Request) -> Response:
    """A file of the page; 404 for anything that is not below `static/`."""
    return await _file(path, request)


async def _file(path: str, request: Request) -> Response:
    response = await _files.get_response(path, request.scope)
    response.headers.update(_HEADERS)
    return response
