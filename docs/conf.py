"""Configuration of the documentation site; `make docs` builds it into build/docs."""

import alert

project = "ALERT"
author = "the ALERT developers"
release = version = alert.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_nb"]

# Pages are Markdown; the cells of those that are notebooks run at every build.
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_excludepatterns = ["notebooks/*"]  # they come with their outputs, see .ci/notebooks
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

# The reference comes from the docstrings; `name` in them is a link.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc writes them beside the parameters
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False

html_theme = "furo"
html_title = f"ALERT {release}"
html_static_path = ["static"]
html_css_files = ["alert.css"]
html_copy_source = False
html_show_copyright = False
