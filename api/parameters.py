"""What a client may write: the query parameters and headers of a request, each with its rule.

A value that breaks its rule, a parameter that is not known and one that comes twice are refused: `stationn=`
must not silently lose a station.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Literal
from urllib.parse import unquote_to_bytes

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from starlette.datastructures import Headers
from starlette.requests import Request

from api.language import Language
from inspector.errors import InspectionNotFound, InvalidParameter
from inspector.messages.job import Priority
from inspector.messages.names import LABEL_RULE, NAME_RULE, Label, Name
from inspector.messages.result import Verdict
from inspector.quality.run_rules import DEFAULT
from inspector.records.charts import Plan, Source
from inspector.records.spans import LASTS, Bucket

MAX_DEADLINE_MS = 86_400_000
"""A day: as long as an id is remembered."""

MAX_LATEST = 200
"""Results that one list may hold: a page of tiles; each result can have 300 findings."""

MEDIA_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "bmp": "image/bmp", "tiff": "image/tiff"}
"""Of each format that is read."""

_ID = re.compile(r"[0-9a-f]{32}")
_DECIMAL = re.compile(r"[01](\.[0-9]{1,9})?")
_DIGITS = re.compile(r"-?[0-9]{1,12}")
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_TIMESTAMP_RULE = "an ISO 8601 time with its zone, as 2026-01-31T08:15:00.250Z (a + is written %2B in a URL)"


def _whole(value: object) -> object:
    """Python reads 1_000, ' 5 ' and 5.0 as whole numbers; a camera that sends them has a bug."""
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise ValueError("must be a whole number")
    return value


def _timestamp(value: object) -> object:
    # pydantic alone would read "1700000000" as a time too, guessing the unit.
    if isinstance(value, str) and not _TIMESTAMP.fullmatch(value):
        raise ValueError(f"must be {_TIMESTAMP_RULE}")
    return value


def _boolean(value: object) -> object:
    if isinstance(value, str) and value not in {"true", "false"}:
        raise ValueError("must be true or false")
    return value


def _number(value: object) -> object:
    # Python reads 1_0, nan and infinity as numbers too.
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise ValueError("must be a number from 0 to 1, as 0.25")
    return value


Whole = BeforeValidator(_whole)
Number = BeforeValidator(_number)

DefectClass = Annotated[str, StringConstraints(min_length=1, max_length=128)]
"""As the model's bundle names it."""


class PartQuery(BaseModel):
    """What is said of a part when its image is posted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: Name = Field("default", description=f"The production line: {NAME_RULE}.")
    station: Name | None = Field(None, description=f"The station on the line: {NAME_RULE}.")
    view: Name | None = Field(None, description=f"Which camera's look at the part: {NAME_RULE}.")
    part_id: Label | None = Field(None, description=f"What stands on the part: {LABEL_RULE}.")
    lot_id: Label | None = Field(None, description=f"The lot it belongs to: {LABEL_RULE}.")
    recipe: Name = Field("default", description="The recipe to judge it by; GET /v1/status lists them.")
    captured_at: Annotated[AwareDatetime | None, BeforeValidator(_timestamp)] = Field(
        None, description=f"When the camera took it: {_TIMESTAMP_RULE}."
    )
    deadline_ms: Annotated[int | None, Whole] = Field(
        None,
        ge=1,
        le=MAX_DEADLINE_MS,
        description="Milliseconds after receipt for which a verdict is of use; not started by then: expired; "
        "more before it than workers do by then: refused at once.",
    )
    priority: Priority = Field(
        "live", description="reinspection: an image of before, which waits until no live one does."
    )
    simulated: Annotated[bool, BeforeValidator(_boolean)] = Field(
        False, description="The image was not taken of a part: a demonstration, a test."
    )


_CELL = "([0-9]|[12][0-9]|3[01])"
_PLACE = rf"^{_CELL},{_CELL},{_CELL},{_CELL}$"


class PartFilter(BaseModel):
    """Which inspections: every parameter that is given must hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: Name | None = Field(None, description="Of that line.")
    station: Name | None = Field(None, description="Of that station.")
    view: Name | None = Field(None, description="Of that view.")
    part_id: Label | None = Field(None, description="Of that part: its whole history.")
    lot_id: Label | None = Field(None, description="Of that lot.")
    recipe: Name | None = Field(None, description="Judged by that recipe, whatever its version.")
    verdict: Verdict | None = Field(None, description="With that verdict.")
    state: Literal["done", "failed", "expired"] | None = Field(None, description="That ended so.")
    defect_class: DefectClass | None = Field(
        None,
        alias="class",
        description="With a defect of that class; with a score: a finding of it, counted or not.",
    )
    min_score: Annotated[float | None, Number] = Field(
        None, ge=0, le=1, description="Whose highest score (of the class) is at least this."
    )
    max_score: Annotated[float | None, Number] = Field(
        None, ge=0, le=1, description="Whose highest score (of the class) is at most this."
    )
    place: Annotated[str | None, StringConstraints(pattern=_PLACE)] = Field(
        None,
        description="With a defect there: first column and row, last column and row of the map of positions "
        "(GET /v1/stats), as 20,9,22,11.",
    )
    simulated: Annotated[bool | None, BeforeValidator(_boolean)] = Field(
        None, description="Taken of no part, or of one."
    )
    since: Annotated[AwareDatetime | None, BeforeValidator(_timestamp)] = Field(
        None, description=f"Received at or after: {_TIMESTAMP_RULE}."
    )
    until: Annotated[AwareDatetime | None, BeforeValidator(_timestamp)] = Field(
        None, description="Received before."
    )


