"""/v1/stats: what the lines did in a span of time."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from api import openapi, parameters, schemas
from api.access import Watcher
from api.gateway import lines_seen
from api.parameters import StatsQuery
from api.state import Resources, resources_of
from inspector.records.rollups import GRID
from inspector.records.search import Wanted
from inspector.records.statistics import Figures, Statistics

router = APIRouter(
    prefix="/v1",
    tags=["inspections"],
    dependencies=[Depends(parameters.utf8), Depends(parameters.once_each)],
)


@router.get(
    "/stats",
    summary="Yield, FPY, defects, latency",
    responses=openapi.responses({200: schemas.Stats}, 400, 404, 503),
)
async def stats(
    resources: Annotated[Resources, Depends(resources_of)],
    holder: Watcher,
    query: Annotated[StatsQuery, Query()],
) -> Response:
    """Of the images received in a span, from the records: of the last 24 hours if none is said. The answer
    says the span that it is of: the whole minutes which that touches.

    Yield and reject rate are of the images with a verdict, FPY is of parts: by their first verdict from each
    view, so that a re-inspection does not raise it.
    """
    since, until = query.span(datetime.now(UTC))
    wanted = Wanted(
        lines=lines_seen(query.line, holder),
        station=query.station,
        view=query.view,
        lot_id=query.lot_id,
        recipe=query.recipe,
        simulated=query.simulated,
        since=since,
        until=until,
    )
    found = await resources.records.statistics(wanted, since, until, query.bucket)
    document = _document(found)
    return Response(
        document.model_dump_json(), headers={"Cache-Control": "no-store"}, media_type="application/json"
    )


def _document(found: Statistics) -> schemas.Stats:
    spans = [
        schemas.StatsSpan(
            line=span.line,
            start=span.start,
            end=span.end,
            shift=span.shift,
            **_figures(span.figures).model_dump(by_alias=True),
        )
        for span in found.spans
    ]
    return schemas.Stats(
        since=found.since,
        until=found.until,
        total=_figures(found.total),
        spans=spans,
        classes=[schemas.StatsClass(**asdict(one)) for one in found.classes],
        positions=schemas.StatsPositions(
            columns=GRID, rows=GRID, counts=[list(row) for row in found.positions]
        ),
        latency_ms=schemas.StatsLatency(**asdict(found.latency)),
    )


def _figures(figures: Figures) -> schemas.StatsFigures:
    first_yield, reject_rate, fpy = figures.rates
    rates = {"yield": first_yield, "reject_rate": reject_rate, "fpy": fpy}
    return schemas.StatsFigures(images=_images(figures), judged=figures.judged, **asdict(figures), **rates)


def _images(figures: Figures) -> int:
    return figures.judged + figures.failed + figures.expired
