"""Sphinx configuration: MyST markdown, numpydoc docstrings, the furo theme.

Build with ``sphinx-build -W --keep-going -b html docs build/docs``. Run the examples, those of the docstrings included,
with ``sphinx-build -W --keep-going -b doctest docs build/doctest``. Neither needs the network.
"""

from pathlib import Path

import autoarch

HERE = Path(__file__).resolve().parent

project = "autoarch"
author = "the autoarch developers"
copyright = f"2025, {author}"  # noqa: A001  # Sphinx asks for this name
version = release = autoarch.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
]
exclude_patterns = ["_build", "changelog.d"]  # fragments are read by people who write the changelog

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say what the types mean
numpydoc_show_class_members = False  # api.md lists the members that are meant for users
nitpicky = False

# Examples draw on scikit-learn's own data and print nothing that a clock decides.
doctest_global_setup = """
import warnings
import numpy as np
import pandas as pd
warnings.simplefilter("error", FutureWarning)
"""

html_theme = "furo"
html_title = f"autoarch {version}"
html_static_path = ["_static"] if (HERE / "_static").is_dir() else []