class ListQuery(PartFilter):
    limit: Annotated[int, Whole] = Field(50, ge=1, le=MAX_LATEST, description="How many, newest first.")
    cursor: Annotated[str | None, StringConstraints(pattern=r"^[0-9a-f]{32}$")] = Field(
        None, description="`next` of the page before."
    )

    @property
    def plain(self) -> bool:
        """Whether it asks for the newest, of a line at most."""
        return self.model_fields_set <= {"limit", "line"}


LONGEST_SPAN = timedelta(days=400)
"""Of one statistics: a year and its edges. Every image of it is looked at."""


class SpanQuery(BaseModel):
    """Of which images of a span of time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: Name | None = Field(None, description="Of that line.")
    station: Name | None = Field(None, description="Of that station.")
    view: Name | None = Field(None, description="Of that view.")
    lot_id: Label | None = Field(None, description="Of that lot.")
    recipe: Name | None = Field(None, description="Judged by that recipe.")
    simulated: Annotated[bool, BeforeValidator(_boolean)] = Field(
        False, description="true: the images of no part, which are left out otherwise."
    )
    since: Annotated[AwareDatetime | None, BeforeValidator(_timestamp)] = Field(
        None, description="Received at or after; 24 hours before `until` if left out."
    )
    until: Annotated[AwareDatetime | None, BeforeValidator(_timestamp)] = Field(
        None, description="Received before; now if left out."
    )

    def span(self, now: datetime) -> tuple[datetime, datetime]:
        """Raises InvalidParameter: it is empty, or too long."""
        until = self.until or now
        since = self.since or until - timedelta(days=1)
        if since >= until:
            raise InvalidParameter("since", "must be before `until`")
        if until - since > LONGEST_SPAN:
            raise InvalidParameter("since", f"must be at most {LONGEST_SPAN.days} days before `until`")
        return since, until


class MeanQuery(BaseModel):
    """Of which images the mean is wanted; of several, that of the most images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: Name | None = Field(None, description="Of that line.")
    station: Name | None = Field(None, description="Of that station.")
    view: Name | None = Field(None, description="Of that view.")
    recipe: Name | None = Field(None, description="Judged by that recipe.")
    simulated: Annotated[bool, BeforeValidator(_boolean)] = Field(
        False, description="true: of images of no part."
    )


MOST_SPANS = 10_000
"""That one line may have in one answer of statistics."""


class StatsQuery(SpanQuery):
    bucket: Bucket | None = Field(
        None, description="Also by line and minute, quarter, hour, day or shift of the plant's clock."
    )

    def span(self, now: datetime) -> tuple[datetime, datetime]:
        since, until = super().span(now)
        if self.bucket is not None and (until - since) / LASTS[self.bucket] > MOST_SPANS:
            raise InvalidParameter("bucket", f"would be more than {MOST_SPANS} spans: ask for longer ones")
        return since, until


_RULES = "^[1-8](,[1-8]){0,7}$"


class ChartsQuery(SpanQuery):
    """And how its control charts are drawn."""

    subgroup: Literal["minute", "quarter", "hour", "shift", "day", "parts"] = Field(
        "hour", description="A point for each span of the plant's clock, or for `parts` images in a row."
    )
    parts: Annotated[int, Whole] = Field(
        100, ge=10, le=100_000, description="With subgroup=parts: images of a point."
    )
    baseline: Literal["preceding", "span"] = Field(
        "preceding", description="What the centre line is made of: what came before the span, or the span."
    )
    baseline_since: Annotated[AwareDatetime | None, BeforeValidator(_timestamp)] = Field(
        None, description="A baseline of your own, of when the process ran as it should: from,"
    )
    baseline_until: Annotated[AwareDatetime | None, BeforeValidator(_timestamp)] = Field(
        None, description="and to."
    )
    rules: Annotated[str, StringConstraints(pattern=_RULES)] = Field(
        ",".join(map(str, DEFAULT)), description="Run rules that are looked for, by Nelson's numbers."
    )
    laney: Annotated[bool, BeforeValidator(_boolean)] = Field(
        False, description="Limits as wide as the baseline varies beyond chance (p' and u' charts)."
    )

    def plan(self) -> Plan:
        """Raises InvalidParameter."""
        return Plan(
            subgroup=self.parts if self.subgroup == "parts" else Bucket(self.subgroup),
            baseline=Source(self.baseline),
            stated=self._stated(),
            rules=frozenset(int(number) for number in self.rules.split(",")),
            laney=self.laney,
        )

    def _stated(self) -> tuple[datetime, datetime] | None:
        since, until = self.baseline_since, self.baseline_until
        if since is None and until is None:
            return None
        if since is None or until is None:
            raise InvalidParameter("baseline_since", "and baseline_until belong together")
        if since >= until:
            raise InvalidParameter("baseline_since", "must be before `baseline_until`")
        if until - since > LONGEST_SPAN:
            raise InvalidParameter(
                "baseline_since", f"must be at most {LONGEST_SPAN.days} days before its end"
            )
        return since, until


