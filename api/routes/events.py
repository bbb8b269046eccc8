"""/v1/events: every outcome as it comes, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from api import openapi
from api.hub import Hub, Viewer
from api.state import Resources, resources_of

router = APIRouter(prefix="/v1", tags=["inspections"])


@router.get(
    "/events",
    summary="The live stream",
    responses=openapi.event_responses(),
    openapi_extra={"parameters": [openapi.LAST_EVENT_ID]},
)
async def events(request: Request, resources: Annotated[Resources, Depends(resources_of)]) -> Response:
    """One event `inspection` for each outcome: `id` is a cursor, `data` the inspection as one line of JSON.

    A comment comes after 15 s of silence. A stream that lags too far behind is ended; a browser's EventSource
    comes back by itself and gets what it missed, as far as it is remembered.
    """
    # Here, not in the generator: too many viewers must be a 503, and the status is sent before it runs.
    viewer = resources.hub.watch(request.headers.get("last-event-id"))
    # X-Accel-Buffering: nginx would hold events back until its buffer is full.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(resources.hub, viewer), headers=headers, media_type="text/event-stream")


async def _events(hub: Hub, viewer: Viewer) -> AsyncIterator[bytes]:
    try:
        async for event in viewer:
            yield event
    finally:
        hub.leave(viewer)
