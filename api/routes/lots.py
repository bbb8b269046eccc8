"""/v1/lots: a lot's report, as a page for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api import lot_page, openapi, parameters
from api.access import Watcher
from api.language import language_of
from api.parameters import LotQuery
from api.state import Resources, resources_of
from inspector.messages.names import LABEL_RULE, Label
from inspector.records.search import Wanted

router = APIRouter(
    prefix="/v1/lots",
    tags=["inspections"],
    dependencies=[Depends(parameters.utf8), Depends(parameters.once_each)],
)

_HEADERS = {
    "Content-Security-Policy": lot_page.POLICY,
    "Cache-Control": "no-store",
    "Vary": "Accept-Language, Authorization",
}


@router.get(
    "/{lot:path}/report",
    summary="A lot's report, to be printed",
    responses=openapi.page_responses(400, 404, 503),
)
async def report(
    request: Request,
    resources: Annotated[Resources, Depends(resources_of)],
    holder: Watcher,
    lot: Annotated[Label, Path(description=f"The lot: {LABEL_RULE}; a / in it as %2F.")],
    query: Annotated[LotQuery, Query()],
) -> Response:
    """Counts, yield, FPY, defects by class, recipe and model versions, and each image that was not OK with
    its picture, as an HTML page without a script, in English or Chinese (`lang`, else Accept-Language)."""
    wanted = Wanted(lines=holder.lines, lot_id=lot, simulated=query.simulated)
    found, zone = await resources.records.lot(wanted)
    language = language_of(query.lang, request.headers)
    page = lot_page.page(found, zone, language, datetime.now(UTC), simulated=query.simulated)
    return Response(page, headers={**_HEADERS, "Content-Language": language}, media_type="text/html")
