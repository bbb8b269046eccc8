"""`python -m workers mean`: makes the mean images that are due, and ends. The archiver starts it.

A process of its own, for its libraries and its memory: the archiver has neither numpy nor OpenCV.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime

from inspector.errors import BadInput, BrokenImage, ImageGone
from inspector.imaging.mean import MeanImage
from inspector.records import database, mean_images
from inspector.records.images import ImageStore
from inspector.records.mean_images import FEWEST, FOLDER, Due, Mean
from workers.archive_settings import load

log = logging.getLogger("workers")

_NICENESS = 15
"""Verdicts first: what is made here is a background."""


def run(flags: Sequence[str]) -> bool:
    """Whether it ended well. Raises RecordsUnavailable, StoreUnavailable."""
    os.nice(_NICENESS)
    settings = load(flags)
    engine, store = database.reader(settings.database_url), ImageStore(settings.images_url)
    try:
        make(store, mean_images.due(engine, mean_images.known(store), datetime.now(UTC)))
    finally:
        engine.dispose()
    return True


def make(store: ImageStore, due: Sequence[Due]) -> None:
    """These pictures, one after the other; the index names each as soon as it is there."""
    for one in due:
        mean = _mean_of(store, one.newest)
        if mean.images < FEWEST:
            continue
        means = mean_images.known(store)
        path = next((old.path for old in means if old.stream == one.stream), None)
        path = path or f"{FOLDER}/{_free(means)}.jpeg"
        store.put(path, mean.jpeg())
        made = Mean(stream=one.stream, images=mean.images, made=datetime.now(UTC), path=path)
        mean_images.write_index(store, [old for old in means if old.stream != one.stream] + [made])
        log.info("a mean of %d images of line %s", mean.images, one.stream.line)


def _mean_of(store: ImageStore, paths: Sequence[str]) -> MeanImage:
    mean = MeanImage()
    for path in paths:
        try:
            mean.add(store.get(path))
        except (ImageGone, BadInput, BrokenImage) as error:  # left meanwhile; a format that is not read here
            log.debug("%s is left out: %s", path, error)
    return mean


def _free(means: Sequence[Mean]) -> int:
    """A number that no picture has."""
    taken = {mean.path for mean in means}
    return next(number for number in range(len(means) + 1) if f"{FOLDER}/{number}.jpeg" not in taken)
