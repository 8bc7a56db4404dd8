"""The SVG of a flow."""

from xml.etree import ElementTree

from sklearn_mtl.diagram._layout import STYLES, lay_out
from sklearn_mtl.diagram._svg import INK, OUTSIDE, flow_svg

from .flows import flows, mixture

SVG = "{http://www.w3.org/2000/svg}"


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
