from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from inspector.access import key_file
from inspector.access.keys import digest
from inspector.access.roles import Role
from inspector.cli.app import app


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def keys(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["keys", *map(str, arguments)])


def add(file: Path, *options: str) -> str:
    """The key that was shown."""
    shown = keys("add", "AOI 2 on L1", "--role", "camera", "--lines", "L1", "--file", file, *options)
    assert shown.exit_code == 0, shown.output
    return shown.stdout.strip()


def test_a_key_is_shown_alone_on_standard_output_and_never_again(file: Path) -> None:
    secret = add(file)

    [key] = key_file.read(file).keys
    assert digest(secret) == key.sha256
    assert (key.role, key.lines) == (Role.CAMERA, ("L1",))
    listed = keys("list", "--file", file).output
    assert key.id in listed
    assert "AOI 2 on L1" in listed
    assert secret not in listed + file.read_text()
    assert key.sha256 not in listed


def test_a_key_of_a_few_days(file: Path) -> None:
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    add(file, "--expires", str(day))

    [key] = key_file.read(file).keys
    assert key.expires_at == datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
    assert str(day) in keys("list", "--file", file).output


def test_a_revoked_key_is_listed_as_revoked(file: Path) -> None:
    add(file)
    [key] = key_file.read(file).keys

    assert keys("revoke", key.id, "--file", file).exit_code == 0
    assert "was revoked on" in keys("list", "--file", file).output


def test_a_rotated_key_has_a_successor_of_the_same_owner(file: Path) -> None:
    secret = add(file)
    [old] = key_file.read(file).keys

    rotated = keys("rotate", old.id, "--file", file)

    old, new = key_file.read(file).keys
    assert digest(rotated.stdout.strip()) == new.sha256 != digest(secret)
    assert new.owner == old.id
    assert f"inspector keys revoke {old.id}" in rotated.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "x", "--role", "camera"], "--lines L1,L2, or --all-lines"),
        (["add", "x", "--role", "camera", "--lines", "L1", "--all-lines"], "--lines L1,L2, or --all-lines"),
        (["add", "x", "--role", "camera", "--lines", ","], "lines"),
        (["add", "x", "--role", "camera", "--lines", "../x"], "lines"),
        (["add", "", "--role", "camera", "--all-lines"], "name"),
        (["add", "x", "--role", "camera", "--all-lines", "--expires", "soon"], "--expires 'soon'"),
        (["add", "x", "--role", "camera", "--all-lines", "--expires", "9999-12-31"], "--expires"),
        (["add", "x", "--role", "camera", "--all-lines", "--expires", "2020-01-31"], "is in the past"),
        (["revoke", "k-none"], "no key 'k-none'"),
        (["rotate", "k-none"], "no key 'k-none'"),
    ],
)
def test_what_cannot_work_is_one_line_and_changes_nothing(
    file: Path, arguments: list[str], words: str
) -> None:
    add(file)
    before = file.read_bytes()

    failed = keys(*arguments, "--file", file)

    assert failed.exit_code == 1
    assert words in failed.stderr
    assert failed.stderr.startswith("error: ")
    assert failed.stderr.count("\n") == 1
    assert file.read_bytes() == before


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    failed = keys("add", "x", "--role", "admin", "--all-lines", "--file", tmp_path / "none" / "keys.json")
    assert "cannot be written: No such file or directory" in failed.stderr


def test_the_environment_names_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(file)
    monkeypatch.setenv("INSPECTOR_KEYS_FILE", str(file))
    assert "AOI 2 on L1" in keys("list").output
