"""Gateway: post one image, and stay with it until it has a terminal answer or patience ends.

Every attempt carries the same Idempotency-Key, so an attempt whose answer was lost and the one after it are
one part. What is tried again: no connection, a broken connection, a time-out, and the statuses that say
"later" (408, 425, 429, 5xx). What is not: any other 4xx, because the same request gets the same answer. A
refused key (401, 403) says nothing against the image: it counts as undelivered, not as refused.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from inspector.camera.api_key import ApiKey
from inspector.camera.shot import Delivery, Fate, Shot
from inspector.errors import SettingsError
from inspector.messages.result import State

_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}

_NO_ENTRY = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}

_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}

_CONNECT_S = 5.0
"""A gateway on the plant's network answers in milliseconds; beyond this it is gone."""

_REPLY_MARGIN_S = 10.0
"""Read time-out beyond the wait that was asked for: the upload itself, a busy event loop, a slow disk."""

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
"""Pauses between attempts double from the first to the longest, unless Retry-After says otherwise."""

_POLL_PAUSE_S = 0.25
"""Least time between two polls: for a gateway (or a proxy before it) that does not honour Prefer: wait."""


@dataclass(frozen=True, slots=True)
class Patience:
    wait: timedelta = timedelta(seconds=30)
    """How long one request waits for the verdict (Prefer: wait, whole seconds)."""
    give_up: timedelta = timedelta(seconds=120)
    """How long one image is tried and waited for, all attempts together."""


@dataclass(frozen=True, slots=True)
class Later:
    """Try again: `after_s` is the gateway's wish, None where it has none."""

    reason: str
    after_s: float | None = None
    status: int | None = None
    """Of the answer; None where there was none."""


class Gateway:
    """One gateway, over kept-alive connections. Use as an async context manager."""

    def __init__(
        self,
        url: str,
        patience: Patience = Patience(),
        *,
        connections: int = 8,
        api_key: ApiKey | None = None,
    ) -> None:
        """Raises SettingsError if `url` is not an http(s) address."""
        self.url = _base(url)
        self._api_key = api_key
        self._patience = patience
        self._prefer = {"Prefer": f"wait={max(int(patience.wait.total_seconds()), 0)}"}
        self._leaving = asyncio.Event()
        self._http = httpx.AsyncClient(
            # A proxy of the plant cannot reach what listens on this machine alone.
            trust_env=httpx.URL(self.url).host not in _THIS_MACHINE,
            timeout=httpx.Timeout(patience.wait.total_seconds() + _REPLY_MARGIN_S, connect=_CONNECT_S),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        )

    async def __aenter__(self) -> Gateway:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    def leave(self) -> None:
        """The camera is stopping: no further attempt for any image; attempts under way may end."""
        self._leaving.set()

    async def inspect(self, shot: Shot) -> Delivery:
        """Never raises for what the network or the gateway does: the Delivery's fate tells."""
        started = time.monotonic()
        limit = started + self._patience.give_up.total_seconds()
        headers = _headers(shot)
        attempt = 0
        while True:
            attempt += 1
            step = await self._attempt(shot, headers, limit)
            if isinstance(step, Delivery):
                return _timed(step, shot, started, attempt)
            pause = pause_before(step, attempt)
            if time.monotonic() + pause > limit or await self._left_within(pause):
                gone = Delivery(shot.name, Fate.UNDELIVERED, f"{step.reason} (attempts: {attempt})")
                return _timed(gone, shot, started, attempt)

    async def hand_over(self, shot: Shot) -> Delivery | Later:
        """One attempt to have it accepted, without a wait for the verdict. Never raises for what the network
        or the gateway does. A refused key is Later: the image waits until the camera has a better one."""
        started = time.monotonic()
        step = await self._post(shot, _headers(shot))
        if isinstance(step, Later):
            return step
        if step.status_code == HTTPStatus.ACCEPTED:
            verdict = Delivery(shot.name, Fate.ACCEPTED, answer=_json(step) or None)
        else:
            judged = _judge(shot, step)
            if isinstance(judged, Later):
                return judged
            if judged.fate is Fate.UNDELIVERED:
                return Later(judged.detail, after_s=_LONGEST_PAUSE_S, status=step.status_code)
            verdict = replace(judged, fate=Fate.ACCEPTED) if judged.fate is Fate.ANSWERED else judged
        return _timed(verdict, shot, started, attempts=1)

    async def _attempt(self, shot: Shot, headers: dict[str, str], limit: float) -> Delivery | Later:
        response = await self._post(shot, headers | self._prefer)
        if isinstance(response, Later):
            return response
        if response.status_code == HTTPStatus.ACCEPTED:
            return await self._follow(shot, response, limit)
        return _judge(shot, response)

    async def _post(self, shot: Shot, headers: dict[str, str]) -> httpx.Response | Later:
        try:
            response = await self._http.post(
                f"{self.url}/v1/inspections",
                params=shot.parameters,
                content=shot.image,
                headers=headers | self._authorization(),
            )
        except httpx.TransportError as error:
            return Later(_network_words(error))
        if response.status_code == HTTPStatus.UNAUTHORIZED and self._api_key and self._api_key.renewed():
            return Later("the API key was replaced", after_s=0)
        return response

    async def _follow(self, shot: Shot, accepted: httpx.Response, limit: float) -> Delivery:
        """Accepted, no verdict yet: ask its address until it has one. Trouble on the way is waited out."""
        location = accepted.headers.get("Location")
        if not location:
            return Delivery(shot.name, Fate.UNANSWERED, "accepted, but the gateway named no Location")
        address = accepted.url.join(location)
        if _origin(address) != _origin(accepted.url):  # the key is this gateway's, and nobody else's
            return Delivery(shot.name, Fate.UNANSWERED, f"accepted, but its Location is elsewhere: {address}")
        last = "still queued"
        while time.monotonic() < limit:
            asked = time.monotonic()
            step = await self._look(shot, address)
            if isinstance(step, Delivery):
                return step
            last = step.reason
            # Prefer: wait does the waiting; this only slows down a server that answers at once.
            pause = step.after_s or max(_POLL_PAUSE_S - (time.monotonic() - asked), 0)
            if await self._left_within(min(pause, max(limit - time.monotonic(), 0))):
                break
        return Delivery(shot.name, Fate.UNANSWERED, f"no verdict in time ({last}); ask {address} for it")

    async def _left_within(self, pause_s: float) -> bool:
        """Sleep for `pause_s`; at once True when the camera is leaving."""
        try:
            await asyncio.wait_for(self._leaving.wait(), pause_s)
        except TimeoutError:
            return False
        return True

    async def _look(self, shot: Shot, address: httpx.URL) -> Delivery | Later:
        try:
            response = await self._http.get(address, headers=self._prefer | self._authorization())
        except httpx.TransportError as error:
            return Later(_network_words(error), _FIRST_PAUSE_S)
        if response.status_code == HTTPStatus.ACCEPTED:
            return Later("still queued")
        return _judge(shot, response)

    def _authorization(self) -> dict[str, str]:
        return {} if self._api_key is None else {"Authorization": f"Bearer {self._api_key.text}"}


