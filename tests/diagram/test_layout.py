"""Where the parts of a flow stand in a picture."""

from itertools import combinations, pairwise

import pytest

from sklearn_mtl.diagram._layout import MAX_TEXT, lay_out, shortened, text_width, with_lanes

from .flows import FLOWS, HOSTILE, chain, flows, mixture


def at(curve, share):
    """Give a point of a cubic Bézier curve."""
    a, b, c, d = ((1 - share) ** 3, 3 * share * (1 - share) ** 2, 3 * share**2 * (1 - share), share**3)
    return tuple(a * p + b * q + c * r + d * s for p, q, r, s in zip(*curve.points, strict=True))


@flows
def test_boxes_are_apart_and_inside_the_picture(flow):
    layout = lay_out(flow)
    assert {box.node for box in layout.boxes} == set(flow.nodes.values())
    for box in layout.boxes:
        assert 0 < box.left < box.right < layout.width
        assert 0 < box.y - box.height / 2 < box.y + box.height / 2 < layout.height
        assert text_width(box.text) < box.width
    for one, other in combinations(layout.boxes, 2):
        beside = one.right < other.left or other.right < one.left
        assert beside or abs(one.y - other.y) > (one.height + other.height) / 2


@flows
def test_ways_lead_from_left_to_right_through_no_box(flow):
    layout = lay_out(flow)
    for curve in layout.curves:
        points = [at(curve, share / 20) for share in range(1, 20)]
        assert curve.points[0][0] < curve.points[-1][0]
        for box in layout.boxes:
            inside = [box.left < x < box.right and abs(y - box.y) < box.height / 2 for x, y in points]
            assert not any(inside)


@flows
def test_every_box_that_is_fed_has_one_head(flow):
    heads = [box.node.name for box in lay_out(flow).heads]
    assert sorted(heads) == sorted({target for _, target in flow.edges})


def test_ways_to_columns_further_away_share_a_lane():
    columns, links = with_lanes(chain(3))
    assert [len(column) for column in columns] == [1, 2, 3, 1]
    through = ["X", "lane 1 X", "lane 2 X", "t2"]
    assert set(links) == {
        *pairwise(through), ("lane 1 X", "t1"), ("X", "t0"),
        ("t0", "t1"), ("t0", "lane 2 t0"), ("lane 2 t0", "t2"), ("t1", "t2"),
    }  # fmt: skip


def test_nodes_of_one_task_stand_in_the_order_of_the_tasks():
    layout = lay_out(mixture(["a", "b", "c", "d"], 2))
    order = sorted((box for box in layout.boxes if box.x == layout.boxes[1].x), key=lambda box: box.y)
    assert [box.node.name for box in order] == ["own a", "own b", "expert 0", "expert 1", "own c", "own d"]


def test_equal_flows_look_alike():
    assert lay_out(FLOWS["mixture"]) == lay_out(mixture(["a", "b", "c"], 4))


def test_legend_says_what_is_there():
    kinds = [entry.kind for entry in lay_out(FLOWS["mixture"]).legend]
    assert kinds == ["input", "shared", "private", "task"]


@pytest.mark.parametrize("label", HOSTILE)
def test_long_labels_lose_their_middle(label):
    text = shortened(label)
    assert text_width(text) <= MAX_TEXT
    assert "\n" not in text
    short = shortened("start " + label * 20 + " end") if label.strip() else "start end"
    assert short.startswith("start")
    assert short.endswith("end")
