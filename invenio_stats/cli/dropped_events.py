"""Show which events do not count: `invenio stats events dropped`."""

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from invenio_search import current_search_client
from invenio_search.engine import search
from rich.console import Console

from invenio_stats.cli.options import as_json, check_range, event_types, from_option, table, to_option
from invenio_stats.operations.monitoring import ingest_counters as counters

_DAYS = 7


@click.command("dropped")
@event_types
@from_option("Default: a week.")
@to_option("Default: today.")
@as_json
@with_appcontext
def events_dropped(event_types: Sequence[str], first: datetime | None, last: datetime | None, as_json: bool) -> None:
    """Print how many events of EVENT_TYPES (all, unless some are named) count for nobody, by day and reason.

    They were dropped by a rule (robot, ai, machine, preprocessor), were one with another click, are dead letters, or
    were refused because neither broker nor spool took them. The day is the one they were processed or refused on.
    """
    end = last.date() if last else datetime.now(timezone.utc).date()
    start = first.date() if first else end - timedelta(days=_DAYS - 1)
    check_range(start, end)
    found = _by_day(_read(start, end, event_types))
    if as_json:
        click.echo(json.dumps({"from": start.isoformat(), "to": end.isoformat(), "days": found}, indent=2))
        return
    rows = {f"{day} {name}": reasons for day, types in found.items() for name, reasons in types.items()}
    if rows:
        Console().print(table(_("Events that count for nobody"), _("day and event type"), rows))
    else:
        click.echo(_("Nothing was dropped or rejected from %(first)s to %(last)s.", first=start, last=end))


def _read(first: date, last: date, event_types: Sequence[str]) -> list[counters.Line]:
    try:
        return counters.lines(current_search_client, first, last, event_types)
    except (search.exceptions.TransportError, search.helpers.ScanError) as error:
        raise click.ClickException(
            _("The search engine does not answer (%(error)s), see SEARCH_HOSTS.", error=type(error).__name__)
        ) from error


def _by_day(lines: Sequence[counters.Line]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the counters by day, event type and reason."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for line in lines:
        found.setdefault(line.day.isoformat(), {}).setdefault(line.event_type, {})[line.reason] = line.count
    return found
