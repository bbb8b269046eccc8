"""The archiver's end of the mean images: looks whether one is due, and starts `workers mean` for it."""

from __future__ import annotations

import importlib.util
import logging
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from inspector.errors import InspectorError
from inspector.records import mean_images
from inspector.records.images import ImageStore
from workers.pace import Every

log = logging.getLogger(__name__)

LOOK_EVERY = timedelta(minutes=1)

LONGEST_S = 300.0
"""Of one run: at most 32 pictures of 64 images. A store that hangs must not hold a process for ever."""


class MeanChild:
    """`tend` never waits, and never raises: a background is not worth a record."""

    def __init__(self, engine: Engine, store: ImageStore, database_url: str, images_url: str) -> None:
        self._engine, self._store = engine, store
        self._environment = {"INSPECTOR_DATABASE_URL": database_url, "INSPECTOR_IMAGES_URL": images_url}
        self._look = Every(LOOK_EVERY, jitter=0.1)
        self._child: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._able = importlib.util.find_spec("cv2") is not None
        if not self._able:
            log.info("no mean images are made: OpenCV is not installed beside this archiver")

    def tend(self) -> None:
        if self._child is not None:
            if self._child.poll() is None and time.monotonic() - self._started > LONGEST_S:
                self._child.kill()
            if self._child.poll() is None:
                return
            self._child = None
        if self._able and self._look.due() and self._is_due():
            self._start()

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def _is_due(self) -> bool:
        try:
            return bool(mean_images.due(self._engine, mean_images.known(self._store), datetime.now(UTC)))
        except InspectorError as error:
            log.warning("no mean image now: %s", error)
            return False

    def _start(self) -> None:
        command = [sys.executable, "-P", "-m", "workers", "mean"]
        self._started = time.monotonic()
        self._child = subprocess.Popen(command, env={**os.environ, **self._environment})
