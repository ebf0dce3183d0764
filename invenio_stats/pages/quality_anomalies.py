"""Write the section of the page of data quality about unusual days and months."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from flask_babel import gettext as _

from invenio_stats.core.anomalies import Anomaly
from invenio_stats.core.periods import Days
from invenio_stats.items.access import Identity
from invenio_stats.items.shown import describe_readable
from invenio_stats.pages import wording
from invenio_stats.pages.tables import Column, Part, Row, Table
from invenio_stats.proxies import current_stats

ANOMALIES_SHOWN = 20
"""Of the unusual days; a file has all of them."""


class ShownAnomaly(NamedTuple):
    """An unusual day or month, as somebody may see it."""

    anomaly: Anomaly
    about: str
    """What it is about; without a name that the reader may not know."""
    value: str | None
    """The item, class, country or host; None if the reader may not know it."""


def describe(found: Sequence[Anomaly], identity: Identity) -> list[ShownAnomaly]:
    """Return what an identity may see of unusual days and months.

    Items have their titles for those who may read them. Countries and hosts are named for administrators alone: what is
    public of them are whole months, of which small numbers are folded. Customers are administrators' business.
    """
    is_administrator = current_stats.access.is_administrator(identity)
    if not is_administrator:
        found = [anomaly for anomaly in found if anomaly.what != "customer"]
    items = [anomaly.value for anomaly in found if anomaly.what == "item"]
    metadata = current_stats.item_metadata
    known = describe_readable(current_stats.access, metadata, identity, items) if items else {}
    titles = {item: shown.metadata.title or item for item, shown in known.items()}
    return [ShownAnomaly(anomaly, *_describe(anomaly, titles, is_administrator)) for anomaly in found]


def _describe(anomaly: Anomaly, titles: Mapping[str, str], is_administrator: bool) -> tuple[str, str | None]:
    value = anomaly.value
    if anomaly.what == "item":
        title = titles.get(value, _("A restricted record"))
        return _("Uses of a record: %(title)s", title=title), value if value in titles else None
    if anomaly.what == "agent_class":
        return _name_class(value), value
    if anomaly.what == "repository":
        return _("Uses of all records"), value
    if anomaly.what == "customer":
        return _("Requests of a customer: %(customer)s", customer=value), value
    if anomaly.what == "country":
        return _describe_country(value, is_administrator), value if is_administrator else None
    return _describe_host(value, is_administrator), value if is_administrator else None


def _describe_country(country: str, is_named: bool) -> str:
    if not is_named:
        return _("Uses from one country")
    if not country:
        return _("Uses from an unknown country")
    return _("Uses from %(country)s", country=wording.write_country(country))


def _describe_host(host: str, is_named: bool) -> str:
    if not is_named:
        return _("Uses that came from one site")
    return _("Uses that came from %(host)s", host=host) if host else _("Uses that came from no known site")


def _name_class(agent_class: str) -> str:
    known = {
        "people": _("Uses by all visitors together"),
        "robot": _("Clicks of robots"),
        "ai": _("Clicks of AI agents"),
        "machine": _("Clicks of scripts and tools"),
    }
    return known.get(agent_class, agent_class)


def show_anomalies(part: Part, found: Sequence[ShownAnomaly], days: Days, now: datetime) -> Part:
    """Return the latest unusual days and months, and what a person has decided."""
    if not found:
        return part._replace(about=_("No day was found to be unusual."))
    columns = [
        Column(_("Day"), ""),
        Column(_("What"), ""),
        Column(_("Clicks")),
        Column(_("Usually"), "n x"),
        Column(_("Decision"), ""),
    ]
    rows = [
        Row(
            _write_period(line.anomaly),
            [
                line.about,
                wording.write_number(line.anomaly.number),
                wording.write_number(round(line.anomaly.usual)),
                _write_decision(line.anomaly),
            ],
        )
        for line in found[:ANOMALIES_SHOWN]
    ]
    notes = []
    if len(found) > len(rows):
        notes.append(_("The files have all %(count)s.", count=wording.write_number(len(found))))
    about = _("Found at night; a person decides. What is excluded can be brought back.")
    return part._replace(about=about, notes=notes, table=Table(part.title, columns, rows))


def _write_period(anomaly: Anomaly) -> str:
    if anomaly.is_day:
        return wording.write_short(date.fromisoformat(anomaly.period), "medium")
    return wording.write_short(date.fromisoformat(f"{anomaly.period}-01"), "LLL yyyy")


def _write_decision(anomaly: Anomaly) -> str:
    if anomaly.state == "excluded":
        return _("excluded: %(note)s", note=anomaly.note) if anomaly.note else _("excluded")
    if anomaly.state == "kept":
        return _("kept: %(note)s", note=anomaly.note) if anomaly.note else _("kept")
    return _("waits for a decision")


def list_anomalies(found: Sequence[ShownAnomaly]) -> Iterable[Mapping[str, Any]]:
    """Return a row for each, with the same for the same reader."""
    for line in found:
        anomaly = line.anomaly
        yield {
            "period": anomaly.period,
            "kind": anomaly.what,
            "value": line.value,
            "clicks": anomaly.number,
            "usually": anomaly.usual,
            "spike": anomaly.spike,
            "state": anomaly.state,
            "note": anomaly.note,
        }
