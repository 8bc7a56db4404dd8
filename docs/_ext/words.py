"""The glossary: the table of words in CONTRIBUTING.md, so that both say the same."""

import re
from pathlib import Path

from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"
SECTION = re.compile(r"^## Words$(.*?)^## ", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| *([^|]+?) *\| *([^|]+?) *\|$", re.MULTILINE)


def words():
    """Return the words and their meanings, in alphabetical order."""
    section = SECTION.search(CONTRIBUTING.read_text(encoding="utf-8"))
    if section is None:
        raise ValueError(f"{CONTRIBUTING.name} has no section 'Words'")
    rows = ROW.findall(section[1])
    # the first two rows are the head of the table and its line
    found = [(word, re.sub(r"`([^`]+)`", r"``\1``", meaning)) for word, meaning in rows[2:]]
    if not found:
        raise ValueError(f"the section 'Words' of {CONTRIBUTING.name} has no table")
    return sorted(found)


class Words(SphinxDirective):
    """Make a glossary of the words of CONTRIBUTING.md, and of the content, which has the same form."""

    has_content = True

    def run(self):
        self.env.note_dependency(str(CONTRIBUTING))
        lines = [".. glossary::", "   :sorted:", ""]
        for word, meaning in words():
            lines += [f"   {word}", f"      {meaning[0].upper()}{meaning[1:]}.", ""]
        lines += [f"   {line}" for line in self.content]
        return self.parse_text_to_nodes("\n".join(StringList(lines, str(CONTRIBUTING))))


def setup(app):
    app.add_directive("words", Words)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
