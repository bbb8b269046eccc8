"""`python -m tests.attack`: one gateway, one Redis, hundreds of hostile sockets, and one honest camera.

Phases, each with its printout: quiet, trickling heads, trickling bodies, silent connections, a request on
each connection and silence after it; then Redis hangs, is killed, and is full. Exit code 1 if the camera was
answered anything else than 202 in an attack, or p99 was over the limit, or a 503 took a second.

No part of `make test`: it is about times, and those depend on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from api import guard
from tests.api.test_process import gateway_process
from tests.attack import trickle
from tests.support.pictures import jpeg
from tests.support.servers import DURABLE, QueueServer
from tests.support.waiting import wait_until

IMAGE = jpeg(640, 480)
LIMIT_MS = 200.0
ANSWER_WITHIN_S = 1.0

_HEAD = b"POST /v1/inspections HTTP/1.1\r\nHost: localhost\r\nX-Padding: "
_BODY = b"POST /v1/inspections HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
_WHOLE = b"GET /v1/inspections HTTP/1.1\r\nHost: localhost\r\n\r\n"

_ATTACKS = {
    "quiet": None,
    "trickling heads": (_HEAD, b"x"),
    "trickling bodies": (_BODY, b"x"),
    "silent connections": (b"", b""),
    "a request, then silence": (_WHOLE, b""),
}
"""What each hostile connection says at first, and then every second."""


@dataclass
class Seen:
    """What the camera met."""

    statuses: Counter[int] = field(default_factory=Counter)
    times_ms: list[float] = field(default_factory=list)

    def add(self, status: int, took_s: float) -> None:
        self.statuses[status] += 1
        self.times_ms.append(took_s * 1000)

    def quantile(self, share: float) -> float:
        """Nearest rank, ms."""
        ordered = sorted(self.times_ms)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    def line(self, name: str) -> str:
        answers = ", ".join(f"{count} x {status}" for status, count in sorted(self.statuses.items()))
        times = ", ".join(f"{label} {self.quantile(share):.1f}" for label, share in _QUANTILES)
        return f"{name:<28} {answers:<10} ms: {times}"


_QUANTILES = (("p50", 0.5), ("p99", 0.99), ("max", 1.0))


async def camera(http: httpx.AsyncClient, rate: float, seconds: float) -> Seen:
    """Posts at a rate that does not wait for answers, as a line does not."""
    seen = Seen()

    async def post() -> None:
        began = time.perf_counter()
        try:
            status = (await http.post("/v1/inspections", content=IMAGE)).status_code
        except httpx.TransportError:
            status = 0
        seen.add(status, time.perf_counter() - began)

    async with asyncio.TaskGroup() as posting:
        for _ in range(round(rate * seconds)):
            posting.create_task(post())
            await asyncio.sleep(1 / rate)
    return seen


@contextmanager
def under(port: int, sockets: int, attack: tuple[bytes, bytes] | None) -> Iterator[None]:
    if attack is None:
        yield
        return
    command = [sys.executable, "-m", "tests.attack.trickle", str(port), str(sockets)]
    attacker = subprocess.Popen([*command, *(words.hex() for words in attack)])
    try:
        time.sleep(trickle.ROUND_S * 2)
        wait_until(lambda: connections_to(port) >= sockets // 4, 30, "the attack")
        yield
    finally:
        attacker.kill()
        attacker.wait()


def connections_to(port: int) -> int:
    """As this machine's kernel counts them, from the server's end."""
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "01" for row in rows)


async def until(http: httpx.AsyncClient, status: int) -> float:
    """Seconds until a post is answered so."""
    began = time.perf_counter()
    while (await http.post("/v1/inspections", content=IMAGE)).status_code != status:
        pass
    return time.perf_counter() - began


def cpu_s(process: int) -> float:
    """Seconds of a core that a process has used."""
    ticks = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


async def attacks(url: str, port: int, process: int, options: argparse.Namespace) -> bool:
    good = True
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as http:
        for name, attack in _ATTACKS.items():
            with under(port, options.sockets, attack):
                began, used = time.monotonic(), cpu_s(process)
                seen = await camera(http, options.rate, options.seconds)
                share = (cpu_s(process) - used) / (time.monotonic() - began)
                there = connections_to(port)
            say(f"{seen.line(name)}   gateway {share:.0%} of a core, {there} connections at the end")
            good &= set(seen.statuses) == {202} and seen.quantile(0.99) < LIMIT_MS
    return good


async def outages(url: str, server: QueueServer) -> bool:
    good = True

    async def report(name: str, back: Callable[[], object]) -> None:
        nonlocal good
        seen = await camera(http, 5, 2)
        back()
        recovered = await until(http, 202)
        say(f"{seen.line(name)}   accepted again after {recovered:.2f} s")
        good &= set(seen.statuses) == {503} and seen.quantile(1.0) < ANSWER_WITHIN_S * 1000

    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as http:
        server.pause()
        await report("Redis hangs", server.resume)
        server.kill()
        await report("Redis is gone", server.start)
        with server.client() as client:
            client.config_set("maxmemory", "1mb")
            await report("Redis at maxmemory", lambda: client.config_set("maxmemory", "0"))
    return good


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attack")
    parser.add_argument("--sockets", type=int, default=500)
    parser.add_argument("--rate", type=float, default=5.0, help="Images a second of the honest camera.")
    parser.add_argument("--seconds", type=float, default=20.0, help="Of each phase.")
    options = parser.parse_args()
    guard.files_for(2 * options.sockets)
    say(f"{options.sockets} hostile connections, a camera at {options.rate:g} images/s of {len(IMAGE):,} B")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with (
            QueueServer("redis", path / "redis", DURABLE) as server,
            gateway_process(path / "log", "--redis-url", server.url) as (process, http),
        ):
            url = str(http.base_url)
            good = asyncio.run(attacks(url, int(http.base_url.port or 0), process.pid, options))
            good &= asyncio.run(outages(url, server))
            memory = Path(f"/proc/{process.pid}/status").read_text()
            [peak] = [line.split()[1] for line in memory.splitlines() if line.startswith("VmHWM")]
            say(f"the gateway's peak memory: {int(peak) / 1024:.0f} MiB")
    say("within limits" if good else "OVER A LIMIT")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
