"""Summaries in the tables of the reference, without the keys of citations that docstrings have there."""

import re

from sphinx.ext import autosummary

# as written, and as numpydoc has renamed it
CITATIONS = re.compile(r"(?:,?\s*\[\w[\w-]*\]_)+")
extract_summary = autosummary.extract_summary


def without_citations(doc, settings):
    """Return the first sentence of a docstring, without its citations."""
    return CITATIONS.sub("", extract_summary(doc, settings))


def setup(app):
    autosummary.extract_summary = without_citations
    return {"parallel_read_safe": True, "parallel_write_safe": True}