class LotQuery(BaseModel):
    """How a lot's page is shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lang: Language | None = Field(None, description="en or zh; else as Accept-Language asks.")
    simulated: Annotated[bool, BeforeValidator(_boolean)] = Field(
        False, description="true: the images of no part, which are left out otherwise."
    )


async def once_each(request: Request) -> None:
    """Raises InvalidParameter when a query parameter comes twice: which of the two would be meant?"""
    named = request.query_params.multi_items()
    if len(named) == len(request.query_params):
        return
    for name, times in Counter(name for name, _ in named).items():
        if times > 1:
            raise InvalidParameter(shown(name), "is given more than once")


async def utf8(request: Request) -> None:
    """Raises InvalidParameter when a query parameter is not UTF-8: wrong bytes would read as one sign, and
    two parts' ids as the same."""
    query: bytes = request.scope["query_string"]
    if query.isascii() and b"%" not in query:
        return
    for pair in query.split(b"&"):
        try:
            unquote_to_bytes(pair).decode()
        except UnicodeDecodeError:
            name = pair.partition(b"=")[0].decode("ascii", "replace")
            raise InvalidParameter(shown(name), "must be percent-encoded UTF-8") from None


def inspection_id(text: str) -> str:
    """Raises InspectionNotFound for what cannot be an id, so that only ids reach the queue's keys."""
    if not _ID.fullmatch(text):
        raise InspectionNotFound("that is not an id that this gateway gives")
    return text


def shown(text: str) -> str:
    """A client's text for a message: printable and short."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:64])


# --- headers ----------------------------------------------------------------------------------------------

_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_QUOTED_KEY = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_DIGEST = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):\s*")
_PREFERENCE = re.compile(
    r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]*))?[^,]*(?:,|$)'
)


def idempotency_key(headers: Headers) -> str | None:
    """The key, bare or as a structured-field string ("..."); both spellings are the same key."""
    values = headers.getlist("idempotency-key")
    if not values:
        return None
    text = values[0].strip()
    quoted = _QUOTED_KEY.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if len(values) > 1 or (text.startswith('"') and not quoted) or not _KEY.fullmatch(key):
        raise InvalidParameter("Idempotency-Key", "must be one key of 1-255 printable ASCII characters")
    return key


def content_digest(headers: Headers) -> bytes | None:
    """The sha-256 of Content-Digest (RFC 9530), 32 bytes.

    Other algorithms beside it are ignored, as the RFC allows. A header without sha-256 is refused: whoever
    asks for a check must not believe that it was made.
    """
    values = headers.getlist("content-digest")
    if not values:
        return None
    items = [_DIGEST.fullmatch(item) for item in ",".join(values).split(",")]
    digests = {item[1]: item[2] for item in items if item}
    if not all(items) or "sha-256" not in digests:
        raise InvalidParameter("Content-Digest", "must be sha-256=:BASE64: (RFC 9530)")
    try:
        digest = base64.b64decode(digests["sha-256"], validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != sha256().digest_size:
        raise InvalidParameter("Content-Digest", "sha-256 must be 32 bytes in base64 between two colons")
    return digest


def wait_s(headers: Headers, limit: int) -> int | None:
    """The seconds of `Prefer: wait=`, at most `limit`; None without one.

    RFC 7240: the first of several counts; preferences that are not known or not understood are ignored, and
    Preference-Applied in the answer says which was not.
    """
    for name, value in _PREFERENCE.findall(",".join(headers.getlist("prefer"))):
        if name.lower() == "wait":
            seconds = value.strip('"')
            return min(int(seconds), limit) if re.fullmatch("[0-9]{1,9}", seconds) else None
    return None


def content_length(headers: Headers) -> int | None:
    """The server has checked that it is a number, and that it agrees with Transfer-Encoding."""
    text = headers.get("content-length", "")
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def request_digest(query: PartQuery, image_sha256: str) -> str:
    """Hex SHA-256 over all that must be alike when an Idempotency-Key is used again."""
    # Without what an older gateway did not know: its digests count on.
    usual = {"priority"} if query.priority == "live" else set()
    canonical = json.dumps([image_sha256, query.model_dump(mode="json", exclude=usual)], sort_keys=True)
    return sha256(canonical.encode()).hexdigest()
