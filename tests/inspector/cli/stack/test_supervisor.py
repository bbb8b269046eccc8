"""The supervisor with real, small children: Python scripts that touch a file when they are ready."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from inspector.cli.stack import child as children
from inspector.cli.stack import supervisor as supervision
from inspector.cli.stack.child import Child, ChildSpec, death
from inspector.cli.stack.supervisor import Supervisor
from inspector.errors import SettingsError
from tests.support.waiting import wait_until, wait_until_async

READY = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); print('ready', flush=True)\n"
LIVES = f"{READY}time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{LIVES}"
FAILS = "raise SystemExit('error: the device cuda is not there')"


class Stack:
    """Children of one step each, what was said, and the order in which they ended."""

    def __init__(self, folder: Path, **scripts: str) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.restarts = 0
        self.children = {name: self._child(name, script) for name, script in scripts.items()}
        steps = [[child] for child in self.children.values()]
        self.supervisor = Supervisor(steps, self.said.append, self._restarted)

    def heard(self, words: str) -> Callable[[], Awaitable[bool]]:
        async def look() -> bool:
            return any(words in line for line in self.said)

        return look

    def _restarted(self) -> None:
        self.restarts += 1

    def _child(self, name: str, script: str) -> Child:
        touched = self.folder / f"{name}.ready"

        async def ready() -> bool:
            return touched.exists()

        command = [sys.executable, "-c", script, str(touched)]
        log = self.folder / f"{name}.log"
        return Child(ChildSpec(name, command, log, ready, stops_within=timedelta(seconds=1)))


def alive(pid: int | None) -> bool:
    try:
        os.kill(pid or 0, 0)
    except ProcessLookupError:
        return False
    return True


def test_start_in_order_and_stop_in_the_opposite(tmp_path: Path) -> None:
    async def go() -> None:
        await stack.supervisor.start()
        assert [line.split()[0] for line in stack.said] == ["server", "gateway"]
        assert all(child.running for child in stack.children.values())
        stack.supervisor.watch()
        await stack.supervisor.stop()

    stack = Stack(tmp_path, server=LIVES, gateway=LIVES)
    asyncio.run(go())
    assert not any(alive(child.pid) for child in stack.children.values())
    assert stack.restarts == 0


def test_a_child_that_dies_is_started_again_and_said(tmp_path: Path) -> None:
    async def go() -> None:
        await stack.supervisor.start()
        stack.supervisor.watch()
        first = stack.children["worker"].pid
        os.kill(first or 0, signal.SIGKILL)
        await wait_until_async(stack.heard("worker is ready again"), what="the restart")
        assert stack.children["worker"].pid != first
        await stack.supervisor.stop()

    stack = Stack(tmp_path, worker=LIVES)
    asyncio.run(go())
    assert "worker died (killed by SIGKILL); starting it again in 0.1 s" in stack.said
    assert "  worker: ready" in stack.said
    assert stack.restarts == 1


def test_a_stack_outlives_its_logs_and_a_full_disk(tmp_path: Path) -> None:
    def disk_full() -> None:
        raise OSError(28, "No space left on device", "stack.json")

    async def go() -> None:
        await stack.supervisor.start()
        stack.supervisor.watch()
        (tmp_path / "worker.log").unlink()
        os.kill(stack.children["worker"].pid or 0, signal.SIGKILL)
        await wait_until_async(stack.heard("worker is ready again"), what="the restart")
        await stack.supervisor.stop()

    stack = Stack(tmp_path, worker=LIVES)
    stack.supervisor = Supervisor(
        [[child] for child in stack.children.values()], stack.said.append, disk_full
    )
    asyncio.run(go())
    assert "  stack.json: No space left on device" in stack.said


def test_the_pause_grows_for_one_that_cannot_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        await stack.supervisor.start()
        stack.supervisor.watch()
        await wait_until_async(stack.heard("again in 0.04 s"), what="the third pause")
        await stack.supervisor.stop()

    monkeypatch.setattr(supervision, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(supervision, "_LONGEST_PAUSE_S", 0.04)
    stack = Stack(tmp_path, worker=f"{READY}time.sleep(0.2)")
    asyncio.run(go())


def test_one_that_cannot_start_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    async def go() -> None:
        try:
            await stack.supervisor.start()
        finally:
            await stack.supervisor.stop()

    stack = Stack(tmp_path, server=LIVES, worker=FAILS)
    with pytest.raises(
        SettingsError, match=r"worker did not start \(exit code 1\): the device cuda is not there"
    ):
        asyncio.run(go())
    assert not alive(stack.children["server"].pid)


def test_a_server_that_dies_while_the_others_start_is_an_error(tmp_path: Path) -> None:
    async def go() -> None:
        try:
            async with asyncio.timeout(20):
                await stack.supervisor.start()
        finally:
            await stack.supervisor.stop()

    dies = f"{READY}time.sleep(0.5); raise SystemExit('the disk is full')"
    stack = Stack(tmp_path, server=dies, worker="import time; time.sleep(600)")
    with pytest.raises(SettingsError, match=r"server did not start \(exit code 1\): the disk is full"):
        asyncio.run(go())
    assert not alive(stack.children["worker"].pid)


def test_a_stop_in_the_middle_of_the_start_leaves_nothing(tmp_path: Path) -> None:
    async def go() -> None:
        starting = asyncio.create_task(stack.supervisor.start())
        await wait_until_async(stack.heard("server is ready"), what="the first child")
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await stack.supervisor.stop()

    stack = Stack(tmp_path, server=LIVES, worker="import time; time.sleep(600)")
    asyncio.run(go())
    assert not any(child.running for child in stack.children.values())


def test_a_stubborn_child_is_killed_and_said(tmp_path: Path) -> None:
    async def go() -> None:
        await stack.supervisor.start()
        await stack.supervisor.stop()

    stack = Stack(tmp_path, worker=STUBBORN)
    asyncio.run(go())
    assert "worker did not stop within 1 s and was killed" in stack.said
    assert not alive(stack.children["worker"].pid)


def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys, pathlib\n"
        "from tests.inspector.cli.stack.test_supervisor import Stack, LIVES\n"
        "async def go():\n"
        "    stack = Stack(pathlib.Path(sys.argv[1]), worker=LIVES)\n"
        "    await stack.supervisor.start()\n"
        "    print(stack.children['worker'].pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(go())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        assert alive(pid)
        supervisor.kill()
    # Whoever adopts it may be slow to bury it: a zombie is dead.
    wait_until(lambda: not alive(pid) or "Z" in state(pid), what="the child's end")


def state(pid: int) -> str:
    status = Path(f"/proc/{pid}/stat")
    return status.read_text().rpartition(")")[2].split()[0] if status.exists() else "Z"


def test_a_log_that_grew_is_moved_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        await stack.supervisor.start()
        stack.children["worker"].trim_log()
        await stack.supervisor.stop()

    monkeypatch.setattr(children, "_LOG_LIMIT", 3)
    stack = Stack(tmp_path, worker=LIVES)
    asyncio.run(go())
    assert (tmp_path / "worker.log.1").read_text() == "ready\n"
    assert (tmp_path / "worker.log").read_text() == ""


def test_a_log_that_cannot_be_copied_is_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "_LOG_LIMIT", 3)
    stack = Stack(tmp_path, worker=LIVES)
    (tmp_path / "worker.log").write_text("a long story")
    (tmp_path / "worker.log.1").symlink_to("/dev/full")
    stack.children["worker"].trim_log()
    assert (tmp_path / "worker.log").read_text() == ""


@pytest.mark.parametrize(("code", "words"), [(1, "exit code 1"), (-9, "killed by SIGKILL")])
def test_exit_codes_in_words(code: int, words: str) -> None:
    assert death(code) == words
