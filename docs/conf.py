"""How `make docs` builds the site: every page stands where it is kept, and a warning is an error.

The source folder is the repository, so that guides beside the code, notebooks and pages under docs/ are one site and
their links work on GitHub as well. Nothing is fetched while it is built, and no page asks for anything elsewhere.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "widgets")]

import p2plab  # noqa: E402  (found once the path is set)

project = "p2plab"
author = copyright = "p2plab contributors"
version = release = p2plab.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = [
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *("docs/**", "p2plab/**.md", "notebooks/*.ipynb", "notebooks/**/*.ipynb"),
]
exclude_patterns = ["docs/site", "**/.ipynb_checkpoints"]

html_theme = "furo"
html_title = "p2plab"
html_extra_path = ["site"]  # the way from the top to docs/index.html
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"

myst_heading_anchors = 3  # links such as [page](page.md#a-heading), as GitHub makes them
myst_enable_extensions = ["colon_fence"]
nb_execution_mode = "off"  # notebooks show what `make notebooks` compares
nb_ipywidgets_js: dict[str, Any] = {}  # the widgets' text or SVG face, without a script from elsewhere
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "inherited-members": True, "show-inheritance": False}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [
    (f"Settings of {world} {what}", "params_style") for world in ("mock", "real") for what in ("labs", "nodes")
]
