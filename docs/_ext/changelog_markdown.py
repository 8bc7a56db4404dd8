"""Read CHANGELOG.md as reStructuredText: headings, lists, code and links are all that it uses."""

import re

from docutils.parsers import rst


class Parser(rst.Parser):
    """Parser for the ``parser`` option of ``include``."""

    def parse(self, inputstring, document):
        super().parse("\n".join(_as_rst(line) for line in inputstring.splitlines()), document)


def _as_rst(line):
    heading = re.match(r"(#+) (.*)", line)
    if heading:
        hashes, title = heading.groups()
        return f"{title}\n{'=-~'[len(hashes) - 1] * len(title)}"
    line = re.sub(r"`([^`]+)`", r"``\1``", line)
    return re.sub(r"\[([^]]+)\]\(([^)]+)\)", r"`\1 <\2>`__", line)
