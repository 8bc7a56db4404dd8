import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_mtl.metrics import box_iou

SIZE = 12
spans = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).map(sorted)
boxes = st.tuples(spans, spans).map(lambda sides: [sides[0][0], sides[1][0], sides[0][1], sides[1][1]])


def pixels(box):
    """Paint a box of whole numbers."""
    x0, y0, x1, y1 = box
    canvas = np.zeros((SIZE, SIZE), dtype=bool)
    canvas[y0:y1, x0:x1] = True
    return canvas


@given(boxes, boxes)
def test_overlap_is_that_of_counted_pixels(one, other):
    shared, union = pixels(one) & pixels(other), pixels(one) | pixels(other)
    expected = shared.sum() / union.sum() if union.any() else float(one == other)
    assert box_iou([one], [other])[0] == pytest.approx(expected)


@given(boxes, boxes, st.floats(0.1, 100), st.floats(-50, 50))
def test_overlap_has_no_order_and_no_unit(one, other, scale, shift):
    iou = box_iou([one], [other])
    assert box_iou([other], [one]) == iou
    moved = scale * np.array([[one], [other]]) + shift
    assert box_iou(*moved) == pytest.approx(iou, abs=1e-6)


def test_boxes_without_an_area_are_the_same_or_not():
    point, line = [1, 1, 1, 1], [0, 1, 3, 1]
    assert box_iou([point, line, point, line], [point, line, line, [0, 0, 3, 3]]).tolist() == [1, 1, 0, 0]


def test_every_row_is_scored():
    assert box_iou(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0,)
    assert box_iou([[0, 0, 2, 2], [0, 0, 2, 2]], [[0, 0, 2, 2], [0, 0, 1, 2]]).tolist() == [1, 0.5]
