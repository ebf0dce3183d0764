"""Fill a template of the pages: the frame of the instance around it, the local menu, and the style sheet."""

from importlib.metadata import version
from typing import Any

from flask import current_app, render_template, request, url_for

from invenio_stats.pages.frame import BLUEPRINT, make_menu


def render_page(template: str, heading: str, **context: Any) -> str:
    """Return a page as HTML; `context` is what its own template needs."""
    base = current_app.config["STATS_PAGES_BASE_TEMPLATE"] or current_app.config.get("BASE_TEMPLATE")
    return render_template(
        f"invenio_stats/{template}.html",
        base_template=base or "invenio_stats/base.html",
        style_sheet=link_to_style_sheet(),
        heading=heading,
        menu=make_menu(str(request.endpoint).rpartition(".")[2]),
        **context,
    )


def link_to_style_sheet() -> str:
    """Return the address of the only file that pages and widgets need; each release has another."""
    return url_for(f"{BLUEPRINT}.static", filename="stats.css", v=version("invenio-stats"))
