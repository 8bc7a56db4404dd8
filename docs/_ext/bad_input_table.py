"""The table of bad input: every mistake of the tests is made while the pages are built, and its message shown."""

import re
import sys
import tempfile
import warnings
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
HEAD = ("Mistake", "Raised", "Message")
WIDTHS = (30, 15, 55)
# Characters of a message that are shown.
LONGEST = 230


class BadInputTable(SphinxDirective):
    """List the mistakes of tests/bad_input; with the argument "warned", what is accepted with a warning."""

    optional_arguments = 1

    def run(self):
        sys.path.insert(0, str(ROOT))
        try:
            from tests.bad_input import SECTIONS, WARNED
        finally:
            sys.path.remove(str(ROOT))
        if self.arguments == ["warned"]:
            return [table_of([(row.what, *warned(row)) for row in WARNED])]
        found = []
        for title, rows in SECTIONS.items():
            found += [nodes.rubric(text=title), table_of([(row.what, *raised(row)) for row in rows])]
        return found


def raised(row):
    """Make a mistake; return the name of the error and its message."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            row.build()
    except row.error as error:
        return name_of(type(error)), shortened(str(error))
    raise AssertionError(f"{row.what}: nothing was raised")


def warned(row):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        row.build()
    for warning in caught:
        if issubclass(warning.category, row.error) and re.search(row.message, str(warning.message)):
            return name_of(warning.category), shortened(str(warning.message))
    raise AssertionError(f"{row.what}: there was no warning")


def name_of(error):
    # scikit-learn's subclass of both, which is no public name
    return "ValueError" if error.__name__ == "InvalidParameterError" else error.__name__


def shortened(message):
    """Return a message in one line, shortened, without local folders."""
    message = re.sub(rf"{re.escape(tempfile.gettempdir())}/\w+", "folder", message)
    message = re.sub(r" at 0x[0-9a-f]+", "", " ".join(message.split()))
    return message if len(message) <= LONGEST else f"{message[:LONGEST].rsplit(' ', 1)[0]} ..."


def table_of(rows):
    table = nodes.table(classes=["bad-input"])
    group = nodes.tgroup(cols=len(HEAD))
    group += [nodes.colspec(colwidth=width) for width in WIDTHS]
    group += nodes.thead("", line_of([nodes.paragraph(text=text) for text in HEAD]))
    body = nodes.tbody()
    for what, error, message in rows:
        said = code(what) if "=" in what else nodes.paragraph(text=what)
        body += line_of([said, code(error), code(message)])
    group += body
    table += group
    return table


def code(text):
    return nodes.paragraph("", "", nodes.literal(text=text))


def line_of(cells):
    line = nodes.row()
    line += [nodes.entry("", cell) for cell in cells]
    return line


def setup(app):
    app.add_directive("bad-input-table", BadInputTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
