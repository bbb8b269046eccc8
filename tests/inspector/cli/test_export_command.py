"""`inspector export`, as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from inspector.cli.app import app
from inspector.models.bundle import OPENVINO_INT8_XML, Bundle
from tests.support import deeppcb_folder

run = CliRunner()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"deeppcb:{deeppcb_folder.make(tmp_path_factory.mktemp('data'), groups=2, boards=1, side=128)}"


def test_a_bundle_is_exported_again_and_every_precision_measured(
    data: str, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    words = ["export", "--model", str(tiny_bundle.folder), "--data", data, "--out", str(tmp_path / "new")]
    done = run.invoke(app, [*words, "--validation", "group00001", "--int8"])
    new = Bundle.load(tmp_path / "new")
    facts = new.manifest.training["precisions"]
    assert f"bundle {tmp_path / 'new'}" in done.output
    assert "f32: " in done.output
    # Its weights are random: whether INT8 passes is chance, but the exit code says which.
    assert facts["int8"]["passed"] == (OPENVINO_INT8_XML in new.manifest.files) == (done.exit_code == 0)
    assert (new.manifest.name, new.manifest.created_at) == ("tiny", tiny_bundle.manifest.created_at)

    again = run.invoke(app, words)
    assert again.exit_code == 1
    assert "it exists already; name a new folder" in again.output


def test_what_cannot_be_measured_is_one_line(data: str, tmp_path: Path) -> None:
    done = run.invoke(app, ["export", "--model", str(tmp_path), "--data", data, "--out", str(tmp_path / "n")])
    assert done.exit_code == 1
    assert "manifest.json: cannot be read" in done.output
    assert not (tmp_path / "n").exists()
