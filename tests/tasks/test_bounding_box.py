import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sklearn_mtl.metrics import box_iou
from sklearn_mtl.tasks import BoundingBox
from sklearn_mtl.tasks._bounding_box import generalised_iou

NAN = float("nan")
Y = np.array([[10, 20, 30, 60], [0, 0, 40, 30], [NAN] * 4, [20, 30, 25, 70]])
PIXELS = 10
whole = st.tuples(st.integers(0, PIXELS), st.integers(0, PIXELS)).map(sorted)
boxes = st.tuples(whole, whole).map(lambda sides: [sides[0][0], sides[1][0], sides[0][1], sides[1][1]])


def tuples(rows):
    objects = np.empty(len(rows), dtype=object)
    objects[:] = rows
    return objects


def giou(one, other):
    one, other = (torch.tensor(np.array([box]), dtype=torch.float64) for box in (one, other))
    return generalised_iou(one[:, :2], one[:, 2:], other[:, :2], other[:, 2:]).item()


def painted(box):
    canvas = np.zeros((PIXELS, PIXELS), dtype=bool)
    canvas[box[1] : box[3], box[0] : box[2]] = True
    return canvas


def loss(task, output, y):
    return task.elementwise_loss(output, torch.from_numpy(task.encode(y).target))


@settings(deadline=None)
@given(boxes, boxes)
def test_generalised_overlap_is_that_of_counted_pixels(one, other):
    shared, union = (painted(one) & painted(other)).sum(), (painted(one) | painted(other)).sum()
    x0, y0 = np.minimum(one[:2], other[:2])
    x1, y1 = np.maximum(one[2:], other[2:])
    hull = (x1 - x0) * (y1 - y0)
    expected = (shared / union if union else 0) - ((hull - union) / hull if hull else 0)
    assert giou(one, other) == pytest.approx(expected)
    assert giou(other, one) == pytest.approx(expected)


def test_loss_is_that_of_the_decoded_boxes():
    task = BoundingBox(l1_weight=3.0).fit(Y)
    output = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 4)))
    predicted = task.decode(output.numpy())
    # the range goes from 0 to 40, and from 0 to 70; areas have no unit
    l1 = np.abs((predicted - Y) / [40, 70, 40, 70]).sum(axis=1)
    for row in (0, 1, 3):
        apart = 1 - giou(predicted[row] / [40, 70, 40, 70], Y[row] / [40, 70, 40, 70])
        expected = np.average([apart, l1[row]], weights=[1, 3])
        assert loss(task, output, Y)[row, 0].item() == pytest.approx(expected)


@given(arrays(np.float32, (3, 4), elements=st.floats(-1e4, 1e4, width=32)))
def test_predicted_boxes_never_go_backwards(output):
    predicted = BoundingBox().fit(Y).decode(output)
    assert predicted.dtype == np.float64
    assert (predicted[:, 2:] >= predicted[:, :2]).all()


def test_training_starts_in_the_middle_of_the_range():
    np.testing.assert_allclose(BoundingBox().fit(Y).decode(np.zeros((1, 4))), [[10, 17.5, 30, 52.5]])


def test_boxes_may_go_beyond_the_range():
    predicted = BoundingBox().fit(Y).decode(np.array([[0.0, 0.0, 9.0, 9.0], [-9.0, 9.0, 0.0, 0.0]]))
    assert predicted[0, 0] < 0 < 40 < predicted[0, 2]
    assert predicted[1, 2] < 0


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e-3])
def test_the_unit_of_boxes_does_not_matter(scale):
    output = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 4)))
    moved = scale * Y + 5
    np.testing.assert_allclose(
        loss(BoundingBox().fit(moved), output, moved), loss(BoundingBox().fit(Y), output, Y)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("target", [[0.3, 0.3, 0.3, 0.3], [0.2, 0.5, 0.8, 0.5], [0.2, 0.2, 0.8, 0.9]])
@pytest.mark.parametrize("size", [-1e5, -80.0, -10.0, 0.0, 1e5])
@pytest.mark.parametrize("centre", [0.0, -0.8, 1e5])
def test_values_and_slopes_are_finite_also_without_an_area(dtype, target, size, centre):
    output = torch.tensor([[centre, centre, size, size]], dtype=dtype, requires_grad=True)
    value = BoundingBox().fit(Y).elementwise_loss(output, torch.tensor([target], dtype=dtype))
    (slope,) = torch.autograd.grad(value.sum(), output)
    assert torch.isfinite(value).all()
    assert (value >= 0).all()
    assert torch.isfinite(slope).all()


def test_boxes_that_do_not_meet_are_drawn_together():
    """An overlap of 0 has no slope; the generalised one moves the box towards the other."""
    task = BoundingBox(l1_weight=0.0).fit(Y)
    output = torch.tensor([[1.9, 0.0, -3.0, -3.0]], dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[0.0, 0.4, 0.1, 0.6]], dtype=torch.float64)
    value = task.elementwise_loss(output, target)
    (slope,) = torch.autograd.grad(value.sum(), output)
    assert value.item() > 1
    assert slope[0, 0] > 0


