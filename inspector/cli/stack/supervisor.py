"""Supervisor: starts children in order, starts again what dies, stops them in the opposite order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress

from inspector.cli.stack.child import Child, death
from inspector.cli.stack.first import first
from inspector.errors import SettingsError

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
"""Before a restart: doubled for each death, so that a child that cannot live costs next to nothing."""

_STEADY_S = 30.0
"""A child that lived this long was well: its next death starts at the first pause again."""

_TRIM_S = 10.0
"""Between two looks at the size of the logs."""

Say = Callable[[str], None]


class Supervisor:
    def __init__(self, steps: Sequence[Sequence[Child]], say: Say, restarted: Callable[[], None]) -> None:
        """`steps` are started one after the other, the children of one step together. `restarted` is called
        when a child has a new process."""
        self._restarted = restarted
        self._steps = steps
        self._say = say
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def children(self) -> list[Child]:
        return [child for step in self._steps for child in step]

    async def start(self) -> None:
        """Until all are ready. Raises SettingsError with the last words of the one that died on the way."""
        earlier: list[Child] = []
        for step in self._steps:
            for child in step:
                await child.start()
            # Without the server of an earlier step the others would wait for ever.
            await first(self._ready(step), *map(_died, earlier))
            earlier += step

    def watch(self) -> None:
        """From now on, restart what dies and trim the logs; until `stop`."""
        self._keepers = [asyncio.create_task(self._keep(child)) for child in self.children]
        self._keepers.append(asyncio.create_task(self._trim_logs()))

    async def failed(self) -> None:
        """Returns never, or raises what a keeper raised: a fault of the supervisor itself must be seen."""
        await asyncio.gather(*self._keepers)

    async def stop(self) -> None:
        """In the opposite order: no new images, then the workers drain, then the server closes its file."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for step in reversed(self._steps):
            await asyncio.gather(*(self._stop(child) for child in step if child.running))

    def kill(self) -> None:
        """At once. What was accepted is on the server's disk and is picked up again at the next start."""
        for child in self.children:
            child.signal(signal.SIGKILL)

    async def _ready(self, step: Sequence[Child]) -> None:
        await asyncio.gather(*(self._first_ready(child) for child in step))

    async def _first_ready(self, child: Child) -> None:
        if not await child.becomes_ready():
            raise SettingsError(await _obituary(child))
        self._say(f"  {child.name} is ready after {child.age_s:.1f} s")

    async def _keep(self, child: Child) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            code = await child.exited()
            if child.age_s > _STEADY_S:
                pause = _FIRST_PAUSE_S
            self._say(f"{child.name} died ({death(code)}); starting it again in {pause:.4g} s")
            for line in child.last_words():
                self._say(f"  {child.name}: {line}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
            try:
                await child.start()
                self._restarted()
            except OSError as error:  # a full disk, a folder that is gone: the stack goes on, and tells
                self._say(f"  {error.filename}: {error.strerror}")
            if await child.becomes_ready():
                self._say(f"{child.name} is ready again after {child.age_s:.1f} s")

    async def _stop(self, child: Child) -> None:
        if not await child.stop():
            limit = child.spec.stops_within.total_seconds()
            self._say(f"{child.name} did not stop within {limit:.0f} s and was killed")

    async def _trim_logs(self) -> None:
        while True:
            await asyncio.sleep(_TRIM_S)
            for child in self.children:
                with suppress(FileNotFoundError):  # somebody tidied up; its writer still has it open
                    await asyncio.to_thread(child.trim_log)


async def _died(child: Child) -> None:
    """Waits for its end, which is an error."""
    await child.exited()
    raise SettingsError(await _obituary(child))


async def _obituary(child: Child) -> str:
    code = await child.exited()
    words = child.last_words()
    reason = f": {words[-1].removeprefix('error: ')}" if words else ""
    return f"{child.name} did not start ({death(code)}){reason} (log: {child.spec.log})"
