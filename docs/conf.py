"""How the documentation is built: `sphinx-build -W -n docs docs/_build`."""

import sys
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

project = "invenio-stats"
author = "invenio-stats contributors"
copyright = author  # noqa: A001 - the name is Sphinx's
version = release = import_module("invenio_stats").__version__

extensions = ["sphinx.ext.autodoc"]
needs_sphinx = "7.0"
exclude_patterns = ["_build"]

# What stands between single backticks in a docstring is code.
default_role = "code"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
# The page of a thing that others made is on their site, which is not asked while this is built.
nitpick_ignore_regex = [(r"py:.*", r"(?!invenio_stats).*")]

html_theme = "alabaster"
html_theme_options = {
    "description": "Usage statistics for Invenio: counted by COUNTER's rules, kept private, never lost.",
    "fixed_sidebar": True,
    "page_width": "60rem",
}
html_show_sourcelink = False
