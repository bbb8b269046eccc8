"""Which anchor points answer for which box."""

from __future__ import annotations

import torch

from inspector.models.head import anchor_points
from inspector.training.assign import TOP, assign, pairwise_iou

POINTS = anchor_points(8, 8, 8, torch.zeros(1))  # a 64 x 64 picture at stride 8


def test_overlap_of_boxes() -> None:
    left = torch.tensor([[[0.0, 0, 10, 10], [0, 0, 0, 0]]])
    right = torch.tensor([[[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]]])
    wanted = torch.tensor([[[1.0, 1 / 3, 0], [0, 0, 0]]])
    torch.testing.assert_close(pairwise_iou(left, right), wanted)


def found(
    boxes: list[list[float]], labels: list[int], valid: list[bool]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (A,) and targets (A, K) when every point predicts the first box and scores all alike."""
    truth = torch.tensor([boxes])
    predicted = truth[:, :1].expand(-1, len(POINTS), -1)
    scores = torch.full((1, len(POINTS), 3), 0.5)
    result = assign(scores, predicted, POINTS, truth, torch.tensor([labels]), torch.tensor([valid]))
    return result.weight[0], result.targets[0]


def test_an_image_without_boxes_is_all_background() -> None:
    weight, targets = found([[0, 0, 0, 0]], [0], [False])
    assert not weight.any()
    assert not targets.any()


def test_only_points_inside_the_box_answer_and_at_most_the_best_ten() -> None:
    weight, targets = found([[0, 0, 32, 64]], [2], [True])
    own = weight > 0
    assert 0 < int(own.sum()) <= TOP
    assert (POINTS[own][:, 0] < 32).all()
    assert set(targets[own].argmax(1).tolist()) == {2}
    assert float(weight.max()) == 1.0  # the best point is wanted at the IoU it reaches


def test_a_box_smaller_than_a_cell_still_has_a_point() -> None:
    weight, _ = found([[30, 30, 33, 33]], [0], [True])
    assert (weight > 0).any()


def test_a_point_wanted_twice_goes_to_the_box_it_overlaps_most() -> None:
    truth = torch.tensor([[[0.0, 0, 24, 24], [0, 0, 23, 23]]])  # nine points each, the same ones
    predicted = truth[:, 1:].expand(-1, len(POINTS), -1)
    scores = torch.full((1, len(POINTS), 2), 0.5)
    result = assign(
        scores, predicted, POINTS, truth, torch.tensor([[0, 1]]), torch.ones(1, 2, dtype=torch.bool)
    )
    assert int((result.weight[0] > 0).sum()) == 9
    assert not result.targets[0][:, 0].any()
