"""Settings of the documentation: ``python -m sphinx -W docs docs/_build``."""

from importlib.metadata import version as version_of

project = "quasinewton"
author = "The quasinewton developers"
release = version = version_of("quasinewton")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc"]
exclude_patterns = ["_build"]
html_theme = "alabaster"

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # the docstrings say more
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
