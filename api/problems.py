"""The ONE place that turns errors into RFC 9457 problem documents; the routes have no try/except.

    InspectorError                 its code, title and advice; the status from STATUS
    FastAPI's validation error     -> InvalidParameter
    404, 405, other HTTP errors    HTTP_PROBLEMS
    anything else                  500 internal-error; the log has the traceback, the answer has not

`type` is /problems/<code>, which explains it (routes/problems.py) and does not change between versions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request

from api import parameters, security
from api.state import resources_of
from inspector import errors
from inspector.messages.names import NAME_RULE

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[type[errors.InspectorError], HTTPStatus] = {
    errors.EmptyBody: HTTPStatus.BAD_REQUEST,
    errors.UnsupportedImage: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.BrokenImage: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.WrongLevels: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ImageTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.TooManyPixels: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.SlowBody: HTTPStatus.REQUEST_TIMEOUT,
    errors.LengthMismatch: HTTPStatus.BAD_REQUEST,
    errors.DigestMismatch: HTTPStatus.BAD_REQUEST,
    errors.InvalidParameter: HTTPStatus.BAD_REQUEST,
    errors.UnknownRecipe: HTTPStatus.BAD_REQUEST,
    errors.BadInput: HTTPStatus.BAD_REQUEST,
    errors.KeyRequired: HTTPStatus.UNAUTHORIZED,
    errors.NotAllowed: HTTPStatus.FORBIDDEN,
    errors.IdempotencyConflict: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InspectionNotFound: HTTPStatus.NOT_FOUND,
    errors.ImageGone: HTTPStatus.GONE,
    errors.NoPreview: HTTPStatus.NOT_FOUND,
    errors.LineBusy: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.NotInTime: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.QueueUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.NoRecords: HTTPStatus.NOT_FOUND,
    errors.RecordsUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Every error that a request can meet. The rest of the tree is a fault of ours: 500."""

COME_AGAIN = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}
"""With Retry-After: nothing is wrong with the request."""

QUEUE_RETRY_S = 1
"""Retry-After when the queue does not answer: it is back, or failed over, within seconds."""


_CHALLENGE = 'Bearer realm="inspector"'
"""RFC 6750, 3."""


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One entry of the registry."""

    code: str
    status: int
    title: str
    advice: str

    @property
    def uri(self) -> str:
        return f"/problems/{self.code}"


HTTP_PROBLEMS: Mapping[int, ProblemType] = {
    404: ProblemType("not-found", 404, "Nothing is served at this URL", "The URLs are listed at /docs."),
    405: ProblemType(
        "method-not-allowed",
        405,
        "This URL does not take that method",
        "The Allow header lists those it takes.",
    ),
}
OTHER_HTTP = ProblemType("http-error", 400, "The request was refused", "Check it against /docs.")


def _walk(root: type[errors.InspectorError]) -> Iterator[type[errors.InspectorError]]:
    yield root
    for child in root.__subclasses__():
        yield from _walk(child)


def _listed() -> Iterator[ProblemType]:
    for kind in _walk(errors.InspectorError):
        # A class below a listed one is as good as it: which of them are imported already must not matter.
        statuses = (STATUS[one] for one in kind.__mro__ if one in STATUS)
        status = next(statuses, HTTPStatus.INTERNAL_SERVER_ERROR)
        yield ProblemType(kind.code, status, kind.title, kind.advice)
    yield from HTTP_PROBLEMS.values()
    yield OTHER_HTTP


REGISTRY: Mapping[str, ProblemType] = {problem.code: problem for problem in _listed()}
"""By code: every `type` that an answer can carry, and every `code` that a failed image's `error` can."""

REFUSALS = [errors.InspectorError.code, *(kind.code for kind in STATUS)]
"""The codes that a posted image can be refused with: the `reason` of the metric."""


def install(app: FastAPI) -> None:
    app.add_exception_handler(errors.InspectorError, inspector_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


async def inspector_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.InspectorError)  # noqa: S101 - starlette's signature is wider than the truth
    problem = REGISTRY[error.code]
    extra: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if isinstance(error, errors.InvalidParameter):
        extra["parameter"] = error.name
    if isinstance(error, errors.KeyRequired):
        headers["WWW-Authenticate"] = _CHALLENGE + (', error="invalid_token"' if error.sent else "")
    if isinstance(error, errors.NotAllowed):
        headers["WWW-Authenticate"] = f'{_CHALLENGE}, error="insufficient_scope"'
    if isinstance(error, errors.LengthMismatch | errors.SlowBody):
        headers["Connection"] = "close"  # the rest of the body may come later, and would read as a request
    if problem.status in COME_AGAIN:
        seconds = error.retry_after_s if isinstance(error, errors.Busy) else QUEUE_RETRY_S
        extra["retry_after_ms"] = math.ceil(seconds * 1000)
        headers["Retry-After"] = str(math.ceil(seconds))
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        raise error  # a fault of ours: as an unexpected error, so that its traceback is logged
    return _answer(request, problem, str(error), headers, extra)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    return await inspector_error(request, invalid(error.errors()[0]))


def invalid(fault: Mapping[str, Any]) -> errors.InvalidParameter:
    """Of pydantic's first complaint."""
    return errors.InvalidParameter(parameters.shown(str(fault["loc"][-1])), _rule(fault))


def _rule(fault: Mapping[str, Any]) -> str:
    """What a person can act on; pydantic's own words where they are good enough."""
    match fault["type"]:
        case "extra_forbidden":
            return "is not a parameter of this URL; see /docs for those that are"
        case "string_pattern_mismatch":
            return f"must be {NAME_RULE}"
        case "value_error":
            return str(fault["ctx"]["error"])
    return str(fault["msg"]).replace("Input should", "must")


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    problem = HTTP_PROBLEMS.get(error.status_code)
    if problem is None:
        problem = ProblemType(OTHER_HTTP.code, error.status_code, OTHER_HTTP.title, OTHER_HTTP.advice)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = _methods(request)
    return _answer(request, problem, f"{request.method} {request.url.path[:200]}", headers, {})


def _methods(request: Request) -> str:
    """Those of every route at this path; starlette names only the first route's."""
    for template, operations in request.app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"{[^}]*}", "[^/]+", template), request.url.path):
            return ", ".join(sorted(method.upper() for method in operations))
    return "GET, HEAD"  # the page and its files


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """starlette raises the error again behind this answer, and the server logs it with its traceback."""
    problem = REGISTRY[errors.InspectorError.code]
    return _answer(request, problem, "The gateway's log tells more.", {}, {})


def _answer(
    request: Request, problem: ProblemType, detail: str, headers: dict[str, str], extra: dict[str, Any]
) -> JSONResponse:
    if request.method == "POST" and request.url.path == "/v1/inspections":
        resources_of(request).metrics.refused(problem.code)
    document = {
        "type": problem.uri,
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "instance": request.url.path,
        "advice": problem.advice,
        **extra,
    }
    return JSONResponse(document, problem.status, {**security.HEADERS, **headers}, media_type=MEDIA_TYPE)
