"""What `inspector up` cannot work with: one line that says what and what to do, exit code 1, nothing left."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.models.bundle import Bundle
from tests.integration.running_stack import RunningStack, no_other_starts
from tests.support.servers import free_port


def refused(*options: str | Path) -> str:
    """The one line."""
    command = [sys.executable, "-m", "inspector.cli", "up", *map(str, options)]
    with no_other_starts():
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.fixture
def usual(tiny_bundle: Bundle, tmp_path: Path) -> list[str | Path]:
    return ["--model", tiny_bundle.folder, "--data-dir", tmp_path / "var", "--port", "0"]


def test_a_port_in_use(usual: list[str | Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} is in use" in refused(*usual, "--port", str(port))


def test_a_data_directory_that_is_a_file(usual: list[str | Path], tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    assert "cannot be written" in refused(*usual)


def test_a_data_directory_where_nothing_can_be_written(usual: list[str | Path]) -> None:
    assert "--data-dir" in refused(*usual, "--data-dir", "/proc/var")


def test_a_full_disk(usual: list[str | Path], tmp_path: Path) -> None:
    (tmp_path / "var" / "valkey").mkdir(parents=True)
    (tmp_path / "var" / "valkey" / "valkey.conf").symlink_to("/dev/full")
    assert "cannot be written: No space left on device" in refused(*usual)


def test_a_redis_that_does_not_answer(usual: list[str | Path]) -> None:
    line = refused(*usual, "--redis-url", f"redis://127.0.0.1:{free_port()}/0")
    assert "does not answer" in line
    assert "Redis" in line


def test_a_redis_url_that_is_none(usual: list[str | Path]) -> None:
    assert "is not the URL of a Redis" in refused(*usual, "--redis-url", "localhost")


def test_a_broken_bundle(usual: list[str | Path], tiny_bundle: Bundle, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_bundle.folder, broken)
    (broken / "weights.safetensors").write_bytes(b"other")
    assert "weights.safetensors has been altered" in refused(*usual, "--model", broken)


def test_a_folder_without_recipes(usual: list[str | Path], tmp_path: Path) -> None:
    assert "holds no recipe 'default'" in refused(*usual, "--recipes", tmp_path)


def test_a_recipe_that_the_model_cannot_keep(usual: list[str | Path], tmp_path: Path) -> None:
    (tmp_path / "default.toml").write_text('id = "default"\nversion = 1\n[thresholds.classes]\nspurr = 0.4')
    line = refused(*usual, "--recipes", tmp_path)
    assert "recipe 'default' names 'spurr', a class that the model does not know" in line
    assert "give --recipes DIR" in line


def test_a_device_that_is_not_there(usual: list[str | Path]) -> None:
    line = refused(*usual, "--device", "cuda", "--engine", "openvino")
    assert "worker-1 did not start" in line
    assert "worker-1.log" in line


def test_a_second_stack_on_the_same_data(
    usual: list[str | Path], tiny_bundle: Bundle, tmp_path: Path
) -> None:
    with RunningStack(tmp_path, tiny_bundle.folder, "--workers", "0") as first:
        assert first.process is not None
        assert f"in use by another `inspector up` (process {first.process.pid})" in refused(*usual)


def test_an_address_for_all_without_keys(usual: list[str | Path]) -> None:
    line = refused(*usual, "--host", "0.0.0.0")
    assert "reachable from other machines, and there are no API keys" in line
    assert "inspector keys add" in line


def test_a_key_file_that_is_not_there(usual: list[str | Path], tmp_path: Path) -> None:
    assert "make it with `inspector keys add`" in refused(*usual, "--keys-file", tmp_path / "keys.json")


def test_a_demo_without_a_key_for_its_camera(
    usual: list[str | Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INSPECTOR_API_KEY", raising=False)
    (tmp_path / "keys.json").write_text('{"keys": []}')
    assert "set INSPECTOR_API_KEY" in refused(*usual, "--demo", "--keys-file", tmp_path / "keys.json")
