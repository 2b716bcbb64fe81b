"""Settings of the documentation: ``python -m sphinx -W docs build/docs``."""

import re
from importlib.metadata import version as version_of

project = "quasinewton"
author = "The quasinewton developers"
release = version = version_of("quasinewton")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc"]
html_theme = "alabaster"

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # the docstrings say more
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False


def escape_bars(app, what, name, obj, options, lines):
    """Let docstrings write |f|, which reStructuredText takes for a substitution."""
    for i, line in enumerate(lines):
        if "``" not in line and ">>>" not in line:
            lines[i] = re.sub(r"(?<![\\_])\|(?!_)", r"\\|", line)


def setup(app):
    """Connect what is defined here; after numpydoc, whose handler has priority 500."""
    app.connect("autodoc-process-docstring", escape_bars, priority=600)
