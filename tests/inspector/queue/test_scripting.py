"""The scripts are whole, carry their contract, and what they may do on a full server is meant."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import pytest

from inspector.queue import scripting
from inspector.queue.scripting import Script

SCRIPTS = [value for value in vars(scripting).values() if isinstance(value, Script)]


def test_every_script_file_is_loaded() -> None:
    folder = files("inspector.queue.scripts")
    names = {file.name.removesuffix(".lua") for file in folder.iterdir() if file.name.endswith(".lua")}
    assert names == {script.name for script in SCRIPTS} | {
        "settle",
        "letters",
        "known",
        "ahead",
        "budget",
        "ready",
        "ring",
        "unlink",
        "delivery",
    }


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_opens_with_its_contract(script: Script) -> None:
    head = script.text.split("\n\n")[0]
    for word in ("KEYS", "ARGV", "reply"):
        assert word in head + script.text.split("local ")[0]
    assert "-- include" not in script.text
    assert script.sha1 == hashlib.sha1(script.text.encode()).hexdigest()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_full_server_refuses_submit_and_nothing_else(script: Script) -> None:
    shebang = script.text.splitlines()[0]
    wanted = {"submit": "#!lua", "overdue": "#!lua flags=no-writes", "room": "#!lua flags=no-writes"}
    assert shebang == wanted.get(script.name, "#!lua flags=allow-oom")
