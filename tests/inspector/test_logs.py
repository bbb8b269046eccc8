from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from inspector.logs import JsonLines

HOSTILE = 'P1\n{"level": "info", "message": "all is well"}\r\n\x1b[2J\u2028\x00'


@pytest.mark.parametrize("text", ["", HOSTILE])
def test_an_entry_is_one_line_whatever_it_says(text: str) -> None:
    record = logging.LogRecord("api", logging.WARNING, __file__, 1, "part %s", (text,), None)

    line = JsonLines().format(record)

    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"] == f"part {text}"


def test_a_traceback_is_in_the_same_line() -> None:
    script = (
        "import logging\nfrom inspector import logs\nlogs.configure('info')\n"
        f"try:\n    raise ValueError({HOSTILE!r})\n"
        "except ValueError:\n    logging.getLogger('x').exception('broken')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    [line] = done.stderr.splitlines()
    assert "all is well" in json.loads(line)["traceback"]
