"""What FastAPI cannot know of the API: headers, the binary body, and the problems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from api import access, cookies, problems, schemas
from api.keyring import CSRF_HEADER
from api.parameters import MEDIA_TYPES
from inspector.access.roles import Role

Responses = dict[int | str, dict[str, Any]]


def _header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


PREFER = _header(
    "Prefer",
    "RFC 7240: wait=SECONDS, whole seconds, to get the outcome in this answer. Others are ignored.",
    type="string",
    example="wait=10",
)
LAST_EVENT_ID = _header("Last-Event-ID", "Continue behind this event, ten minutes back.", type="string")

POST: dict[str, Any] = {
    "parameters": [
        PREFER,
        _header(
            "Idempotency-Key",
            "1-255 printable ASCII characters, quoted or bare. The same key with the same image and "
            "parameters is the same inspection; with others it is refused (422).",
            type="string",
            example='"L1-000123"',
        ),
        _header(
            "Content-Digest",
            "RFC 9530: sha-256=:BASE64:. Checked here and again by the worker. Other algorithms beside "
            "sha-256 are ignored; a header without sha-256 is refused.",
            type="string",
        ),
    ],
    "requestBody": {
        "required": True,
        "description": "The image itself. It is recognised by its bytes, not by Content-Type.",
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary"}}
            for media_type in MEDIA_TYPES.values()
        },
    },
}

_LOCATION = {"Location": {"description": "The inspection's URL.", "schema": {"type": "string"}}}
_APPLIED = {
    "Preference-Applied": {
        "description": "The wait that was granted, when one was asked for.",
        "schema": {"type": "string", "example": "wait=10"},
    }
}
_CHALLENGE = {"WWW-Authenticate": {"description": "RFC 6750.", "schema": {"type": "string"}}}
_PROBLEM_HEADERS: Mapping[int, dict[str, Any]] = {
    401: _CHALLENGE,
    403: _CHALLENGE,
    503: {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
}


def responses(models: Mapping[int, type[BaseModel]], *refusals: int, waits: bool = False) -> Responses:
    """Answers of JSON, and the statuses of the problems that may come instead."""
    answers: Responses = {}
    for status, model in models.items():
        headers = (_LOCATION if status == 202 else {}) | (_APPLIED if waits else {})
        answers[status] = {"model": model, "description": _describe(status), "headers": headers}
    return answers | _problems(refusals)


def empty_responses(*refusals: int) -> Responses:
    return {204: {"description": "Done."}} | _problems(refusals)


def binary_responses(*media_types: str, refusals: Iterable[int] = (404, 410, 503)) -> Responses:
    content = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in media_types}
    return {200: {"description": "The bytes.", "content": content}} | _problems(refusals)


def stream_responses(media_type: str, *refusals: int) -> Responses:
    content = {media_type: {"schema": {"type": "string"}}}
    return {200: {"description": "In pieces, as it is read.", "content": content}} | _problems(refusals)


def page_responses(*refusals: int) -> Responses:
    content = {"text/html": {"schema": {"type": "string"}}}
    return {200: {"description": "The page.", "content": content}} | _problems(refusals)


def text_responses(*refusals: int) -> Responses:
    content = {"text/plain": {"schema": {"type": "string"}}}
    return {200: {"description": "Yes.", "content": content}} | _problems(refusals)


def event_responses() -> Responses:
    content = {"text/event-stream": {"schema": {"type": "string"}}}
    return {200: {"description": "Events, without end.", "content": content}} | _problems((503,))


def _problems(statuses: Iterable[int]) -> Responses:
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {
            "description": _describe(status),
            "content": content,
            **({"headers": headers} if (headers := _PROBLEM_HEADERS.get(status)) else {}),
        }
        for status in statuses
    }


def _describe(status: int) -> str:
    """The codes that come with a status, from the registry."""
    if status < 400:
        return {200: "The outcome, or what is known.", 202: "Accepted; ask later."}[status]
    codes = [problem.code for problem in problems.REGISTRY.values() if problem.status == status]
    return "internal-error" if status == HTTPStatus.INTERNAL_SERVER_ERROR else ", ".join(codes)


def install(app: FastAPI) -> None:
    # FastAPI's documented way to change the document is to replace this method.
    app.openapi = partial(_document, app)  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        components = document.setdefault("components", {}).setdefault("schemas", {})
        components["Problem"] = schemas.Problem.model_json_schema()
        _drop_default_validation_error(document, components)
        _say_who_may(app, document)
        app.openapi_schema = document
    return app.openapi_schema


def _say_who_may(app: FastAPI, document: dict[str, Any]) -> None:
    """The roles of each operation, from the routes themselves."""
    document["components"]["securitySchemes"] = {
        "apiKey": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of `inspector keys add`; an open gateway (loopback, no keys) needs none.",
        },
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookies.NAME,
            "description": "Of POST /v1/session; behind TLS its name begins with __Host-. What is no GET "
            f"needs the header {CSRF_HEADER} beside it.",
        },
    }
    for (method, path), roles in access.roles_by_route(app).items():
        operation = document["paths"].get(path, {}).get(method.lower())
        if operation is None:
            continue
        operation["x-roles"] = [role.value for role in Role if role in (roles or ())]
        if roles:
            operation["security"] = [{"apiKey": []}, {"session": []}]
            for status, problem in _problems((401, 403)).items():
                operation["responses"][str(status)] = problem


def _drop_default_validation_error(document: dict[str, Any], components: dict[str, Any]) -> None:
    """FastAPI documents a 422 of its own wherever there is a parameter; here that is a 400 problem."""
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    for operations in document["paths"].values():
        for operation in operations.values():
            answer = operation["responses"].get("422", {})
            if "application/json" in answer.get("content", {}):
                del operation["responses"]["422"]
