"""Layout of a flow in a diagram."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from ._flow import Flow, Node

# All lengths are in points; y increases downwards.
FONT_SIZE = 10.0
BOX_HEIGHT = 22.0
ROW = 32.0
GAP = 36.0
LANE = 10.0
MARGIN = 8.0
HEAD = 6.0
LEGEND = 24.0
PADDING = 9.0
MAX_TEXT = 130.0

Point = tuple[float, float]


class Style(NamedTuple):
    """Style of a kind of nodes: its legend text, and two colours that are readable on any background."""

    legend: str
    fill: str
    line: str


STYLES = {
    "input": Style("inputs", "#e6e8eb", "#737b86"),
    "shared": Style("shared", "#cfe3fb", "#3f7fc4"),
    "private": Style("of one task", "#fde3bf", "#cc8420"),
    "gate": Style("mixture", "#e7dcf8", "#8664c0"),
    "task": Style("task", "#d2ecd6", "#3a945a"),
}


class Box(NamedTuple):
    """A node: its centre, its size, and its shortened text."""

    node: Node
    text: str
    x: float
    y: float
    width: float
    height: float

    @property
    def radius(self) -> float:
        """Return the radius of the corners; a mixture is round."""
        return self.height / 2 if self.node.kind == "gate" else 5.0

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width / 2


class Curve(NamedTuple):
    """A connection: the points of a cubic Bézier curve, in the colour of its source."""

    kind: str
    points: tuple[Point, Point, Point, Point]


class LegendEntry(NamedTuple):
    """A legend entry: the centre of its colour patch and the start of its text."""

    kind: str
    x: float
    y: float

    @property
    def text_x(self) -> float:
        return self.x + 10


@dataclass(frozen=True)
class Layout:
    """A flow as boxes and curves.

    Parameters
    ----------
    boxes : tuple of Box
    curves : tuple of Curve
    legend : tuple of LegendEntry
    width, height : float
        Size of the diagram, from (0, 0).
    """

    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]
    legend: tuple[LegendEntry, ...]
    width: float
    height: float

    @property
    def heads(self) -> list[Box]:
        """Return the boxes with inputs, which have an arrowhead on the left."""
        ends = {curve.points[-1] for curve in self.curves}
        return [box for box in self.boxes if (box.left - HEAD, box.y) in ends]


class Lane(Node):
    """Position where a connection passes through a column without ending there."""


Columns = list[list[Node]]
Links = dict[tuple[str, str], None]


def lay_out(flow: Flow) -> Layout:
    """Place the nodes of a flow such that few connections cross, and none goes through a box."""
    columns, links = with_lanes(flow)
    columns = untangled([column for column in columns if column], links)
    rows, height = placed(columns)
    boxes: dict[str, Box] = {}
    right = MARGIN
    for column in columns:
        steps = [abs(rows[a] - rows[b]) for a, b in links if b in {node.name for node in column}]
        left = right + (min(max(GAP, 0.35 * max(steps)), 3 * GAP) if steps else 0.0)
        texts = [shortened(node.label) for node in column]
        width = max(map(text_width, texts)) + 2 * PADDING
        for node, text in zip(column, texts, strict=True):
            size = (width, 0.0 if isinstance(node, Lane) else BOX_HEIGHT)
            boxes[node.name] = Box(node, text, left + width / 2, rows[node.name], *size)
        right = left + width
    legend = legend_of(flow, right + MARGIN, height + LEGEND / 2)
    width = max(right, *(entry.text_x + text_width(STYLES[entry.kind].legend) for entry in legend)) + MARGIN
    drawn = tuple(box for box in boxes.values() if not isinstance(box.node, Lane))
    return Layout(drawn, tuple(curves_of(boxes, links)), legend, width, height + LEGEND)


def placed(columns: Columns) -> tuple[dict[str, float], float]:
    """Return the vertical position of each node, and the total height; all columns span the total height."""
    slots = [[LANE if isinstance(node, Lane) else ROW for node in column] for column in columns]
    height = max(map(sum, slots))
    rows = {
        node.name: MARGIN + share * height
        for column, parts in zip(columns, slots, strict=True)
        for node, share in zip(column, middles(parts), strict=True)
    }
    return rows, height + 2 * MARGIN


def with_lanes(flow: Flow) -> tuple[Columns, Links]:
    """Split connections over several columns into steps through lanes, which connections of one node share."""
    columns: Columns = [list(column) for column in flow.columns]
    place = {node.name: number for number, column in enumerate(columns) for node in column}
    nodes = flow.nodes
    links: Links = {}
    for source, target in flow.edges:
        last = source
        for number in range(place[source] + 1, place[target]):
            lane = Lane(f"lane {number} {source}", "", nodes[source].kind)
            if lane not in columns[number]:
                columns[number].append(lane)
            links[last, lane.name] = None
            last = lane.name
        links[last, target] = None
    return columns, links


def untangled(columns: Columns, links: Iterable[tuple[str, str]]) -> Columns:
    """Order each column by the positions of its neighbours, from right to left and back, twice."""
    before: dict[str, list[str]] = {node.name: [] for column in columns for node in column}
    after: dict[str, list[str]] = {name: [] for name in before}
    for source, target in links:
        after[source].append(target)
        before[target].append(source)
    columns = list(columns)
    indices = range(len(columns))
    for order, neighbours in ((indices[::-1], after), (indices, before), (indices[::-1], after)):
        for number in order:
            columns[number] = by_neighbours(columns[number], neighbours, heights(columns))
    return columns


def by_neighbours(
    column: Sequence[Node], neighbours: Mapping[str, Sequence[str]], height: Mapping[str, float]
) -> list[Node]:
    """Sort nodes by the mean height of their neighbours; nodes without neighbours keep about their position."""

    def key(node: Node) -> float:
        # rounded, so that equal means are equal and the order is kept
        return round(fmean(height[name] for name in neighbours[node.name] or [node.name]), 6)

    return sorted(column, key=key)


def heights(columns: Columns) -> dict[str, float]:
    """Return the relative position of each node in its column, between 0 and 1."""
    return {
        node.name: share
        for column in columns
        for node, share in zip(column, middles([1.0] * len(column)), strict=True)
    }


def middles(slots: Sequence[float]) -> list[float]:
    """Return the centre of each slot of a column, between 0 and 1."""
    total = sum(slots)
    return [(sum(slots[:number]) + slot / 2) / total for number, slot in enumerate(slots)]


def curves_of(boxes: Mapping[str, Box], links: Iterable[tuple[str, str]]) -> Iterable[Curve]:
    """Return the curve of each link, and a straight line through each lane."""
    for source, target in links:
        start, end = boxes[source], boxes[target]
        stop = end.left - (0 if isinstance(end.node, Lane) else HEAD)
        bend = (start.right + stop) / 2
        yield Curve(start.node.kind, ((start.right, start.y), (bend, start.y), (bend, end.y), (stop, end.y)))
    for box in boxes.values():
        if isinstance(box.node, Lane):
            ends = (box.left, box.y), (box.right, box.y)
            yield Curve(box.node.kind, (ends[0], ends[0], ends[1], ends[1]))


def legend_of(flow: Flow, width: float, y: float) -> tuple[LegendEntry, ...]:
    """Return the legend of the colours, centred below the diagram."""
    present = {node.kind for node in flow.nodes.values()}
    kinds = [kind for kind in STYLES if kind in present]
    widths = [text_width(STYLES[kind].legend) + 32 for kind in kinds]
    start = max(MARGIN, (width - sum(widths)) / 2) + 6
    return tuple(LegendEntry(kind, start + sum(widths[:i]), y) for i, kind in enumerate(kinds))


def shortened(label: str) -> str:
    """Return a printable label, with its middle left out if it is long."""
    text = printable(label)
    if text_width(text) <= MAX_TEXT:
        return text
    kept = len(text) - 1
    while text_width(short := f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}") > MAX_TEXT:
        kept -= 1
    return short


def printable(text: str) -> str:
    """Return one line of text without characters that are invalid in XML."""
    allowed = re.sub(r"[^\s\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    return " ".join(allowed.split())


def text_width(text: str) -> float:
    """Estimate the width of text, rather too large than too small."""
    return FONT_SIZE * sum(map(_em, text))


def _em(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.1
    if character in "ijlIft.,:;'|!()[] ":
        return 0.4
    return 0.95 if character in "mwMWæœ@%—…" else 0.7 if character.isupper() else 0.63
