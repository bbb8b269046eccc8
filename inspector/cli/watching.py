"""`inspector camera --watch DIR`: until a signal; then what waits stays for the next run."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

import typer

from inspector.camera.api_key import ApiKey
from inspector.camera.client import Gateway
from inspector.camera.outbox import OUTBOX, Bounds, Outbox
from inspector.camera.shot import Delivery, Fate, Placement
from inspector.camera.watch import Watch
from inspector.errors import SettingsError

_STYLES = {Fate.ACCEPTED: "green", Fate.WAITING: "yellow"}


def watch(folder: Path, placement: Placement, bounds: Bounds, url: str, api_key: ApiKey | None) -> None:
    """Raises SettingsError: no such folder, not writable, watched by another one, no address."""
    if not folder.is_dir():
        raise SettingsError(f"--watch {folder}: is not a folder")
    fates: Counter[Fate] = Counter()
    with Outbox(folder, bounds).opened() as outbox:
        if outbox:
            typer.echo(f"{len(outbox)} images wait in {folder / OUTBOX} from an earlier run")
        asyncio.run(_until_signal(folder, placement, outbox, url, api_key, fates))
        typer.echo(
            f"{fates[Fate.ACCEPTED]} accepted, {_refused(fates)} refused, {len(outbox)} waiting in outbox"
        )


async def _until_signal(
    folder: Path,
    placement: Placement,
    outbox: Outbox,
    url: str,
    api_key: ApiKey | None,
    fates: Counter[Fate],
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def report(delivery: Delivery, moved_to: Path | None) -> None:
        fates[delivery.fate] += 1
        typer.secho(_line(delivery, moved_to), fg=_STYLES.get(delivery.fate, "red"))

    async with Gateway(url, api_key=api_key) as gateway:
        typer.echo(f"watching {folder}, posting to {gateway.url}; Ctrl-C ends it")
        await Watch(folder, placement, outbox, gateway, report).run(stop)


def _line(delivery: Delivery, moved_to: Path | None) -> str:
    if delivery.fate is Fate.ACCEPTED:
        inspection_id = (delivery.answer or {}).get("id", "")
        return f"{delivery.name:<32}  accepted {1000 * delivery.latency_s:6.0f} ms  {inspection_id}"
    moved = f"; moved to {moved_to}" if moved_to else ""
    return f"{delivery.name:<32}  {delivery.fate}: {delivery.detail}{moved}"


def _refused(fates: Counter[Fate]) -> int:
    return fates[Fate.REFUSED] + fates[Fate.UNREADABLE]
