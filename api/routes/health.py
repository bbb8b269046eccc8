"""/healthz and /readyz, for whoever starts, stops and routes to gateways."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from api import openapi
from api.access import PUBLIC
from api.promptly import promptly
from api.state import Resources, opened

# Without a key: an orchestrator has none, and they say nothing but yes or no.
router = APIRouter(tags=["operation"], dependencies=[PUBLIC])


@router.get("/healthz", summary="The process lives", responses=openapi.text_responses())
async def healthz() -> Response:
    """Says nothing of the queue: to restart a gateway does not bring a Redis back."""
    return Response("ok\n", media_type="text/plain")


@router.get("/readyz", summary="Images can be accepted", responses=openapi.text_responses(503))
async def readyz(resources: Annotated[Resources, Depends(opened)]) -> Response:
    """503 without Redis. Workers do not count: a rollout of workers would take every gateway out."""
    await promptly(resources.queue.admin.ping())
    return Response("ready\n", media_type="text/plain")
