"""Configuration of Sphinx."""

import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import matplotlib

matplotlib.use("agg")

from sklearn_mtl import __version__

project = "sklearn_mtl"
author = "the sklearn_mtl developers"
project_copyright = f"2026, {author}"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx_copybutton",
    "sphinx_design",
    "matplotlib.sphinxext.plot_directive",
    "mathml",
    "bad_input_table",
    "figures_table",
    "summaries",
    "words",
]
exclude_patterns = ["_build", "examples"]
templates_path = ["_templates"]
# what is in single backticks is a name of the API, as in scikit-learn's docstrings
default_role = "py:obj"
add_module_names = False
toc_object_entries_show_parents = "hide"

autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
# the class template lists the methods
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

# Names of other packages become links where their inventories can be fetched; a build needs no network otherwise.
intersphinx_mapping = (
    {
        "sklearn": ("https://scikit-learn.org/stable/", None),
        "torch": ("https://docs.pytorch.org/docs/stable/", None),
        "skorch": ("https://skorch.readthedocs.io/en/stable/", None),
        "pandas": ("https://pandas.pydata.org/docs/", None),
        "numpy": ("https://numpy.org/doc/stable/", None),
    }
    if os.environ.get("SKLEARN_MTL_INTERSPHINX") == "1"
    else {}
)

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "gallery_order.FirstSteps",
    "show_memory": False,
    "min_reported_time": 1,
    "write_computation_times": False,
    "download_all_examples": False,
    # "Examples using ..." on the pages of classes and functions
    "doc_module": ("sklearn_mtl",),
    "reference_url": {"sklearn_mtl": None},
    "backreferences_dir": "api/generated/examples",
    "thumbnail_size": (560, 400),
    # a notebook also runs where the package is not installed, such as in Colab
    "first_notebook_cell": '%pip install --quiet "sklearn-mtl[plots,progress,demo]"',
}

plot_include_source = False
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 110)]

html_theme = "pydata_sphinx_theme"
html_title = "sklearn_mtl"
html_show_sourcelink = False
# what the theme chooses anyway; unset, it complains in the console
html_context = {"default_mode": "auto"}
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_sidebars = {"index": [], "user_guide/large": []}
html_theme_options = {
    "logo": {"text": "sklearn_mtl"},
    "show_toc_level": 2,
    "header_links_before_dropdown": 7,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc", "sg_download_links"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def _without_foreign_references(app, what, name, obj, options, lines):
    """Keep the words of references to scikit-learn's own pages, which methods inherited from it have."""
    if not (getattr(obj, "__module__", "") or "").startswith("sklearn_mtl"):
        role = re.compile(r":(?:ref|term|doc):`([^`<]*?)(?:\s*<[^>]*>)?`")
        # a word that ends with an underscore would be a reference again
        lines[:] = [role.sub(lambda match: match[1].replace("_", r"\_"), line) for line in lines]


def setup(app):
    app.connect("autodoc-process-docstring", _without_foreign_references)
