"""Flows, their layout, and their SVG."""

from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest

from sklearn_mtl.diagram._flow import Flow, Node
from sklearn_mtl.diagram._layout import MAX_TEXT, STYLES, lay_out, shortened, text_width, with_lanes
from sklearn_mtl.diagram._svg import INK, OUTSIDE, flow_svg

HOSTILE = [
    "<b>bold</b>", "a&b", "say \"it's\"", "日本語のとても長い名前" * 4, "x" * 300, "two\nlines\tand a tab",
    "", " ",
    "null\x00 bell\x07 lone \ud800 end", "$\\frac{1}{2}$", "]]>", "e\u0301" * 30, "🐧", "task a", "X",
]  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


def mixture(tasks, n_experts=2):
    experts = [Node(f"expert {i}", f"expert {i}", "shared") for i in range(n_experts)]
    own = {task: Node(f"own {task}", "own", "private") for task in tasks}
    flow = Flow.of_inputs().then({node: ["X"] for node in (*own.values(), *experts)})
    return flow.to_tasks({task: [own[task].name, *(node.name for node in experts)] for task in tasks})


def chain(n_tasks):
    """Make tasks of which each reads the inputs and all those before it."""
    flow = Flow.of_inputs()
    for number in range(n_tasks):
        flow = flow.then({Node(f"t{number}", f"t{number}", "task"): ["X", *(f"t{i}" for i in range(number))]})
    return flow


FLOWS = {
    "mixture": mixture(["a", "b", "c"], 4),
    "one task": mixture(["a"], 1),
    "chain": chain(5),
    "hostile": mixture(HOSTILE),
    "no tasks": mixture([], 1),
    "inputs": Flow.of_inputs(),
    "many": mixture([f"task {i}" for i in range(40)], 8),
}
flows = pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)


def at(curve, share):
    """Return a point of a cubic Bézier curve."""
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


@flows
def test_svg_is_well_formed_and_complete(flow):
    svg = ElementTree.fromstring(flow_svg(flow, 'the way to <tasks> & "more"\x00'))
    assert svg.tag == f"{SVG}svg"
    assert svg[0].tag == f"{SVG}title"
    assert svg[0].text == 'the way to <tasks> & "more"\ufffd'
    assert svg.get("role") == "img"
    layout = lay_out(flow)
    assert len(svg.findall(f"{SVG}g")) == len(flow.nodes)
    assert len(svg.findall(f"{SVG}path")) == len(layout.curves)
    assert len(svg.findall(f"{SVG}polygon")) == len(layout.heads)


def test_svg_keeps_the_whole_name_of_a_task():
    name = "<i>" + "long & " * 30
    svg = ElementTree.fromstring(flow_svg(mixture([name]), "title"))
    titles = [title.text for title in svg.iterfind(f"{SVG}g/{SVG}title")]
    assert name.strip() in titles
    assert "<i>" not in flow_svg(mixture([name]), name)


def luminance(color):
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_are_readable_on_light_and_dark_pages():
    for style in STYLES.values():
        assert contrast(INK, style.fill) > 7
        for page in ("#ffffff", "#111111"):
            assert contrast(style.line, page) > 2.5
            assert contrast(OUTSIDE, page) > 3.5