def test_slopes_are_those_of_finite_differences():
    task, target = BoundingBox().fit(Y), torch.from_numpy(BoundingBox().fit(Y).encode(Y).target)
    output = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 4))).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: task.elementwise_loss(x, target), output)


def test_members_may_differ_in_the_weight_of_the_sides():
    output = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 4, 4)))
    stacked = BoundingBox().fit(Y)
    stacked.l1_weight = torch.tensor([0.5, 2.0], dtype=torch.float64)[:, None, None]
    together = loss(stacked, output, Y)
    for member, weight in enumerate((0.5, 2.0)):
        alone = loss(BoundingBox(l1_weight=weight).fit(Y), output[member], Y)
        torch.testing.assert_close(together[member], alone)


def test_a_column_of_tuples_is_the_same_and_comes_back():
    column = tuples([(10, 20, 30, 60), [0, 0, 40, 30], None, np.array([20, 30, 25, 70])])
    task, other = BoundingBox().fit(column), BoundingBox().fit(Y)
    for mine, expected in zip(task.encode(column), other.encode(Y), strict=True):
        np.testing.assert_array_equal(mine, expected)
    output = np.random.default_rng(0).normal(size=(4, 4))
    predicted = task.decode(output)
    assert predicted.shape == (4,)
    assert predicted.tolist() == [tuple(box) for box in other.decode(output).tolist()]
    assert task.metrics(column, predicted) == other.metrics(Y, other.decode(output))


def test_a_range_of_nothing_is_one_unit():
    task = BoundingBox().fit(np.array([[3, 0, 3, 5]]))
    assert task.range_.tolist() == [1, 5]


# -- scores


def test_metrics_are_means_over_the_labelled_rows():
    predicted = np.array([[10, 20, 30, 60], [0, 0, 20, 30], [1, 1, 2, 2], [20, 30, 30, 80.0]])
    weight = np.array([1.0, 2.0, 5.0, 3.0])
    iou = box_iou(Y[[0, 1, 3]], predicted[[0, 1, 3]])
    np.testing.assert_allclose(iou, [1, 0.5, 0.4])
    assert BoundingBox().fit(Y).metrics(Y, predicted, weight) == pytest.approx(
        {
            "mean_iou": np.average(iou, weights=[1, 2, 3]),
            "iou_above_half": 3 / 6,
            "neg_mean_absolute_error": -np.average([0, 5, 3.75], weights=[1, 2, 3]),
        }
    )


# -- errors


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([[0, 0, 1, 1], [5, 0, 4, 1]], r"row 1: a box is .* with x0 <= x1 .* got \[5.0, 0.0, 4.0, 1.0\]"),
        ([[0, 0, 1, 1], [0, 5, 1, 4]], "row 1: a box is .* y0 <= y1"),
        ([[0, 0, 1, NAN]], "row 0: a box has 4 finite numbers, or NaN only"),
        ([[0, 0, 1, np.inf]], "row 0: a box has 4 finite numbers"),
        ([[0, 0, 1]], r"boxes have 4 numbers \(x0, y0, x1, y1\), got shape \(1, 3\)"),
        ([["1", "2", "3", "4"]], "boxes must be numbers"),
        (tuples([("1", 2, 3, 4)]), "boxes must be numbers"),
        (tuples([(0, 0, 1, 1), (0, 0, 1)]), r"row 1: a box has 4 numbers .* got \(0, 0, 1\)"),
        (tuples([7, None]), "row 0: a box has 4 numbers"),
        (tuples([(0, 0, 1, 1), (3, 0, 1, 1)]), "row 1: a box is"),
        (np.zeros((2, 4), dtype="datetime64[s]"), "boxes must be numbers"),
    ],
)
def test_bad_boxes_are_refused_by_row(y, message):
    with pytest.raises(ValueError, match=message):
        BoundingBox().fit(np.asarray(y))
    if np.asarray(y).dtype.kind in "fi":
        with pytest.raises(ValueError, match=message):
            BoundingBox().fit(Y).encode(np.asarray(y))


def test_a_negative_weight_is_refused():
    with pytest.raises(ValueError, match="l1_weight"):
        BoundingBox(l1_weight=-1).fit(Y)
