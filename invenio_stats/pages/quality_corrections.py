"""Write the section of the page of data quality about corrections of published numbers."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from babel.lists import format_list
from flask_babel import gettext as _

from invenio_stats.core.moments import iso_zoned
from invenio_stats.core.periods import Days
from invenio_stats.operations.corrections import Correction, explain_kind
from invenio_stats.pages import wording
from invenio_stats.pages.tables import Column, Part, Row, Table

CORRECTIONS_SHOWN = 20
"""Of the corrections; a file has all of them."""
MONTHS_SHOWN = 3
"""Of the months that a correction has changed."""


def show_corrections(part: Part, found: Sequence[Correction], days: Days, now: datetime) -> Part:
    """Return the latest corrections: when, what, by which command, and how much of each month has changed."""
    if not found:
        return part._replace(about=_("No number was ever corrected."))
    columns = [
        Column(_("When"), ""),
        Column(_("What"), ""),
        Column(_("Change by month"), ""),
        Column(_("Command"), "x"),
    ]
    rows = [
        Row(
            wording.write_short(line.timestamp.date(), "medium"),
            [f"{explain_kind(line.kind)}: {line.summary}", _write_months(line), line.command],
        )
        for line in found[:CORRECTIONS_SHOWN]
    ]
    notes = []
    if len(found) > len(rows):
        notes.append(_("The files have all %(count)s corrections.", count=wording.write_number(len(found))))
    about = _("Numbers that had been published, and were changed later.")
    return part._replace(about=about, notes=notes, table=Table(part.title, columns, rows))


def _write_months(line: Correction) -> str:
    """Return how much the first months have changed, and how many further ones."""
    texts = [f"{_write_month(month)}: {_write_changes(changes)}" for month, changes in line.months.items()]
    if not texts:
        return wording.NO_NUMBER
    if len(texts) > MONTHS_SHOWN:
        count = wording.write_number(len(texts) - MONTHS_SHOWN)
        texts = [*texts[:MONTHS_SHOWN], _("and %(count)s more months", count=count)]
    return "; ".join(texts)


def _write_month(month: str) -> str:
    """Return the name of a month, or a year as it is."""
    if len(month) == len("2026"):
        return month
    return wording.write_short(date.fromisoformat(f"{month}-01"), "LLL yyyy")


def _write_changes(changes: Mapping[str, int]) -> str:
    texts = [f"{_name_number(name)} {_write_change(change)}" for name, change in changes.items()]
    return format_list(texts, style="unit", locale=wording.locale()) if texts else wording.NO_NUMBER


def _name_number(name: str) -> str:
    known = {
        "views": _("views"),
        "downloads": _("downloads"),
        "searches": _("searches"),
        "events": _("events"),
        "totals": _("totals"),
    }
    return known.get(name, name.replace("_", " "))


def _write_change(change: int) -> str:
    number = wording.write_number(abs(change))
    return f"+{number}" if change > 0 else f"\u2212{number}" if change < 0 else number


def list_corrections(found: Sequence[Correction]) -> Iterable[Mapping[str, Any]]:
    """Return a row for each correction, number and month; for one that has changed none, a row without them."""
    for line in found:
        facts = {
            "time": iso_zoned(line.timestamp),
            "kind": line.kind,
            "summary": line.summary,
            "command": line.command,
        }
        changes = [
            {"month": month, "number": name, "change": change}
            for month, numbers in line.months.items()
            for name, change in numbers.items()
        ]
        yield from ({**facts, **change} for change in changes or [{"month": None, "number": None, "change": None}])
