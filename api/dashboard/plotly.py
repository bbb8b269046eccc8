"""The charting library of the overview, out of the wheel that brings it: plotly.js, MIT.

The wheel is found, never imported: the gateway serves one file of it. It is 4.8 MB, so it is packed once, in
a thread, when somebody first opens the overview; its URL names the version, so browsers keep it for good.
"""

from __future__ import annotations

import asyncio
import gzip
import importlib.util
from functools import cache
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, Request, Response

from api.access import PUBLIC

router = APIRouter(include_in_schema=False, dependencies=[PUBLIC])

_FOR_GOOD = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Encoding",
}

_LEVEL = 6
"""Of gzip: 1.4 MB in a fifth of a second; more takes long and saves little."""


@router.api_route("/dashboard/vendor/plotly.js", methods=["GET", "HEAD"])
async def newest() -> Response:
    """Where the page asks: on to the version that is installed."""
    place = {"Location": f"/dashboard/vendor/plotly-{version('plotly')}.js", "Cache-Control": "no-cache"}
    return Response(status_code=307, headers=place)


@router.api_route("/dashboard/vendor/plotly-{_version}.js", methods=["GET", "HEAD"])
async def script(_version: str, request: Request) -> Response:
    packed = await asyncio.to_thread(_packed)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers = {**_FOR_GOOD, "Content-Encoding": "gzip"}
        return Response(packed, headers=headers, media_type="text/javascript")
    plain = await asyncio.to_thread(gzip.decompress, packed)
    return Response(plain, headers=_FOR_GOOD, media_type="text/javascript")


@cache
def _packed() -> bytes:
    wheel = importlib.util.find_spec("plotly")
    if wheel is None or wheel.origin is None:
        raise RuntimeError("plotly is not installed: pip install 'inspector[api]'")
    file = Path(wheel.origin).parent / "package_data" / "plotly.min.js"
    return gzip.compress(file.read_bytes(), _LEVEL, mtime=0)
