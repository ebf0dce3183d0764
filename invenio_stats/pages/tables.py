"""The parts of a page in the form in which the templates write them: texts, addresses and pictures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from flask import current_app, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup

from invenio_stats.exports.files import formats
from invenio_stats.pages.parameters import link_to


class Link(NamedTuple):
    """An address with its text."""

    text: str
    url: str
    label: str | None = None
    """What assistive technology reads, if it is more than the text; it contains the text."""
    is_current: bool = False


class Column(NamedTuple):
    """The heading of a column."""

    title: str
    css: str = "n"
    """`n` for numbers, `x` if it is hidden on phones, nothing for texts."""


class Row(NamedTuple):
    """A row: its name, and texts by column."""

    name: str
    cells: Sequence[str | Markup]
    url: str | None = None
    note: str = ""
    rank: int | None = None
    picture: Markup = Markup()
    """Below the name, or before it in tables without ranks."""


class Table(NamedTuple):
    """A table with numbers."""

    caption: str
    columns: Sequence[Column]
    """The first one is that of names."""
    rows: Sequence[Row]
    foot: Row | None = None


class Part(NamedTuple):
    """A section of a page: a heading, and what answers its question."""

    id: str
    title: str
    table: Table | None = None
    about: str = ""
    """A sentence below the heading."""
    notes: Sequence[str | Link] = ()
    """Sentences below the picture or table."""
    files: Sequence[Link] = ()
    links: Sequence[Link] = ()
    """To more of the same."""
    notice: "Notice | None" = None
    is_failed: bool = False


class Figure(NamedTuple):
    """A chart with its table twin."""

    part: Part
    picture: Markup
    key: Sequence[tuple[Markup, str]] = ()
    is_key_slim: bool = False
    """Whether the key is for narrow charts only, because wide ones have names at their right end."""


class Notice(NamedTuple):
    """What stands above the numbers, or in place of them."""

    title: str
    text: str
    link: Link | None = None
    is_plain: bool = False
    """Whether nothing is wrong."""


class KeyNumber(NamedTuple):
    """One of the few numbers that matter."""

    name: str
    number: str
    lines: Sequence[str]
    css: str = ""


def make_files(title: str, query: str, params: Mapping[str, Any]) -> list[Link]:
    """Return the links to the same numbers as files of the REST API; of a list, a file has all rows."""
    kept = {name: value for name, value in params.items() if name not in ("page", "size", "after") and value}
    return name_files(title, lambda known: link_to_file(query, {**kept, "format": known}))


def name_files(title: str, address: Callable[[str], str]) -> list[Link]:
    """Return the links to files in all formats that can be written; `address` gives that of a format."""
    names = {"csv": "CSV", "xlsx": "Excel", "json": "JSON"}
    return [
        Link(names[known], address(known), _("Download %(title)s: %(format)s", title=title, format=names[known]))
        for known in names
        if known in formats()
    ]


def link_to_file(query: str, params: Mapping[str, Any]) -> str:
    """Return the address of a query in the REST API, which may be an application of its own."""
    if "invenio_stats.answer" in current_app.view_functions:
        return url_for("invenio_stats.answer", query=query, **params)
    api = str(current_app.config["STATS_PAGES_API_URL"])
    root = request.script_root if api.startswith("/") else ""
    return link_to(f"{root}{api}/{query}", params)
