"""Formulas as MathML, which browsers show by themselves: no script, no network."""

import re

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml

# Docutils sets an index under a letter that has an accent; it belongs beside the letter.
ACCENT_ABOVE_INDEX = re.compile(
    r"<munderover>\s*(<m[in]>[^<]*</m[in]>)\s*(<m[in]>[^<]*</m[in]>)\s*(<mo[^>]*>[~\u02c6\u00af\u02d9]</mo>)\s*</munderover>"
)


def mathml(text):
    """Return a formula in LaTeX as MathML."""
    return ACCENT_ABOVE_INDEX.sub(r'<msub><mover accent="true">\1\3</mover>\2</msub>', tex2mathml(text))


def visit_inline(translator, node):
    translator.body.append(mathml(node.astext()))
    raise SkipNode


def visit_block(translator, node):
    # as_block=True would lay out an equation as a table, flush right
    translator.body.append(mathml(node.astext()).replace("<math ", '<math display="block" ', 1))
    raise SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
