"""The site: `sphinx-build -W --keep-going docs build/site`. Neither the build nor a page needs the network."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent / "_ext"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from snr_ref.conformance.clauses import SPECIFICATION_VERSION

project = "SNR"
author = "the authors of snr-reid"
copyright = author
version = release = f"specification {SPECIFICATION_VERSION}"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "mathml",
    "executed_examples",
    "included_source",
    "conformance_cases",
    "conformance_functions",
    "pictures",
    "gate_slider",
    "plain_docstrings",
    "linked_names",
    "command_line",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_ext", "_static", "examples", "data"]

myst_enable_extensions = ["dollarmath", "attrs_inline"]
myst_heading_anchors = 3
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # types of other packages, which have no pages here
default_role = "code"

smartquotes_action = "qe"  # not the dashes, which would make --options of one

math_renderer = html_math_renderer = "mathml"

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the signature has them, the docstring says what they mean
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = [
    ("Call arguments", "params_style"),
    "Input shape",
    "Output shape",
    "Weights",
    "Source",
    "Reference",
]
viewcode_follow_imported_members = True

html_theme = "furo"
html_title = "SNR"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_search_summary = False  # it is fetched, which a browser refuses where the site is opened from a disk
html_theme_options = {"navigation_with_keys": True}