def _judge(shot: Shot, response: httpx.Response) -> Delivery | Later:
    """What one response that is not 202 means for the image."""
    status = response.status_code
    if status == HTTPStatus.OK:
        return _answer(shot, response)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
        return Later(_problem_words(response), _retry_after(response), status)
    fate = Fate.UNDELIVERED if status in _NO_ENTRY else Fate.REFUSED
    return Delivery(shot.name, fate, _problem_words(response))


def _answer(shot: Shot, response: httpx.Response) -> Delivery | Later:
    envelope = _json(response)
    try:
        state = State(envelope.get("state", ""))
    except ValueError:
        return Delivery(
            shot.name, Fate.REFUSED, f"{response.url.host} answers, but not as an inspector gateway"
        )
    if not state.terminal:
        return Later("still queued")
    return Delivery(shot.name, Fate.ANSWERED, answer=envelope)


def _timed(delivery: Delivery, shot: Shot, started: float, attempts: int) -> Delivery:
    return replace(delivery, shot=shot, latency_s=time.monotonic() - started, attempts=attempts)


def _headers(shot: Shot) -> dict[str, str]:
    digest = base64.b64encode(hashlib.sha256(shot.image).digest()).decode()
    return {
        "Content-Type": "application/octet-stream",
        "Content-Digest": f"sha-256=:{digest}:",
        "Idempotency-Key": f'"{shot.key}"',
    }


def _base(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise SettingsError(f"--url {url!r}: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise SettingsError(f"--url {url!r}: is not an address like http://127.0.0.1:8000")
    return url.rstrip("/")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def pause_before(step: Later, attempt: int) -> float:
    """Seconds until the next attempt."""
    if step.after_s is not None:
        # Jitter on top: a gateway that says "1 s" to twenty cameras must not meet them all at once.
        return step.after_s + random.uniform(0, 0.2)
    doubled = _FIRST_PAUSE_S * 2.0 ** min(attempt - 1, 10)
    return min(doubled, _LONGEST_PAUSE_S) * random.uniform(0.75, 1.0)


def _retry_after(response: httpx.Response) -> float | None:
    """Retry-After in seconds: a number or an HTTP date (RFC 9110, 10.2.3); None if absent or neither."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _problem_words(response: httpx.Response) -> str:
    """A problem document as one sentence; anything else by its status."""
    problem = _json(response)
    words = [str(problem[part]) for part in ("title", "detail") if problem.get(part)]
    return f"{response.status_code} {': '.join(words) or response.reason_phrase}"


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _network_words(error: httpx.TransportError) -> str:
    match error:
        case httpx.ConnectError():
            return "nothing answers at that address"
        case httpx.ConnectTimeout():
            return "the address does not answer"
        case httpx.TimeoutException():
            return "the gateway did not answer in time"
        case _:
            return f"the connection broke ({type(error).__name__})"
