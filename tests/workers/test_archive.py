"""The archiver: every result a record, once, whatever is killed, away or full meanwhile."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from inspector.decision.verdict import Detection
from inspector.messages.job import Job
from inspector.messages.result import failed
from inspector.plant.plant import Retention
from inspector.queue.base import Archive, Delivery, Finished, Held, Left, Unarchived
from inspector.queue.memory import MemoryQueue
from inspector.records.database import sqlite_url, writer
from inspector.records.images import ImageStore
from inspector.records.migrate import upgrade
from inspector.records.tables import inspections, kept
from tests.support.gateway_end import GatewayEnd
from tests.support.images import job_of
from tests.support.jobs import IMAGE, MAP
from tests.support.postgres import PostgresServer
from tests.support.records import RECIPE, SPUR, done, failure, id_at, job_at
from tests.support.servers import QueueServer
from tests.support.waiting import wait_until
from tests.support.worker_process import ArchiverProcess
from tests.workers.conftest import consumer_on
from workers.archive import Archiver, Records
from workers.archive_metrics import ArchiveMetrics
from workers.health import Health

NO_WAIT = timedelta(0)
USUAL = Retention()
NOTHING = Retention(ok_one_in=0)


class Line:
    """A queue in memory, its one worker, and records on a disk."""

    def __init__(self, folder: Path, queue: MemoryQueue) -> None:
        self.queue, self.folder = queue, folder
        self.gateway = GatewayEnd(queue.producer(), queue.results(), queue.admin())
        self.worker = queue.consumer("w1")
        self.url = sqlite_url(folder / "records.db")
        self.images = folder / "images"
        self.health, self.metrics = Health(), ArchiveMetrics(["L1"])
        queue.archive("first").take(1, NO_WAIT)  # from now on, results wait for an archiver

    def inspect(self, detections: Sequence[Detection] = (), image: bytes = IMAGE, **said: Any) -> Job:
        now = datetime.now(UTC)
        job = job_at(now, **said) if image is IMAGE else job_of(image, id=id_at(now), recipe=RECIPE, **said)
        self.gateway.run(self.gateway.producer.submit(job, image))
        self.worker.finish([finished(self.worker.take(1, NO_WAIT)[0], detections)])
        return job

    def fail(self, **said: Any) -> Job:
        job = job_at(datetime.now(UTC), **said)
        self.gateway.run(self.gateway.producer.submit(job, IMAGE))
        [delivery] = self.worker.take(1, NO_WAIT)
        self.worker.finish([Finished(delivery, failed(job.id, job.line, failure(), job))])
        return job

    @contextmanager
    def archiving(
        self, policy: Retention = USUAL, archive: Archive | None = None, url: str | None = None
    ) -> Iterator[Engine]:
        """An archiver at work while the block lasts."""
        engine = writer(url or self.url)
        archiver = Archiver(
            archive or self.queue.archive("a1"),
            Records(engine, ImageStore(str(self.images)), policy),
            self.metrics,
            self.health,
            batch=100,
            prepare=lambda: upgrade(engine),
        )
        thread = threading.Thread(target=archiver.run)
        thread.start()
        try:
            yield engine
        finally:
            archiver.stop()
            thread.join()
            engine.dispose()

    def wait_archived(self) -> None:
        wait_until(lambda: self.gateway.status().archive_bytes == 0, 20, "nothing that waits to be archived")

    def kept_files(self) -> dict[str, bytes]:
        """Name -> content."""
        return {file.name: file.read_bytes() for file in self.images.rglob("*") if file.is_file()}


def finished(delivery: Delivery, detections: Sequence[Detection]) -> Finished:
    return Finished(delivery, done(delivery.job, detections), MAP)


def recorded(engine: Engine, *columns: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(*(columns or (inspections.c.id,))).order_by(inspections.c.id)))


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    line = Line(tmp_path, MemoryQueue())
    yield line
    line.gateway.close()


def ready(health: Health) -> bool:
    return health.answer("/readyz")[2] == b"ready\n"


def test_every_outcome_becomes_a_record(line: Line) -> None:
    jobs = [line.inspect(), line.inspect([SPUR]), line.fail(part_id="SN-3")]
    with line.archiving() as engine:
        line.wait_archived()
        rows = recorded(engine, inspections.c.id, inspections.c.verdict, inspections.c.part_id)
    assert rows == [(jobs[0].id, "OK", None), (jobs[1].id, "NG", None), (jobs[2].id, None, "SN-3")]
    assert ready(line.health)


def test_images_are_kept_by_the_policy_and_the_queue_lets_go(line: Line) -> None:
    ok, ng, broken = line.inspect(), line.inspect([SPUR]), line.fail()
    with line.archiving(NOTHING) as engine:
        line.wait_archived()
        with engine.connect() as connection:
            held = {row.inspection_id: row for row in connection.execute(select(kept))}
    assert line.kept_files() == {
        f"{ng.id}.jpeg": IMAGE,
        f"{ng.id}.map.png": MAP,
        f"{broken.id}.jpeg": IMAGE,
    }
    assert ok.id not in held
    assert (line.images / held[ng.id].image).read_bytes() == IMAGE
    assert (held[ng.id].bytes, held[broken.id].attention) == (len(IMAGE) + len(MAP), None)


def test_one_in_so_many_ok_images_is_kept(line: Line) -> None:
    jobs = [line.inspect() for _ in range(60)]
    with line.archiving(Retention(ok_one_in=4)) as engine:
        line.wait_archived()
        with engine.connect() as connection:
            sampled = [row.sampled for row in connection.execute(select(kept))]
    assert 4 <= len(sampled) <= 30, "about 15 of 60"
    assert all(sampled)
    assert len(recorded(writer(line.url))) == len(jobs)


def test_a_database_that_is_away_is_waited_for(line: Line) -> None:
    jobs = [line.inspect([SPUR]) for _ in range(3)]
    place = line.folder / "not mounted yet"
    with line.archiving(url=sqlite_url(place / "records.db")) as engine:
        wait_until(lambda: b"database" in line.health.answer("/readyz")[2], what="a reason on /readyz")
        held = line.gateway.status().archive_bytes
        place.mkdir()
        line.wait_archived()
        assert recorded(engine) == [(job.id,) for job in jobs]
    assert held > 3 * len(IMAGE)


def test_a_postgresql_that_is_killed_and_comes_back(line: Line, postgres: PostgresServer) -> None:
    url = postgres.database()
    with line.archiving(url=url) as engine:
        first = line.inspect()
        line.wait_archived()
        postgres.kill()
        second = line.inspect([SPUR])
        wait_until(lambda: not ready(line.health), what="an unready archiver")
        postgres.start()
        line.wait_archived()
        assert recorded(engine) == [(first.id,), (second.id,)]


def test_a_store_that_is_full_is_waited_for(line: Line) -> None:
    line.images.write_text("a file where the folder should be: nothing can be written")
    ng = line.inspect([SPUR])
    with line.archiving() as engine:
        wait_until(lambda: b"cannot be kept" in line.health.answer("/readyz")[2], what="a reason on /readyz")
        assert recorded(engine) == []
        line.images.unlink()
        line.wait_archived()
    assert f"{ng.id}.jpeg" in line.kept_files()


def test_what_a_database_does_not_take_holds_nobody_up(line: Line, postgres: PostgresServer) -> None:
    odd = Detection("a class with \0 in its name", 0.9, (0.0, 0.0, 1.0, 1.0))
    jobs = [line.inspect(part_id="A"), line.inspect([odd], part_id="B"), line.inspect(part_id="C")]
    with line.archiving(url=postgres.database()) as engine:
        line.wait_archived()
        rows = recorded(engine, inspections.c.id, inspections.c.part_id)
    assert rows == [(jobs[0].id, "A"), (jobs[1].id, None), (jobs[2].id, "C")]
    assert line.metrics.registry.get_sample_value("inspector_recorded_bare_total") == 1


# --- killed -------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


class DyingArchive:
    """Of a process that is killed when it calls `dies_at`, before or after the call had its effect."""

    name = "dying"

    def __init__(self, archive: Archive, dies_at: str, after: bool) -> None:
        self._archive, self._dies_at, self._after = archive, dies_at, after

    def take(self, limit: int, wait: timedelta) -> list[Unarchived]:
        taken: list[Unarchived] = self._do("take", lambda: self._archive.take(limit, wait))
        return taken

    def sweep(self, limit: int) -> list[Unarchived]:
        return self._archive.sweep(limit)

    def jobs(self, inspection_ids: Sequence[str]) -> list[Job | None]:
        return self._archive.jobs(inspection_ids)

    def held(self, inspection_id: str) -> Held:
        held: Held = self._do("held", lambda: self._archive.held(inspection_id))
        return held

    def archived(self, done: Sequence[Unarchived]) -> None:
        self._do("archived", lambda: self._archive.archived(done))

    def detach(self) -> Left:
        return self._archive.detach()

    def close(self) -> None: ...

    def _do(self, what: str, call: Callable[[], Any]) -> Any:
        if what == self._dies_at and not self._after:
            raise Killed
        reply = call()
        if what == self._dies_at and (reply or what == "archived"):
            raise Killed
        return reply


@pytest.mark.parametrize(
    ("dies_at", "after"), [("take", True), ("held", True), ("archived", False), ("archived", True)]
)
def test_killed_at_any_step_it_loses_and_doubles_nothing(line: Line, dies_at: str, after: bool) -> None:
    jobs = [line.inspect([SPUR]) for _ in range(3)]
    engine = writer(line.url)
    records = Records(engine, ImageStore(str(line.images)), NOTHING)
    dying = DyingArchive(line.queue.archive("dying"), dies_at, after)
    archiver = Archiver(dying, records, line.metrics, line.health, 100, lambda: upgrade(engine))
    with pytest.raises(Killed):
        archiver.run()

    with line.archiving(NOTHING, line.queue.archive("next", timedelta(milliseconds=1))):
        line.wait_archived()

    assert recorded(engine) == [(job.id,) for job in jobs]
    assert sorted(line.kept_files()) == sorted(
        f"{job.id}.{ending}" for job in jobs for ending in ("jpeg", "map.png")
    )
    engine.dispose()


def test_real_archivers_killed_again_and_again(server: QueueServer, tmp_path: Path) -> None:
    with server.client() as client:
        client.flushall()
    end, worker = GatewayEnd.on(server.url), consumer_on(server, "w1")
    url, images = sqlite_url(tmp_path / "records.db"), tmp_path / "images"
    flags = ("--redis-url", server.url, "--database-url", url, "--images-url", str(images))
    engine = writer(url)
    jobs: list[Job] = []

    def start(number: int) -> ArchiverProcess:
        name = f"a{number}"
        usual = ("--name", name, "--min-idle-s", "0.3", "--archive-batch", "5")
        return ArchiverProcess(tmp_path / f"{name}.log", *flags, *usual)

    def inspect(how_many: int) -> None:
        new = [job_at(datetime.now(UTC)) for _ in range(how_many)]
        for job in new:
            end.run(end.producer.submit(job, IMAGE + job.id.encode()))
        worker.finish([finished(delivery, [SPUR]) for delivery in worker.take(how_many, NO_WAIT)])
        jobs.extend(new)

    with start(0) as archiver:
        archiver.wait_ready()
        for number in (1, 2):
            before = len(recorded(engine))
            inspect(60)
            wait_until(lambda: len(recorded(engine)) > before + 5, 30, "some records")  # noqa: B023
            archiver.kill()
            archiver = start(number)  # noqa: PLW2901
            archiver.wait_ready()
        wait_until(lambda: end.status().archive_bytes == 0, 30, "nothing that waits to be archived")
        archiver.signal(signal.SIGTERM)
        assert archiver.wait() == 0

    assert [row.id for row in recorded(engine)] == sorted(job.id for job in jobs)
    files = {file.name: file.read_bytes() for file in images.rglob("*") if file.is_file()}
    assert {name: content for name, content in files.items() if name.endswith(".jpeg")} == {
        f"{job.id}.jpeg": IMAGE + job.id.encode() for job in jobs
    }
    assert len([name for name in files if name.endswith(".map.png")]) == len(jobs)
    engine.dispose()
    worker.close()
    end.close()
