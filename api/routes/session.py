"""/v1/session: a browser signs in with an API key, asks who it is, and signs out."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from api import body, cookies, openapi, schemas
from api.access import PUBLIC, WATCHERS, KeyHolder
from api.blobs import Blobs
from api.keyring import ANYBODY, Holder, Keyring
from api.state import Resources, opened
from inspector.access.keys import Key
from inspector.errors import InvalidParameter, NotAllowed

log = logging.getLogger(__name__)

router = APIRouter(prefix="/v1/session", tags=["operation"])

Open = Annotated[Resources, Depends(opened)]

_MOST_BYTES = 4_096
_JSON = "application/json"


@router.get("", summary="Who am I", responses=openapi.responses({200: schemas.Session}))
async def who(request: Request, resources: Open, holder: KeyHolder) -> Response:
    """Asked by the page now and then: it makes the session's end a later one."""
    renewed = resources.keyring.renewed(holder)
    if renewed is None:
        return _said(resources.keyring, holder)
    return _with_cookie(request, resources.keyring, *renewed)


@router.post(
    "",
    summary="Sign in",
    dependencies=[PUBLIC],
    responses=openapi.responses({200: schemas.Session}, 400, 401, 403, 408, 413),
    openapi_extra={
        "requestBody": {"required": True, "content": {_JSON: {"schema": schemas.SignIn.model_json_schema()}}}
    },
)
async def sign_in(request: Request, resources: Open) -> Response:
    """Sets the session's cookie, for a key that may look: a camera's may not.

    On an open gateway there is nothing to sign in to, and no key is looked at.
    """
    keyring = resources.keyring
    if keyring.open:
        return _said(keyring, keyring.holder(request.headers))
    said = await _read(request, resources)
    holder, key = keyring.sign_in(said.key.strip())
    if holder.role not in WATCHERS:
        raise NotAllowed(f"key {key.id} is {holder.role}, which posts images and looks at none")
    log.info("signed in: key %s (%r), %s", key.id, key.name, key.role)
    return _with_cookie(request, keyring, holder, key)


@router.delete("", summary="Sign out", status_code=204, responses=openapi.empty_responses())
async def sign_out(request: Request, resources: Open, holder: KeyHolder) -> Response:
    """Ends the session, its live streams too, in every browser that has a copy of it."""
    response = Response(status_code=204)
    if holder.session is not None:
        resources.keyring.sign_out(holder.session)
        cookies.clear(response, request.headers)
    return response


async def _read(request: Request, resources: Resources) -> schemas.SignIn:
    """Raises InvalidParameter. Only JSON: a form of another site can send anything else."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise InvalidParameter("Content-Type", f"must be {_JSON}")
    settings = resources.settings
    patience = body.Patience(settings.body_timeout_s, settings.body_least_rate)
    received = Blobs(None, 0).receiving()
    await body.read(request, lambda _: None, received, limit=_MOST_BYTES, patience=patience)
    try:
        return schemas.SignIn.model_validate_json(await received.look(lambda data: data[:]))
    except ValidationError:
        raise InvalidParameter("body", 'must be {"key": "ik_..."}') from None  # its words may show the key


def _with_cookie(request: Request, keyring: Keyring, holder: Holder, key: Key) -> Response:
    response = _said(keyring, holder)
    if holder.session is not None:
        token = keyring.token(holder.session, key)
        cookies.put(response, request.headers, token, holder.session.ends_at, datetime.now(UTC))
    return response


def _said(keyring: Keyring, holder: Holder) -> Response:
    session = holder.session
    said = schemas.Session(
        open=holder is ANYBODY,
        role=holder.role,
        lines=sorted(holder.lines) if holder.lines is not None else None,
        key_id=holder.key_id,
        name=holder.name,
        csrf=keyring.csrf(session) if session is not None else None,
        ends_at=session.ends_at if session is not None else None,
    )
    return Response(said.model_dump_json(), headers={"Cache-Control": "no-store"}, media_type=_JSON)
