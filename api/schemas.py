"""What the answers look like, for the documentation: envelope.py splices the bytes, not these.

The tests read every answer back through these models, so that the two cannot drift.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from inspector.access.roles import Role
from inspector.messages.result import Failure, Result, State


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Links(Closed):
    """Relative URLs; null for what is not held, or not yet there."""

    self: str
    image: str | None
    preview: str | None = Field(description="The image as a browser can show it.")
    thumbnail: str | None = Field(description="The image for a list: small, where it was made so.")
    attention: str | None


class Inspection(Closed):
    """One image. `result` is there when it is done, `error` when it failed or expired."""

    id: str
    state: State
    accept: bool = Field(description="True only for done + OK + in time: what a reject gate may follow.")
    links: Links
    error: Failure | None
    result: Result | None = Field(
        description="Null, too, once it has left the recent ones, where no records are kept."
    )


class InspectionList(Closed):
    inspections: list[Inspection]
    next: str | None = Field(description="The `cursor` of the next page; null at the end.")


class StatsFigures(Closed):
    """Rates are 0-1, and null where nothing was inspected."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    images: int
    judged: int = Field(description="With a verdict.")
    ok: int
    ng: int
    review: int
    failed: int
    expired: int
    late: int = Field(description="With a verdict that came after the deadline.")
    parts: int
    first_ok: int = Field(description="Parts whose first verdict from each view was OK.")
    yield_: float | None = Field(alias="yield", description="ok / judged.")
    reject_rate: float | None = Field(description="ng / judged.")
    fpy: float | None = Field(description="first_ok / parts.")


class StatsSpan(StatsFigures):
    line: str
    start: datetime
    end: datetime
    shift: str | None


class StatsClass(Closed):
    name: str
    defects: int = Field(description="Findings that counted.")
    images: int = Field(description="With at least one of them.")


class StatsPositions(Closed):
    """Where in the image the centres of defects lie: counts[row][column], row 0 the top."""

    columns: int
    rows: int
    counts: list[list[int]]


class StatsLatency(Closed):
    """From receipt to verdict, to the whole millisecond; null without images."""

    images: int
    p50: int | None
    p90: int | None
    p99: int | None
    longest: int | None


class Stats(Closed):
    since: datetime
    until: datetime
    total: StatsFigures
    spans: list[StatsSpan] = Field(description="By start and line, with `bucket`; empty ones are left out.")
    classes: list[StatsClass] = Field(description="The most frequent first.")
    positions: StatsPositions
    latency_ms: StatsLatency


class Session(Closed):
    """Who looks. On an open gateway, everybody on its machine, as admin."""

    open: bool = Field(description="No keys are set up: nobody signs in.")
    role: Role
    lines: list[str] | None = Field(description="Those that are seen; null: all.")
    key_id: str | None
    name: str | None = Field(description="Of the key.")
    csrf: str | None = Field(
        description="Of a session: to be sent as X-CSRF-Token with what is no GET. Null where the key itself "
        "was sent."
    )
    ends_at: datetime | None = Field(description="When the session ends unless it is asked for before.")


class SignIn(Closed):
    key: str = Field(max_length=256, description="The API key, as `inspector keys add` showed it.")


class ChartPoint(Closed):
    start: datetime
    end: datetime = Field(description="`since` and `until` of a list of its images.")
    inspected: int = Field(description="Images with a verdict.")
    count: int = Field(description="NG images (p chart), or defects (u chart).")
    value: float = Field(description="count / inspected.")
    lower: float | None = Field(description="A value below it is out; null where none can be.")
    upper: float | None = Field(description="A value above it is out.")
    exact: bool = Field(description="Limits of the binomial or Poisson law, where few are expected.")
    score: float = Field(description="Standard deviations from the centre line.")
    rules: list[int] = Field(description="Run rules whose pattern ends here; empty: as chance makes it.")


class ControlChart(Closed):
    centre: float | None = Field(description="Null, and no limits, where nothing was inspected.")
    dispersion: float | None = Field(
        description="How much more the baseline varies than chance makes it (1); null: too small to tell."
    )
    widened: float = Field(description="By how much the limits were for it, with laney=true; else 1.")
    points: list[ChartPoint]


class ChartBaseline(Closed):
    source: Literal["preceding", "span", "stated"] = Field(
        description="`span`, too, when there was nothing where it was looked for."
    )
    since: datetime
    until: datetime
    subgroups: int
    inspected: int
    provisional: bool = Field(description="Fewer than 20 subgroups: read its limits with care.")


class LineCharts(Closed):
    line: str
    baseline: ChartBaseline
    p: ControlChart = Field(description="NG images of those with a verdict.")
    u: ControlChart = Field(description="Defects an image with a verdict.")


class ChartRule(Closed):
    """Nelson's number and words."""

    number: int
    name: str
    says: str


class Charts(Closed):
    since: datetime
    until: datetime
    rules: list[ChartRule] = Field(description="Those that were looked for.")
    lines: list[LineCharts]


class Problem(BaseModel):
    """RFC 9457: what was wrong, and what to do. `type` is stable and can be opened in a browser."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    advice: str
    parameter: str | None = Field(None, description="The query parameter or header that broke its rule.")
    retry_after_ms: int | None = Field(None, description="On 429 and 503: when to come again.")


class RecipeStatus(Closed):
    id: str
    version: int
    model: str
    sha256: str


class WorkerStatus(Closed):
    name: str
    device: str
    engine: str
    model: str
    model_sha256: str
    started_at: str
    last_seen: str
    inspected: int


class QueueStatus(Closed):
    depth: int = Field(description="Images waiting and in flight.")
    in_flight: int
    bytes: int
    known_bytes: int = Field(description="What finished ids cost; counted in the byte budget too.")
    recent_bytes: int
    archive_bytes: int = Field(description="What waits for the archiver; counted in the byte budget too.")
    oldest_age_s: float
    dead_letters: int


class Status(Closed):
    version: str
    queue: QueueStatus
    workers: list[WorkerStatus]
    recipes: list[RecipeStatus]
