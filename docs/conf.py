"""Settings of the site: ``python -m sphinx -W docs build/docs``."""

import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "quasinewton"
author = copyright = "The quasinewton developers"
release = version = version_of("quasinewton")

extensions = [
    *("myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc"),
    *("sphinx_copybutton", "sphinx_gallery.gen_gallery", "option_tables"),
]
exclude_patterns = ["extensions"]

html_theme = "furo"
html_title = "quasinewton"
html_logo = html_favicon = "static/logo.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # the docstrings say more
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Examples named plot_* are run, and their pictures are shown; the others take long, or need a
# cluster or another process, and are shown as text. All of them run in the tests.
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "gallery_order.PicturesFirst",
    "default_thumb_file": str(Path(__file__).parent / "static" / "script.svg"),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,
    "min_reported_time": 3600.0,  # seconds; times on the machine that builds the site mean little
    "plot_gallery": "True",
    "image_srcset": ["2x"],
    "capture_repr": (),
    "nested_sections": False,
    "backreferences_dir": None,
    "reset_modules": ("matplotlib", "gallery_order.plain_pictures"),
}


def escape_bars(app, what, name, obj, options, lines):
    """Let docstrings write |f|, which reStructuredText takes for a substitution."""
    for i, line in enumerate(lines):
        if "``" not in line and ">>>" not in line:
            lines[i] = re.sub(r"(?<![\\_])\|(?!_)", r"\\|", line)


def link_to_gallery(app, document, source):
    """Turn links to files in examples/, as code hosts follow them, into links to the gallery."""
    source[0] = re.sub(
        r"\]\(\.\./((?:\.\./)*)examples/(?:(\w+)\.py)?\)",
        lambda link: f"]({link[1]}gallery/{link[2] or 'index'}.rst)",
        source[0],
    )


def setup(app):
    """Connect what is defined here; after numpydoc, whose handler has priority 500."""
    app.connect("source-read", link_to_gallery)
    app.connect("autodoc-process-docstring", escape_bars, priority=600)
