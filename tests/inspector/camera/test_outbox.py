from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inspector.camera import spool
from inspector.camera.outbox import OUTBOX, REASON, REFUSED, SENT, Bounds, Outbox
from inspector.errors import SettingsError

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def take(
    folder: Path, outbox: Outbox, name: str = "a.jpg", at: datetime = NOON, content: bytes = b"12345"
) -> str:
    (folder / name).write_bytes(content)
    return outbox.take(folder / name, {"line": "L1"}, at)


def files(folder: Path) -> list[str]:
    """Below it, but for the lock."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def test_an_empty_folder_has_nothing_waiting(tmp_path: Path) -> None:
    with Outbox(tmp_path, Bounds()).opened() as outbox:
        assert (len(outbox), outbox.oldest(), outbox.bytes) == (0, None, 0)


def test_taken_it_is_the_same_request_for_ever(tmp_path: Path) -> None:
    with Outbox(tmp_path, Bounds()).opened() as outbox:
        name = take(tmp_path, outbox)
        first = outbox.recall(name)
    with Outbox(tmp_path, Bounds()).opened() as again:
        assert again.oldest() == name
        second = again.recall(name)

    assert (second.key, second.parameters, second.image) == (first.key, first.parameters, b"12345")
    assert first.parameters == {"line": "L1", "captured_at": "2026-06-01T12:00:00.000Z"}
    assert first.name == "a.jpg"
    assert not (tmp_path / "a.jpg").exists()


def test_the_oldest_capture_goes_first_whenever_it_came(tmp_path: Path) -> None:
    with Outbox(tmp_path, Bounds()).opened() as outbox:
        late = take(tmp_path, outbox, "late.jpg", NOON + timedelta(seconds=1))
        early = take(tmp_path, outbox, "early.jpg", NOON)
        assert outbox.oldest() == early
        outbox.sent(early)
        assert outbox.oldest() == late


def test_sent_and_refused_ones_keep_their_names(tmp_path: Path) -> None:
    with Outbox(tmp_path, Bounds()).opened() as outbox:
        outbox.sent(take(tmp_path, outbox, "a-b-c.jpg"))
        outbox.refused(take(tmp_path, outbox, "broken.jpg"), "it ends in the middle")
    assert files(tmp_path) == [f"{REFUSED}/broken.jpg", f"{REFUSED}/broken.jpg{REASON}", f"{SENT}/a-b-c.jpg"]
    assert (tmp_path / REFUSED / f"broken.jpg{REASON}").read_text() == "it ends in the middle\n"


def test_a_name_that_comes_again_overwrites_nothing(tmp_path: Path) -> None:
    with Outbox(tmp_path, Bounds()).opened() as outbox:
        for content in (b"one", b"two"):
            outbox.sent(take(tmp_path, outbox, content=content))
    assert sorted(path.read_bytes() for path in (tmp_path / SENT).iterdir()) == [b"one", b"two"]


def test_what_a_crash_left_half_made_is_undone(tmp_path: Path) -> None:
    with Outbox(tmp_path, Bounds()).opened() as outbox:
        name = take(tmp_path, outbox)
    inside = tmp_path / OUTBOX
    # Before the rename into the outbox; while a request was written; after the rename out of it.
    (inside / f"20260601T110000000000-{'0' * 12}-x.jpg{spool.SIDECAR}").write_text("{}")
    (inside / f".y.jpg{spool.SIDECAR}{spool.PARTIAL}").write_text("{")
    with Outbox(tmp_path, Bounds()).opened() as again:
        assert (len(again), again.oldest()) == (1, name)
    assert files(inside) == [name, f"{name}{spool.SIDECAR}"]


def test_a_second_camera_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with Outbox(tmp_path, Bounds()).opened():
        second = Outbox(tmp_path, Bounds()).opened()
        with pytest.raises(SettingsError, match="another camera watches it"):
            second.__enter__()


def test_full_it_has_no_room(tmp_path: Path) -> None:
    with Outbox(tmp_path, Bounds(max_bytes=10)).opened() as outbox:
        take(tmp_path, outbox)
        assert outbox.has_room(5)
        assert not outbox.has_room(6)
        assert outbox.overdue(NOON) == []


def test_full_it_gives_up_the_oldest_where_that_is_wanted(tmp_path: Path) -> None:
    with Outbox(tmp_path, Bounds(max_bytes=10, drop_oldest=True)).opened() as outbox:
        names = [take(tmp_path, outbox, f"{n}.jpg", NOON + timedelta(seconds=n)) for n in range(4)]
        assert outbox.has_room(1000)
        assert [name for name, _ in outbox.overdue(NOON)] == names[:2]
        assert [name for name, _ in outbox.overdue(NOON, sending=names[0])] == names[1:3]


def test_what_waited_too_long_is_given_up(tmp_path: Path) -> None:
    with Outbox(tmp_path, Bounds(max_age=timedelta(hours=1))).opened() as outbox:
        old = take(tmp_path, outbox)
        take(tmp_path, outbox, "new.jpg", NOON + timedelta(minutes=30))
        assert outbox.overdue(NOON + timedelta(hours=1)) == []
        [(name, why)] = outbox.overdue(NOON + timedelta(minutes=61))
    assert name == old
    assert why == "it waited for 1.017 h, at most 1 h are set"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / OUTBOX).write_text("a file")
    with pytest.raises(SettingsError, match="cannot be written"):
        Outbox(tmp_path, Bounds()).opened().__enter__()


def test_a_request_is_on_the_disk_before_its_image_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def power_cut(*_: object) -> None:
        raise OSError(5, "power cut")

    (tmp_path / "a.jpg").write_bytes(b"12345")
    with Outbox(tmp_path, Bounds()).opened() as outbox:
        monkeypatch.setattr(os, "fsync", power_cut)
        with pytest.raises(OSError, match="power cut"):
            outbox.take(tmp_path / "a.jpg", {}, NOON)
        assert len(outbox) == 0
    assert (tmp_path / "a.jpg").exists()
