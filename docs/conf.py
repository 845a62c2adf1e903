"""Sphinx configuration: MyST markdown, numpydoc docstrings, a gallery of examples, the furo theme.

Build with ``sphinx-build -W --keep-going -b html docs build/docs``; this runs the examples, two at a time. Add
``-D plot_gallery=0`` to leave them out. Nothing needs the network: formulas are MathML, and the data are scikit-learn's
or generated. The snippets of pages and docstrings are run by ``tests/test_snippets.py``.
"""

import os
import sys
from pathlib import Path

import autoarch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))

project = "autoarch"
author = "the autoarch developers"
copyright = f"2025, {author}"  # noqa: A001  # Sphinx asks for this name
version = release = autoarch.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",  # shows sessions; they are run by the tests
    "sphinx_gallery.gen_gallery",
    "fragments",
    "mathml",
]
exclude_patterns = ["_build", "changelog.d", "_ext"]  # fragments are shown by the changelog
suppress_warnings = ["config.cache"]  # the gallery's settings hold a function, which is not cached

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say what the types mean
autosummary_generate = False  # the tables of api.md lead to entries on the same page
numpydoc_show_class_members = False  # api.md lists the members that are meant for users
nitpicky = False

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two examples run at a time
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "within_subsection_order": "FileNameSortKey",
    "filename_pattern": r"[/\\][0-9]_\w+[/\\][0-9]{2}_",
    "ignore_pattern": r"benchmarks",
    "parallel": 2,
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,
    "backreferences_dir": None,
    "min_reported_time": 0,
    "reset_modules": (),
}

html_theme = "furo"
html_title = f"autoarch {version}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
