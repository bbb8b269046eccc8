from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inspector.access import key_file
from inspector.access.keys import Key, issue
from inspector.access.roles import Role
from inspector.errors import SettingsError

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def add(path: Path, name: str = "AOI 2") -> Key:
    key, _ = issue(name, Role.OPERATOR, None, None, NOW)
    with key_file.changing(path, create=True) as change:
        change.keys = change.keys.added(key)
    return key


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    added = [add(path, "one"), add(path, "two")]
    assert list(key_file.read(path).keys) == added


def test_a_new_file_is_its_owners_alone_and_a_replaced_one_keeps_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    add(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    add(path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_writers_at_the_same_time_lose_no_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    threads = [threading.Thread(target=add, args=(path, f"station {number}")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(key_file.read(path).keys) == 8


def test_a_change_that_failed_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    add(path)
    before = path.read_bytes()

    def fail_half_way() -> None:
        with key_file.changing(path) as change:
            change.keys = change.keys.revoked(change.keys.keys[0].id, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file"),
        ("{", "the file"),
        ("[]", "the file"),
        ('{"keys": [{}]}', "keys.0.id"),
        ('{"version": 2, "keys": []}', "version"),
        ('{"keys": [], "only_from": "10.0.0.0/8"}', "only_from"),
    ],
)
def test_a_broken_file_is_named_with_its_place_and_nothing_of_its_content(
    tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=words) as caught:
        key_file.read(path)
    assert str(path) in str(caught.value)
    assert "10.0.0.0" not in str(caught.value)


def test_a_file_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="inspector keys add"):
        key_file.read(tmp_path / "keys.json")
    with pytest.raises(SettingsError, match="inspector keys add"), key_file.changing(tmp_path / "keys.json"):
        raise AssertionError


def test_another_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(SettingsError, match="is it another file"):
        key_file.read(path)
