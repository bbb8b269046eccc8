"""/v1/status: who works, what waits, which recipes there are."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from api import openapi, schemas
from api.access import Watcher
from api.promptly import promptly
from api.state import Resources, opened
from inspector import __version__

router = APIRouter(prefix="/v1", tags=["operation"])


@router.get(
    "/status",
    summary="Workers, queue, recipes",
    responses=openapi.responses({200: schemas.Status}, 503),
)
async def status(resources: Annotated[Resources, Depends(opened)], _: Watcher) -> Response:
    """As the queue says now; 503 when it does not answer."""
    seen = asdict(await promptly(resources.queue.admin.status()))
    workers = seen.pop("workers")
    recipes = [
        schemas.RecipeStatus(id=recipe.id, version=recipe.version, model=recipe.model, sha256=recipe.sha256)
        for recipe in resources.recipes.values()
    ]
    document = schemas.Status(
        version=__version__, queue=schemas.QueueStatus(**seen), workers=workers, recipes=recipes
    )
    return Response(
        document.model_dump_json(), headers={"Cache-Control": "no-store"}, media_type="application/json"
    )
