from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from inspector.cli.app import app
from inspector.messages.job import PRIORITIES
from tests.support.scripted_gateway import Reply, ScriptedGateway, done
from tests.support.servers import free_port
from tests.support.waiting import wait_until


def camera(*options: str | Path) -> Result:
    return CliRunner().invoke(app, ["camera", "--rate", "0", *map(str, options)])


@pytest.fixture
def boards(tmp_path: Path) -> Path:
    folder = tmp_path / "boards"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (folder / name).write_bytes(name.encode())
    return folder


def test_a_line_for_each_part_and_a_summary(boards: Path, tmp_path: Path) -> None:
    spur = {"text": "spur 0.97 >= 0.50"}
    ng = done("NG") | {"result": {"verdict": "NG", "reasons": [spur, spur]}}
    script = [Reply(), Reply(200, ng), Reply(200, done(state="expired"))]
    answers = tmp_path / "answers.jsonl"
    with ScriptedGateway(*script) as gateway:
        options = ("--concurrency", "1", "--line", "L1", "--json", answers)
        shown = camera("--url", gateway.url, "--folder", boards, *options)
    assert shown.exit_code == 0, shown.output
    lines = shown.output.splitlines()
    assert "a.jpg" in lines[0]
    assert " OK " in lines[0]
    assert "NG" in lines[1]
    assert "spur 0.97 >= 0.50 (+1)" in lines[1]
    assert "expired" in lines[2]
    assert lines[3] == "3 images: OK 1, NG 1, REVIEW 0, expired 1"
    assert "images/s, latency p50" in lines[4]
    records = [json.loads(line) for line in answers.read_text().splitlines()]
    assert [record["source"] for record in records] == ["a.jpg", "b.jpg", "c.jpg"]
    assert records[1] == ng | {"source": "b.jpg"}
    assert "line=L1" in gateway.seen[0].path


def test_images_of_before_are_posted_as_a_reinspection(boards: Path) -> None:
    with ScriptedGateway() as gateway:
        assert camera("--url", gateway.url, "--folder", boards).exit_code == 0
        assert all("priority" not in seen.path for seen in gateway.seen)
        gateway.seen.clear()
        shown = camera("--url", gateway.url, "--folder", boards, "--priority", "reinspection")
    assert shown.exit_code == 0, shown.output
    assert len(gateway.seen) == 3
    assert all("priority=reinspection" in seen.path for seen in gateway.seen)


def test_a_priority_that_is_none_is_told_with_those_that_are(boards: Path) -> None:
    shown = camera("--folder", boards, "--priority", "urgent")
    assert shown.exit_code == 2
    assert all(one in shown.output for one in PRIORITIES)


def test_synthetic_boards_come_with_their_truth(tmp_path: Path) -> None:
    answers = tmp_path / "answers.jsonl"
    with ScriptedGateway() as gateway:
        options = ("--count", "2", "--defective-share", "1", "--json", answers)
        shown = camera("--url", gateway.url, "--synthetic", *options)
    assert shown.exit_code == 0, shown.output
    assert all("simulated=true" in seen.path for seen in gateway.seen)
    for line in answers.read_text().splitlines():
        assert json.loads(line)["truth"]


def test_what_could_not_be_delivered_is_kept_and_said(boards: Path, tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    nowhere = f"http://127.0.0.1:{free_port()}"
    shown = camera("--url", nowhere, "--folder", boards, "--give-up", "0", "--keep", keep)
    assert shown.exit_code == 1
    assert "3 of 3 have no terminal answer" in shown.output
    assert f"inspector camera --folder {keep}" in shown.output
    assert len(list(keep.glob("*.jpg"))) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "either --folder DIR or --synthetic"),
        (["--folder", ".", "--synthetic"], "either --folder DIR or --synthetic"),
        (["--folder", "no-such-folder"], "is not a folder"),
        (["--watch", "no-such-folder"], "--watch no-such-folder: is not a folder"),
        (["--watch", ".", "--synthetic"], "give one of --folder DIR, --watch DIR and --synthetic"),
        (["--watch", "/proc"], "--watch /proc: cannot be written"),
        (["--synthetic", "--url", "here"], "--url 'here'"),
        (["--synthetic", "--line", "../../x"], "--line '../../x': must be 1-64 of"),
        (["--synthetic", "--view", "a\nb"], "--view"),
        (["--synthetic", "--json", "no-such-folder/x"], "--json no-such-folder/x: cannot be written"),
        (["--synthetic", "--keep", "/dev/null/x"], "--keep /dev/null/x: cannot be written"),
    ],
)
def test_options_that_cannot_work_are_one_line(options: list[str], words: str) -> None:
    failed = camera("--count", "1", *options)
    assert failed.exit_code == 1
    assert words in failed.stderr
    assert failed.stderr.startswith("error: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_sums_up(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "inspector.cli", "camera", "--synthetic", "--keep", str(tmp_path)]
    with ScriptedGateway() as gateway:
        camera = subprocess.Popen([*command, "--url", gateway.url], stdout=subprocess.PIPE, text=True)
        wait_until(lambda: len(gateway.seen) > 1, what="two images")
        camera.send_signal(number)
        output, _ = camera.communicate(timeout=20)
    assert camera.returncode == 0
    assert "images/s" in output


def test_answers_that_cannot_be_written_end_the_run_with_a_word(boards: Path) -> None:
    with ScriptedGateway() as gateway:
        shown = camera("--url", gateway.url, "--folder", boards, "--json", "/dev/full", "--concurrency", "1")
    assert isinstance(shown.exception, SystemExit)
    assert "error: --json /dev/full: cannot be written: No space left on device" in shown.output
    assert len(gateway.seen) < 3
