"""The losses: zero where the network is right, and a gate target that is the boxes' own area."""

from __future__ import annotations

import pytest
import torch

from inspector.models.detector import Detector
from inspector.models.head import expected_distances, to_boxes
from inspector.training.assign import assign
from inspector.training.loader import Batch
from inspector.training.losses import WEIGHTS, complete_iou, covered, gate_loss, losses


def batch(boxes: list[list[list[float]]], labels: list[list[int]], size: int = 64) -> Batch:
    most = max(1, *(len(rows) for rows in boxes))
    padded = torch.zeros(len(boxes), most, 4)
    kinds = torch.zeros(len(boxes), most, dtype=torch.int64)
    valid = torch.zeros(len(boxes), most, dtype=torch.bool)
    for i, rows in enumerate(boxes):
        for j, row in enumerate(rows):
            padded[i, j], kinds[i, j], valid[i, j] = torch.tensor(row), labels[i][j], True
    return Batch(torch.rand(len(boxes), 1, size, size), padded, kinds, valid)


def test_complete_iou() -> None:
    same = torch.tensor([[0.0, 0, 10, 10]])
    torch.testing.assert_close(complete_iou(same, same), torch.ones(1))
    apart = complete_iou(same, torch.tensor([[100.0, 0, 110, 10]]))
    nearer = complete_iou(same, torch.tensor([[50.0, 0, 60, 10]]))
    assert apart < nearer < 0  # it says which way to go even without an overlap


def test_the_gate_is_asked_for_the_share_of_each_cell_that_is_covered() -> None:
    wanted = covered(batch([[[8, 0, 20, 8]]], [[0]]), 8, 8)[0]
    assert wanted[0, :4].tolist() == [0.0, 1.0, 0.5, 0.0]
    assert float(wanted.sum()) == 1.5


def test_overlapping_boxes_do_not_ask_for_more_than_everything() -> None:
    assert float(covered(batch([[[0, 0, 16, 16], [0, 0, 16, 16]]], [[0, 1]]), 8, 8).max()) == 1.0


def test_a_good_image_asks_the_gate_for_nothing() -> None:
    empty = batch([[]], [[]])
    assert not covered(empty, 8, 8).any()
    quiet, loud = (gate_loss(torch.full((1, 1, 8, 8), value), empty) for value in (-9.0, 9.0))
    assert quiet < loud


def test_a_batch_of_good_parts_does_not_drown_the_other_losses() -> None:
    """A fresh gate is wrong by one half everywhere, and on a tiny defect hardly less."""
    empty = batch([[]], [[]])
    tiny = batch([[[8.0, 8.0, 12.0, 12.0]]], [[0]])
    for one in (empty, tiny):
        assert float(gate_loss(torch.zeros(1, 1, 80, 80), one)) < 50


@pytest.mark.parametrize("boxes", [[[], []], [[[8.0, 8, 40, 30]], []]])
def test_losses_are_finite_and_reach_every_part_of_the_network(boxes: list[list[list[float]]]) -> None:
    torch.manual_seed(0)
    network = Detector(3, 1, widths=(8, 8, 16, 16, 16), neck_channels=16)
    given = batch(boxes, [[2] * len(rows) for rows in boxes])
    total = losses(network.raw(given.images), given).total
    total.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
    assert torch.isfinite(total)
    without = {name for name, p in network.named_parameters() if p.grad is None}
    assert not without
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def box_loss_over_all_points(network: Detector, given: Batch) -> torch.Tensor:
    """The box loss written plainly: every point's box with its gradient, then the points that count."""
    raw = network.raw(given.images)
    predicted = to_boxes(raw.points, expected_distances(raw.distances), raw.strides)
    found = assign(
        raw.scores.detach().sigmoid(), predicted.detach(), raw.points, given.boxes, given.labels, given.valid
    )
    own = found.weight > 0
    lost = (1 - complete_iou(predicted[own], found.boxes[own])) * found.weight[own]
    return lost.sum() / found.targets.sum().clamp(min=1.0) * WEIGHTS.box


def test_leaving_out_the_points_without_a_box_changes_no_gradient() -> None:
    torch.manual_seed(0)
    network = Detector(3, 1, widths=(8, 8, 16, 16, 16), neck_channels=16).eval()
    given = batch([[[8.0, 8, 40, 30], [30, 40, 60, 62]], [[2.0, 2, 20, 60]]], [[2, 0], [1]])
    gradients = []
    for loss in (losses(network.raw(given.images), given).box, box_loss_over_all_points(network, given)):
        weight = network.get_parameter("heads.0.distances.weight")
        gradients.append((loss.detach(), *torch.autograd.grad(loss, weight)))
    torch.testing.assert_close(gradients[0], gradients[1])
    assert gradients[0][1].abs().max() > 0


def test_losses_take_what_the_network_gives_in_half_precision() -> None:
    torch.manual_seed(0)
    network = Detector(3, 1, widths=(8, 8, 16, 16, 16), neck_channels=16).eval()
    given = batch([[[8.0, 8, 40, 30]]], [[2]])
    with torch.autocast("cpu", torch.bfloat16):
        raw = network.raw(given.images)
    assert raw.distances.dtype == torch.bfloat16
    whole = type(raw)(*(tensor.float() for tensor in raw))
    torch.testing.assert_close(losses(raw, given), losses(whole, given))
