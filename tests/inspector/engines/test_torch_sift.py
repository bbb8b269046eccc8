"""On the device as on the host: the same numbers, bit by bit, of the same output of the network."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch

from inspector.engines.base import RawOutput, Sifted
from inspector.engines.sifting import sifted
from inspector.engines.torch_engine import Network, load_network
from inspector.engines.torch_sift import ROOM, Layout, Step
from inspector.imaging.levels import Pixels
from inspector.imaging.preprocess import InputRules, prepare
from inspector.models.bundle import Bundle, InputSpec, Manifest
from inspector.models.detector import Answers
from tests.support.images import grey

CPU = torch.device("cpu")
SIZE = (64, 96)
CELLS = (8, 12)
CLASSES = 6


def answers(scores: np.ndarray) -> Answers:
    """With these scores (N, A, K) and random other numbers."""
    draw = np.random.default_rng(1)
    count, anchors, classes = scores.shape
    return Answers(
        torch.from_numpy(draw.uniform(-50, 150, (count, anchors, 4)).astype(np.float32)),
        torch.from_numpy(scores.astype(np.float32)),
        torch.from_numpy(draw.random((count, 1 + classes), np.float32)),
        torch.from_numpy(draw.random((count, *CELLS), np.float32)),
    )


def left_of(said: Answers, manifest: Manifest) -> tuple[list[int], list[Sifted]]:
    """(candidates, what came back) of each input."""
    left = Step(lambda _: said, manifest, CPU)(torch.zeros((len(said.boxes), *SIZE, 1), dtype=torch.uint8))
    layout = Layout.of(manifest, SIZE)
    rows = left.packed.numpy()
    assert rows.shape[1] == layout.width
    for row in rows:
        layout.check(row)
    return [layout.count(row) for row in rows], [layout.unpacked(row) for row in rows]


def assert_equal(one: Sifted, other: Sifted) -> None:
    for part in fields(Sifted):
        np.testing.assert_array_equal(getattr(one, part.name), getattr(other, part.name), err_msg=part.name)


def sparse(share: float, seed: int = 0) -> np.ndarray:
    """Scores of which about that share reaches the least one."""
    draw = np.random.default_rng(seed)
    scores = draw.uniform(0, 0.049, (3, 120, CLASSES))
    return np.where(draw.random(scores.shape) < share, draw.uniform(0.05, 1, scores.shape), scores)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5])
def test_the_device_leaves_what_the_host_leaves(tiny_bundle: Bundle, share: float) -> None:
    manifest, said = tiny_bundle.manifest, answers(sparse(share))
    raw = RawOutput(*(part.numpy() for part in said))
    counts, seen = left_of(said, manifest)
    for row, one in enumerate(seen):
        wanted = sifted(raw, row, manifest)
        assert counts[row] == len(wanted.scores)
        assert_equal(one, wanted)


def test_the_least_score_itself_and_equal_ones_are_kept_in_order(tiny_bundle: Bundle) -> None:
    scores = np.zeros((1, 120, CLASSES), np.float32)
    scores[0, ::7] = np.float32(0.05)
    scores[0, 1::7] = np.nextafter(np.float32(0.05), np.float32(0))
    said = answers(scores)
    [count], [one] = left_of(said, tiny_bundle.manifest)
    assert count == len(one.scores) == CLASSES * len(range(0, 120, 7))
    assert_equal(one, sifted(RawOutput(*(part.numpy() for part in said)), 0, tiny_bundle.manifest))


def test_classes_without_boxes_leave_none(tiny_bundle: Bundle) -> None:
    manifest = tiny_bundle.manifest.model_copy(update={"image_level": ["short", "copper"]})
    said = answers(sparse(0.1))
    raw = RawOutput(*(part.numpy() for part in said))
    _, seen = left_of(said, manifest)
    for row, one in enumerate(seen):
        assert not set(one.labels.tolist()) & {1, 4}
        assert_equal(one, sifted(raw, row, manifest))


def test_where_there_is_no_room_the_count_says_so(tiny_bundle: Bundle) -> None:
    counts, seen = left_of(answers(sparse(1.0)), tiny_bundle.manifest)
    assert counts == [120 * CLASSES] * 3
    assert [len(one.scores) for one in seen] == [ROOM] * 3


@pytest.mark.parametrize(
    "rules",
    [
        InputSpec(channels=1),
        InputSpec(channels=3),
        InputSpec(channels=1, bit_depth=16, white=4095),
        InputSpec(channels=1, bit_depth=16, white=65535),
        InputSpec(channels=1, white=200, pad=1.0),
    ],
    ids=["grey", "colour", "12 bits", "16 bits", "padded white"],
)
def test_levels_become_the_very_numbers_that_the_host_makes(tiny_bundle: Bundle, rules: InputRules) -> None:
    kind: type[np.uint8 | np.uint16] = np.uint8 if rules.bit_depth == 8 else np.uint16
    shape = (50, 90) if rules.channels == 1 else (50, 90, 3)
    image: Pixels = np.random.default_rng(0).integers(0, rules.white + 1, shape).astype(kind)
    prepared = prepare(image, rules)
    manifest = tiny_bundle.manifest.model_copy(update={"input": rules})
    step = Step(lambda _: answers(sparse(0.1)), manifest, CPU)

    levels = np.full((1, *SIZE, rules.channels), round(rules.pad * rules.white), kind)
    levels[0, :50, :90] = image.reshape(50, 90, -1)
    made = step.input(torch.from_numpy(levels.view(np.int16) if kind is np.uint16 else levels))

    assert made.dtype == torch.float32
    np.testing.assert_array_equal(made[0].numpy(), prepared.array)


def test_the_whole_step_is_the_network_and_the_sieve(tiny_bundle: Bundle) -> None:
    network = Network(load_network(tiny_bundle), CPU, "f32")
    small = 32, 64  # all that are said find room
    image = prepare(grey(*small), tiny_bundle.manifest.input)
    with torch.inference_mode():
        said = network(torch.from_numpy(image.array[None]))
        left = Step(network, tiny_bundle.manifest, CPU)(torch.from_numpy(grey(*small)[None, ..., None]))
    layout = Layout.of(tiny_bundle.manifest, small)
    raw = RawOutput(*(part.numpy() for part in said))
    one, wanted = layout.unpacked(left.packed[0].numpy()), sifted(raw, 0, tiny_bundle.manifest)
    assert len(wanted.scores) == layout.count(left.packed[0].numpy())
    assert_equal(one, wanted)
