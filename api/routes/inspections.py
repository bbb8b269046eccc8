"""/v1/inspections: post an image, look up what became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from api import openapi, parameters, schemas
from api.access import KeyHolder, Poster, Watcher
from api.blobs import Stream
from api.gateway import Answer, wanted
from api.parameters import ListQuery, PartFilter, PartQuery
from api.state import Resources, opened

router = APIRouter(
    prefix="/v1/inspections",
    tags=["inspections"],
    dependencies=[Depends(parameters.utf8), Depends(parameters.once_each)],
)

Open = Annotated[Resources, Depends(opened)]
InspectionId = Annotated[str, Path(alias="id", description="The id that the gateway gave.")]

# Bytes that a client sent, or that are drawn from them: shown as an image, never run, never guessed at.
_IMAGE_HEADERS = {"Content-Disposition": "inline", "Cache-Control": "private, max-age=3600, immutable"}


@router.post(
    "",
    summary="Inspect an image",
    status_code=202,
    responses=openapi.responses(
        {200: schemas.Inspection, 202: schemas.Inspection},
        *(400, 408, 413, 415, 422, 429, 500, 503),
        waits=True,
    ),
    openapi_extra=openapi.POST,
)
async def post(
    request: Request, resources: Open, holder: Poster, query: Annotated[PartQuery, Query()]
) -> Response:
    """The body is the image itself: JPEG, PNG, BMP or TIFF; its Content-Type is not looked at.

    200 with the outcome when it is reached within `Prefer: wait=`, else 202 and the URL to ask later. An
    answer of either kind means that the image is stored and will be done, failed or expired.

    503 not-in-time: it was not stored, since more comes before it than can be done by its `deadline_ms`.
    """
    answer = await resources.gateway.accept(request, query, holder)
    return _answer(answer, status=200 if answer.terminal else 202)


@router.get(
    "",
    summary="Inspections, newest first",
    responses=openapi.responses({200: schemas.InspectionList}, 400, 404, 503),
)
async def listed(resources: Open, holder: Watcher, query: Annotated[ListQuery, Query()]) -> Response:
    """A page, and `next`: the cursor of the one behind it. What arrives meanwhile changes no later page.

    From the records: a result is there within a second of its verdict, and later while the archiver is away.
    The first page without a filter, or of a line, has the recent ones all the same. Without records there is
    that page alone: the recent ones that the queue still holds.
    """
    return _json(await resources.gateway.listed(query, holder))


@router.get(
    ".csv",
    summary="Inspections as CSV",
    responses=openapi.stream_responses("text/csv", 400, 404, 503),
)
async def as_csv(resources: Open, holder: Watcher, query: Annotated[PartFilter, Query()]) -> Response:
    """All that the filters let through, newest first, times in UTC. A text that a spreadsheet would run as a
    formula has a ' before it."""
    pieces = await resources.records.csv(wanted(query, holder))
    return _download(pieces, "text/csv; charset=utf-8", "inspections.csv")


@router.get(
    ".coco.json",
    summary="Inspections as a COCO data set",
    responses=openapi.stream_responses("application/json", 400, 404, 503),
)
async def as_coco(resources: Open, holder: Watcher, query: Annotated[PartFilter, Query()]) -> Response:
    """Each done image that the filters let through, with the findings that counted, and their scores. The
    images themselves are at their own URLs."""
    pieces = await resources.records.coco(wanted(query, holder))
    return _download(pieces, "application/json", "inspections.coco.json")


@router.get(
    "/{id}",
    summary="One inspection",
    responses=openapi.responses({200: schemas.Inspection}, 400, 404, 503, waits=True),
    openapi_extra={"parameters": [openapi.PREFER]},
)
async def look_up(
    request: Request, resources: Open, holder: KeyHolder, inspection_id: InspectionId
) -> Response:
    """What is known now, or, with `Prefer: wait=`, as soon as it is finished or the wait is over."""
    wait_s = parameters.wait_s(request.headers, resources.settings.max_wait_s)
    answer = await resources.gateway.look_up(parameters.inspection_id(inspection_id), wait_s, holder)
    return _answer(answer, status=200)


@router.get(
    "/{id}/image",
    summary="The image, byte for byte as posted",
    responses=openapi.binary_responses(*parameters.MEDIA_TYPES.values()),
)
async def image(resources: Open, holder: Watcher, inspection_id: InspectionId) -> Response:
    """As long as it is among the recent ones, or kept beside the records; 410 afterwards."""
    kind, data = await resources.gateway.image(parameters.inspection_id(inspection_id), holder)
    return _image(kind, data)


@router.get(
    "/{id}/preview",
    summary="The image as a browser can show it",
    responses=openapi.binary_responses("image/jpeg", "image/png", "image/bmp"),
)
async def preview(resources: Open, holder: Watcher, inspection_id: InspectionId) -> Response:
    """Of JPEG, BMP and PNG of 8 bits the image itself. Of TIFF and 16 bits a PNG of 8, for looking at only:
    white is the first of 255, 1023, 4095, 16383 and 65535 that no pixel exceeds. It comes with the record of
    a kept image, about a second after the verdict; 404 `no-preview` before, and where none is kept."""
    kind, data = await resources.gateway.preview(parameters.inspection_id(inspection_id), holder)
    return _image(kind, data)


@router.get(
    "/{id}/thumbnail",
    summary="The image for a list",
    responses=openapi.binary_responses("image/jpeg", "image/png", "image/bmp"),
)
async def thumbnail(resources: Open, holder: Watcher, inspection_id: InspectionId) -> Response:
    """A JPEG of 360 pixels at most, which comes with the record of a kept image; before, and where there is
    none, what `/preview` gives."""
    kind, data = await resources.gateway.thumbnail(parameters.inspection_id(inspection_id), holder)
    return _image(kind, data)


@router.get(
    "/{id}/attention.png",
    summary="The attention map",
    responses=openapi.binary_responses("image/png"),
)
async def attention(resources: Open, holder: Watcher, inspection_id: InspectionId) -> Response:
    """round(255 x M) of the whole field of view, 8-bit grey; smaller than the image, the same aspect."""
    data = await resources.gateway.attention(parameters.inspection_id(inspection_id), holder)
    return Response(data, headers=_IMAGE_HEADERS, media_type="image/png")


def _answer(answer: Answer, status: int) -> Response:
    response = _json(answer.content, status)
    if status == 202:
        response.headers["Location"] = f"/v1/inspections/{answer.id}"
    if answer.waited_s is not None:
        response.headers["Preference-Applied"] = f"wait={answer.waited_s}"
    return response


def _image(kind: str, data: bytes | Stream) -> Response:
    media_type = parameters.MEDIA_TYPES[kind]
    if isinstance(data, bytes):
        return Response(data, headers=_IMAGE_HEADERS, media_type=media_type)
    headers = {**_IMAGE_HEADERS, "Content-Length": str(data.size)}
    return StreamingResponse(data.pieces, headers=headers, media_type=media_type)


def _download(pieces: AsyncIterator[bytes], media_type: str, name: str) -> Response:
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces, headers=headers, media_type=media_type)


def _json(content: bytes, status: int = 200) -> Response:
    return Response(content, status, {"Cache-Control": "no-store"}, media_type="application/json")
