from __future__ import annotations

import json
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from inspector.cli.stack import datadir
from inspector.cli.stack.datadir import DataDir
from inspector.errors import SettingsError


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datadir, "_LOCK_WAIT", timedelta(0))


def test_it_is_made_private(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "deep" / "var")
    data.open()
    assert data.path.stat().st_mode & 0o777 == 0o700
    assert data.log.is_dir()
    assert data.server.is_dir()
    data.close()


def test_two_stacks_never_share_one(tmp_path: Path) -> None:
    first, second = DataDir(tmp_path), DataDir(tmp_path)
    first.open()
    with pytest.raises(SettingsError, match=rf"in use by another `inspector up` \(process {os.getpid()}\)"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    with pytest.raises(SettingsError, match=r"cannot be written .*--data-dir"):
        DataDir(tmp_path / "var").open()


def test_a_place_that_takes_no_files() -> None:
    with pytest.raises(SettingsError, match=r"cannot be written .*--data-dir"):
        DataDir(Path("/proc/1/var")).open()


def test_the_state_is_there_only_while_it_runs(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    data.open()
    data.write_state({"url": "http://x"})
    assert json.loads(data.state.read_text()) == {"url": "http://x"}
    assert stat.S_IMODE(data.state.stat().st_mode) == 0o600
    data.close()
    assert not data.state.exists()
