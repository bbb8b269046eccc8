"""The playground as a browser meets it: a page of this machine alone, and an answer for an image."""

from __future__ import annotations

import socket
import subprocess
import sys
import warnings

import httpx
import numpy as np
import pytest

with warnings.catch_warnings():
    # gradio's own imports warn of each other; that is not for us to mend.
    warnings.simplefilter("ignore")
    from inspector.cli import playground_command
from inspector.cli.stack.ports import prefer
from inspector.data.synthetic import board
from inspector.errors import SettingsError
from inspector.imaging.levels import displayable
from inspector.studies import page
from inspector.studies.channels import Examiner
from tests.support.tiny_bundle import make
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def examiners(tmp_path_factory: pytest.TempPathFactory) -> list[Examiner]:
    return [Examiner(make(tmp_path_factory.mktemp("playground") / "tiny"))]


def test_an_image_gets_its_page_and_no_image_the_hint(examiners: list[Examiner]) -> None:
    assert playground_command.shown(examiners, None, 0.5) == page.EMPTY
    html = playground_command.shown(examiners, displayable(board(1, size=(128, 128)).image), 0.5)
    assert html.count('<section class="model">') == 1


def test_what_an_image_is_refused_for_stands_on_the_page(examiners: list[Examiner]) -> None:
    html = playground_command.shown(examiners, np.zeros((64, 64, 3), np.uint8), 0.5)
    assert "all its pixels are alike" in html


def test_the_page_is_served_here_and_loads_nothing_from_elsewhere(examiners: list[Examiner]) -> None:
    port = prefer(7860, set())
    words = ["playground", "--model", str(examiners[0].bundle.folder), "--port", str(port)]
    url = f"http://127.0.0.1:{port}/"

    def answers() -> bool:
        assert process.poll() is None
        try:
            return httpx.get(url, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    with subprocess.Popen(
        [sys.executable, "-m", "inspector.cli", *words], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until(answers, timeout_s=60)
            page_itself = httpx.get(url, trust_env=False)
        finally:
            process.terminate()
        assert process.stdout is not None
        assert process.stdout.readline().startswith(url)
    assert "default-src 'self'" in page_itself.headers["content-security-policy"]
    assert "fonts.googleapis.com" not in page_itself.text


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} is in use"):
            playground_command.playground(model=None, host="127.0.0.1", port=port)
