"""/v1/events: every outcome as it comes, as server-sent events."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from api import openapi
from api.access import Watcher
from api.hub import Viewer
from api.keyring import Holder
from api.state import Resources, resources_of
from inspector.errors import QueueUnavailable

log = logging.getLogger(__name__)

router = APIRouter(prefix="/v1", tags=["inspections"])


@router.get(
    "/events",
    summary="The live stream",
    responses=openapi.event_responses(),
    openapi_extra={"parameters": [openapi.LAST_EVENT_ID]},
)
async def events(
    request: Request, resources: Annotated[Resources, Depends(resources_of)], holder: Watcher
) -> Response:
    """One event `inspection` for each outcome: `id` is a cursor, `data` the inspection as one line of JSON.

    A comment comes after 15 s of silence. A stream that lags too far behind is ended; a browser's EventSource
    comes back by itself (Last-Event-ID) and gets what it missed, ten minutes back. After a break an event may
    come twice; its `data` has the inspection's id.

    A key of some lines gets the outcomes of those; one that is revoked or expires ends its streams.
    """
    # Here, not in the generator: too many viewers must be a 503, and the status is sent before it runs.
    viewer = resources.hub.watch(holder.sees, request.headers.get("last-event-id"))
    # X-Accel-Buffering: nginx would hold events back until its buffer is full.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    stream = _events(resources, viewer, holder)
    return StreamingResponse(stream, headers=headers, media_type="text/event-stream")


async def _events(resources: Resources, viewer: Viewer, holder: Holder) -> AsyncIterator[bytes]:
    try:
        async for event in viewer:
            if not resources.keyring.stands(holder):
                return
            yield event
    except QueueUnavailable as error:
        log.warning("a live stream could not be continued, its viewer comes again: %s", error)
    finally:
        resources.hub.leave(viewer)
