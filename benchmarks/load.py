"""The load generator: `python -m benchmarks.load PLAN.json`, a process of its own. Prints what it saw as
JSON.

closed loop   so many clients, each posts the next image when it has its answer
open loop     images come at a rate, by a Poisson process, whether or not the ones before are answered

Each image is posted as a camera does: the bytes, an Idempotency-Key, and a wait for the verdict. An image's
time runs from when it was due to be posted, so that a late generator cannot hide a late service.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import uvloop

from benchmarks.processes import python
from inspector.errors import SettingsError

WAIT_S = 60

LATE, EXPIRED = "late", "expired"


@dataclass(frozen=True, slots=True)
class Plan:
    port: int
    images: list[str]
    """Files, posted in turn."""
    seconds: float
    clients: int = 0
    """Of a closed loop; 0 for an open one."""
    rate: float = 0.0
    """Images a second of an open loop."""
    seed: int = 0
    path: str = "/v1/inspections"
    """With a query, as "/v1/inspections?line=a&deadline_ms=500"."""
    wait: bool = True
    """For the verdict; else the answer says that the image is accepted."""
    warm_up_s: float = 0.0
    """Before the seconds that count."""
    every_s: float = 0.0
    """Also counts by spans of so many seconds; 0: does not."""
    judged: bool = False
    """Tells apart what a 200 says of its deadline: "200" in time, "late", "expired"."""


@dataclass(slots=True)
class Seen:
    latencies_ms: dict[str, list[float]] = field(default_factory=dict)
    """By status."""
    ends_s: dict[str, list[float]] = field(default_factory=dict)
    """When each was answered, seconds since the start."""
    broken: int = 0
    """Connections that ended without an answer."""


class Client(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, judged: bool = False) -> None:
        self._judged = judged
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[str] | None = None
        self._body = b""
        self._head = b""
        self._left = -1
        self._status = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def post(self, head: bytes, body: bytes) -> asyncio.Future[str]:
        """Its status, when the whole answer has come."""
        self._answer = asyncio.get_running_loop().create_future()
        self._head, self._body, self._left = b"", b"", -1
        if self._transport is None or self._transport.is_closing():
            self._answer.set_exception(ConnectionResetError())
        else:
            self._transport.writelines([head, body])
        return self._answer

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._head[:end].lower()
            self._status = int(head[9:12])
            length = head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
            data = self._head[end + 4 :]
            self._left = int(length or 0)
        self._left -= len(data)
        if self._judged:
            self._body += data
        if self._left <= 0 and self._answer is not None and not self._answer.done():
            self._answer.set_result(kind_of(self._status, self._body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def kind_of(status: int, body: bytes) -> str:
    """The status; of an outcome, as far as it was read, whether it came "late" or "expired"."""
    if b'"state":"expired"' in body:
        return EXPIRED
    return LATE if b'"deadline_missed":true' in body else str(status)


class Generator:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._bodies = [Path(file).read_bytes() for file in plan.images]
        self._number = 0
        self._prefer = f"Prefer: wait={WAIT_S}\r\n" if plan.wait else ""
        self._run = f"{time.time_ns():x}"
        self._idle: deque[Client] = deque()
        self.seen = Seen()
        self.cpu_s = self.seconds = 0.0
        self._start = 0.0

    async def run(self) -> None:
        plan = self._plan
        self._start = time.perf_counter() + plan.warm_up_s
        measured = asyncio.create_task(self._measure())
        if plan.clients:
            await asyncio.gather(*(self._closed() for _ in range(plan.clients)))
        else:
            await self._open()
        await measured
        for client in self._idle:
            client.close()

    async def _measure(self) -> None:
        """CPU and wall time of the seconds that count, without the warm-up and the last answers."""
        await asyncio.sleep(self._plan.warm_up_s)
        cpu, wall = time.process_time(), time.perf_counter()
        await asyncio.sleep(self._plan.seconds)
        self.cpu_s, self.seconds = time.process_time() - cpu, time.perf_counter() - wall

    async def _closed(self) -> None:
        end = self._start + self._plan.seconds
        client = await self._connect()
        while time.perf_counter() < end:
            client = await self._post(client, time.perf_counter())
        self._idle.append(client)

    async def _open(self) -> None:
        chance = random.Random(self._plan.seed)
        due, end = time.perf_counter(), self._start + self._plan.seconds
        posts: set[asyncio.Task[None]] = set()
        while (due := due + chance.expovariate(self._plan.rate)) < end:
            if (left := due - time.perf_counter()) > 0:
                await asyncio.sleep(left)
            task = asyncio.create_task(self._post_one(due))
            posts.add(task)
            task.add_done_callback(posts.discard)
        await asyncio.gather(*posts)

    async def _post_one(self, due: float) -> None:
        client = self._idle.popleft() if self._idle else await self._connect()
        self._idle.append(await self._post(client, due))

    async def _post(self, client: Client, due: float) -> Client:
        """The connection to go on with: another one after a break."""
        body = self._bodies[self._number % len(self._bodies)]
        self._number += 1
        head = (
            f"POST {self._plan.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{self._prefer}"
            f"Idempotency-Key: {self._run}-{self._number}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            status = await client.post(head.encode(), body)
        except OSError:
            self.seen.broken += 1
            return await self._connect()
        now = time.perf_counter()
        if due >= self._start:
            self.seen.latencies_ms.setdefault(status, []).append((now - due) * 1000)
        if self._start <= now <= self._start + self._plan.seconds:
            self.seen.ends_s.setdefault(status, []).append(now - self._start)
        return client

    async def _connect(self) -> Client:
        _, client = await asyncio.get_running_loop().create_connection(
            lambda: Client(self._plan.judged), "127.0.0.1", self._plan.port
        )
        return client


def summary(generator: Generator, plan: Plan) -> dict[str, Any]:
    """Rates are of answers within the seconds that count; latencies of images that were due in them."""
    seen = generator.seen
    report: dict[str, Any] = {
        "seconds": round(generator.seconds, 3),
        "generator_cpu_share": round(generator.cpu_s / generator.seconds, 3),
        "broken": seen.broken,
        "statuses": {
            status: {
                "answers": len(seen.ends_s.get(status, [])),
                "rate": round(len(seen.ends_s.get(status, [])) / plan.seconds, 2),
                **quantiles(values),
            }
            for status, values in sorted(seen.latencies_ms.items())
        },
    }
    if plan.every_s:
        report["spans"] = {
            status: _by_span(ends, plan.seconds, plan.every_s) for status, ends in seen.ends_s.items()
        }
    return report


def quantiles(values: list[float]) -> dict[str, float]:
    """p50, p99 and the greatest, in milliseconds."""
    if not values:
        return {}
    ordered = sorted(values)
    at = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "max_ms": 1.0}
    last = len(ordered) - 1
    return {name: round(ordered[min(last, int(share * len(ordered)))], 2) for name, share in at.items()}


def _by_span(ends: list[float], seconds: float, every_s: float) -> list[int]:
    counts = Counter(int(end / every_s) for end in ends)
    return [counts[span] for span in range(int(seconds / every_s))]


def main(file: str) -> None:
    plan = Plan(**json.loads(Path(file).read_text(encoding="utf-8")))
    generator = Generator(plan)
    uvloop.run(generator.run())
    print(json.dumps(summary(generator, plan)))


def run(plan: Plan, folder: Path) -> dict[str, Any]:
    """In a process of its own; what it saw. Raises SettingsError when it broke."""
    file = folder / "plan.json"
    file.write_text(json.dumps(asdict(plan)), encoding="utf-8")
    done = subprocess.run(python("benchmarks.load", str(file)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SettingsError(f"the load generator broke: {done.stderr.strip().splitlines()[-1]}")
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def inspected(seen: Mapping[str, Any]) -> dict[str, float]:
    """As answered. Raises SettingsError where not one image was: such a figure would be a lie."""
    good = answered(seen)
    if not good["answers"] or "p50_ms" not in good:
        raise SettingsError(f"no image was inspected in time; the answers were {seen['statuses'] or 'none'}")
    return good


def answered(seen: Mapping[str, Any], status: int | str = 200) -> dict[str, float]:
    """rate, answers and quantiles of the answers with that status; zeros where there are none."""
    found: dict[str, float] = seen["statuses"].get(str(status), {"answers": 0, "rate": 0.0})
    return found


if __name__ == "__main__":
    main(sys.argv[1])
