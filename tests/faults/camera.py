"""A camera of the fault run: one part after the other, each posted until it is acknowledged."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from inspector.messages.result import State
from tests.faults.ledger import Ledger

ANSWER_WITHIN_S = 5.0

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0
"""Between two tries of one part."""

WITH_DEADLINE, REPEATED, RE_INSPECTED, WAITED_FOR = 0.1, 0.05, 0.05, 0.1
"""Shares of the parts: with a deadline that a fault may make it miss; posted again although acknowledged; of
the lower priority; whose outcome the camera waits for."""

WAITS_S = 2

COME_AGAIN = {429, 500, 503}


@dataclass(slots=True)
class Tally:
    """What happened to all cameras that the ledger does not hold."""

    tries: int = 0
    refused: list[str] = field(default_factory=list)
    """Answers that no camera should get: each is a fault of ours."""
    given_up: int = 0
    """Parts not acknowledged when the run was over."""


@dataclass(slots=True)
class Camera:
    line: str
    gateways: Sequence[str]
    images: Sequence[bytes]
    ledger: Ledger
    tally: Tally
    chance: random.Random
    rate: float
    """Parts a second, as long as they are taken."""
    re_inspects: bool = True
    """A gateway of before the priorities refuses the word."""

    async def run(self, stop: asyncio.Event, end: asyncio.Event) -> None:
        """New parts until `stop`; tries of the last one until `end`."""
        async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=False) as http:
            while not stop.is_set():
                await self._deliver(http, end)
                await asyncio.sleep(1 / self.rate)

    async def _deliver(self, http: httpx.AsyncClient, end: asyncio.Event) -> None:
        query, image = self._query(), self.chance.choice(self.images)
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        if self.chance.random() < WAITED_FOR:
            headers["Prefer"] = f"wait={WAITS_S}"
        times = 2 if self.chance.random() < REPEATED else 1
        pause = FIRST_PAUSE_S
        while times:
            if await self._post(http, headers, query, image):
                times -= 1
            elif end.is_set():
                self.tally.given_up += 1
                return
            else:
                await asyncio.sleep(pause * self.chance.uniform(0.5, 1))
                pause = min(LONGEST_PAUSE_S, 2 * pause)

    async def _post(
        self, http: httpx.AsyncClient, headers: dict[str, str], query: dict[str, str], image: bytes
    ) -> bool:
        """Whether it was acknowledged; else it is to be tried again."""
        self.tally.tries += 1
        url = f"{self.chance.choice(self.gateways)}/v1/inspections"
        try:
            answer = await http.post(url, content=image, params=query, headers=headers)
        except httpx.TransportError:
            return False
        if answer.is_success:
            said = answer.json()
            self.ledger.write(headers["Idempotency-Key"], said["id"], self.line, State(said["state"]))
        elif answer.status_code not in COME_AGAIN:
            self.tally.refused.append(f"{answer.status_code} {answer.text[:200]}")
        return answer.is_success

    def _query(self) -> dict[str, str]:
        query = {"line": self.line, "simulated": "true"}
        if self.chance.random() < WITH_DEADLINE:
            query["deadline_ms"] = str(self.chance.randint(5, 500))
        if self.re_inspects and self.chance.random() < RE_INSPECTED:
            query["priority"] = "reinspection"
        return query
