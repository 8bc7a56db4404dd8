"""A flow as an SVG image."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ._flow import Flow
from ._layout import FONT_SIZE, HEAD, STYLES, Box, Curve, Layout, LegendEntry, lay_out, printable

INK = "#1f2328"
# readable on white and on black
OUTSIDE = "#868686"
# pixels per point of the layout
ZOOM = 1.2


def flow_svg(flow: Flow, title: str) -> str:
    """Draw a flow as an SVG element for HTML with light or dark background.

    Parameters
    ----------
    flow : Flow
    title : str
        Description of the diagram, for screen readers.

    Returns
    -------
    str
    """
    layout = lay_out(flow)
    svg = _canvas(layout, printable(title))
    for curve in layout.curves:
        _draw_curve(svg, curve)
    for box in layout.heads:
        _draw_head(svg, box)
    for box in layout.boxes:
        _draw_box(svg, box)
    for entry in layout.legend:
        _draw_legend(svg, entry)
    return ElementTree.tostring(svg, encoding="unicode")


def _canvas(layout: Layout, title: str) -> Element:
    svg = Element("svg", xmlns="http://www.w3.org/2000/svg", role="img", style="max-width: 100%; height: auto")
    svg.set("viewBox", f"0 0 {layout.width:.1f} {layout.height:.1f}")
    svg.set("width", f"{ZOOM * layout.width:.0f}")
    svg.set("height", f"{ZOOM * layout.height:.0f}")
    svg.set("aria-label", title)
    svg.set("font-family", "system-ui, sans-serif")
    svg.set("font-size", f"{FONT_SIZE:g}")
    SubElement(svg, "title").text = title
    return svg


def _draw_curve(svg: Element, curve: Curve) -> None:
    start, *rest = (f"{x:.1f} {y:.1f}" for x, y in curve.points)
    path = SubElement(svg, "path", d=f"M{start}C{' '.join(rest)}", fill="none", stroke=STYLES[curve.kind].line)
    path.set("stroke-opacity", "0.8")
    path.set("stroke-width", "1.2")


def _draw_head(svg: Element, box: Box) -> None:
    x, y = box.left, box.y
    points = f"{x:.1f},{y:.1f} {x - HEAD:.1f},{y - HEAD / 2:.1f} {x - HEAD:.1f},{y + HEAD / 2:.1f}"
    SubElement(svg, "polygon", points=points, fill=OUTSIDE)


def _draw_box(svg: Element, box: Box) -> None:
    style = STYLES[box.node.kind]
    group = SubElement(svg, "g")
    SubElement(group, "title").text = printable(box.node.label)
    SubElement(
        group, "rect", x=f"{box.left:.1f}", y=f"{box.y - box.height / 2:.1f}", width=f"{box.width:.1f}",
        height=f"{box.height:.1f}", rx=f"{box.radius:g}", fill=style.fill, stroke=style.line,
    )  # fmt: skip
    text = SubElement(group, "text", x=f"{box.x:.1f}", y=f"{box.y:.1f}", fill=INK)
    text.set("text-anchor", "middle")
    text.set("dominant-baseline", "central")
    text.text = box.text


def _draw_legend(svg: Element, entry: LegendEntry) -> None:
    style = STYLES[entry.kind]
    SubElement(
        svg, "rect", x=f"{entry.x - 6:.1f}", y=f"{entry.y - 5:.1f}", width="12", height="10", rx="3",
        fill=style.fill, stroke=style.line,
    )  # fmt: skip
    text = SubElement(svg, "text", x=f"{entry.text_x:.1f}", y=f"{entry.y:.1f}", fill=OUTSIDE)
    text.set("dominant-baseline", "central")
    text.text = style.legend
