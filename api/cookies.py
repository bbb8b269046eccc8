"""The session's cookie: how it is set, read and taken back.

HttpOnly: no script reads it. SameSite=Strict: no other site's page makes a browser send it. Behind TLS it is
Secure and has the prefix __Host-, so that neither plain HTTP nor a neighbouring host can set or see one.
"""

from __future__ import annotations

from datetime import datetime

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response

NAME = "inspector-session"
SECURE_NAME = f"__Host-{NAME}"


def token(headers: Headers) -> str | None:
    """What the browser sent; of the two names the one that fits how it came."""
    cookies = cookie_parser("; ".join(headers.getlist("cookie")))
    return cookies.get(SECURE_NAME if _by_tls(headers) else NAME)


def put(response: Response, headers: Headers, value: str, ends_at: datetime, now: datetime) -> None:
    _set(response, headers, value, int((ends_at - now).total_seconds()))


def clear(response: Response, headers: Headers) -> None:
    _set(response, headers, "", 0)


def _set(response: Response, headers: Headers, value: str, max_age: int) -> None:
    by_tls = _by_tls(headers)
    response.set_cookie(
        SECURE_NAME if by_tls else NAME,
        value,
        max_age=max_age,
        path="/",
        secure=by_tls,
        httponly=True,
        samesite="strict",
    )


def _by_tls(headers: Headers) -> bool:
    """The gateway itself speaks plain HTTP; the proxy says what the browser spoke. Whoever lies here gets a
    cookie that his own browser does not send back."""
    return headers.get("x-forwarded-proto", "").lower() == "https"
