"""The pages of the reference: what they list exists, is listed once, and has all that users import."""

import importlib
import re
from collections import Counter
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("api.rst", "api_developers.rst")
# what users need of these rooms is all that they export
WHOLE = (
    "",
    "datasets",
    "exceptions",
    "export",
    "inspection",
    "metrics",
    "model_selection",
    "sampling",
    "semi_supervised",
)


def listed():
    """Return the names of both pages as (module, name)."""
    found = []
    for page in PAGES:
        module = None
        for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
            if line.startswith(".. currentmodule::"):
                module = line.split("::")[1].strip()
            elif re.fullmatch(r"   \w+", line):
                found.append((module, line.strip()))
    return found


def test_every_listed_name_can_be_imported():
    names = listed()
    assert len(names) > 100
    assert [pair for pair in names if not hasattr(importlib.import_module(pair[0]), pair[1])] == []


def test_no_name_is_listed_twice():
    assert [pair for pair, count in Counter(listed()).items() if count > 1] == []


@pytest.mark.parametrize("room", WHOLE)
def test_all_exports_of_a_room_are_listed(room):
    module = importlib.import_module(f"sklearn_mtl.{room}" if room else "sklearn_mtl")
    names = {name for module_name, name in listed() if module_name == module.__name__}
    assert set(module.__all__) - {"__version__"} - names == set()


def test_every_page_of_the_guide_is_in_one_section():
    sections = [DOCS / f"{name}.rst" for name in ("index", "start", "recipes", "methods", "more")]
    entries = Counter(
        match[1]
        for section in sections
        for match in re.finditer(
            r"^   (?:\w+ <)?user_guide/(\w+)>?$", section.read_text(encoding="utf-8"), re.MULTILINE
        )
    )
    pages = {path.stem for path in (DOCS / "user_guide").glob("*.rst")}
    assert set(entries) == pages
    assert max(entries.values()) == 1
