"""/v1/charts: whether a line still runs as it did. p chart and u chart, with limits and run rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from api import openapi, parameters, schemas
from api.access import Watcher
from api.gateway import lines_seen
from api.parameters import ChartsQuery, MeanQuery
from api.state import Resources, opened
from inspector.quality.control_charts import Chart, Kind
from inspector.quality.run_rules import RULES
from inspector.records.charts import Baseline, LineCharts
from inspector.records.search import Wanted
from inspector.records.subgroups import Counted

_PICTURE = openapi.binary_responses("image/jpeg", refusals=(400, 404, 410, 503))

router = APIRouter(
    prefix="/v1",
    tags=["inspections"],
    dependencies=[Depends(parameters.utf8), Depends(parameters.once_each)],
)


@router.get(
    "/charts",
    summary="Control charts of each line",
    responses=openapi.responses({200: schemas.Charts}, 400, 404, 503),
)
async def charts(
    resources: Annotated[Resources, Depends(opened)],
    holder: Watcher,
    query: Annotated[ChartsQuery, Query()],
) -> Response:
    """p chart (share of NG images) and u chart (defects an image) of each line.

    The centre line comes from what preceded the span unless asked otherwise; each chart says from what.
    Limits vary with the size of the subgroup, and are exact where few are expected.
    """
    since, until = query.span(datetime.now(UTC))
    plan = query.plan()
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
    found = await resources.records.charts(wanted, plan)
    document = schemas.Charts(
        since=since,
        until=until,
        rules=[
            schemas.ChartRule(number=rule.number, name=rule.name, says=rule.says)
            for rule in RULES
            if rule.number in plan.rules
        ],
        lines=[_line(one) for one in found],
    )
    return Response(
        document.model_dump_json(), headers={"Cache-Control": "no-store"}, media_type="application/json"
    )


@router.get("/mean-image", summary="The mean of stored OK images", responses=_PICTURE)
async def mean_image(
    resources: Annotated[Resources, Depends(opened)],
    holder: Watcher,
    query: Annotated[MeanQuery, Query()],
) -> Response:
    """What the product looks like, at most 640 pixels wide or high: for a map of defects to lie on.

    The archiver makes it of 3-64 stored OK images. Inspector-Images says of how many, Inspector-Line,
    -Station and -View of which.
    """
    wanted = query.model_dump(exclude={"line"})
    mean, jpeg = await resources.records.mean_image(lines_seen(query.line, holder), **wanted)
    told = {"Images": str(mean.images), "Line": mean.stream.line}
    told |= {"Station": mean.stream.station or "", "View": mean.stream.view or ""}
    headers = {f"Inspector-{name}": value for name, value in told.items() if value}
    return Response(jpeg, headers={**headers, "Cache-Control": "no-cache"}, media_type="image/jpeg")


def _line(one: LineCharts) -> schemas.LineCharts:
    return schemas.LineCharts(
        line=one.line,
        baseline=_baseline(one.baseline),
        p=_chart(one.p, one.subgroups),
        u=_chart(one.u, one.subgroups),
    )


def _baseline(baseline: Baseline) -> schemas.ChartBaseline:
    return schemas.ChartBaseline(
        source=baseline.source.value,
        since=baseline.since,
        until=baseline.until,
        subgroups=baseline.subgroups,
        inspected=baseline.inspected,
        provisional=baseline.provisional,
    )


def _chart(chart: Chart, subgroups: Sequence[Counted]) -> schemas.ControlChart:
    return schemas.ControlChart(
        centre=chart.centre,
        dispersion=chart.dispersion,
        widened=chart.widened,
        points=[
            schemas.ChartPoint(
                start=counted.start,
                end=counted.end,
                inspected=counted.inspected,
                count=counted.defective if chart.kind is Kind.P else counted.defects,
                value=point.value,
                lower=point.lower,
                upper=point.upper,
                exact=point.exact,
                score=point.score,
                rules=list(point.broken),
            )
            for point, counted in zip(chart.points, subgroups, strict=True)
        ],
    )
