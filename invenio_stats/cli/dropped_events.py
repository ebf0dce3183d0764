"""Define the command that shows which events are not counted: `invenio stats events dropped`."""

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.cli.options import as_json, check_range, event_types, first_of_days, from_option, to_option
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.cli.tables import print_table, table_of_facts
from invenio_stats.operations.monitoring import ingest_counters as counters

_DEFAULT_DAYS = 7


@click.command("dropped")
@event_types
@from_option("Default: a week before the last date.")
@to_option("Default: today.")
@as_json
@with_appcontext
@explain_errors()
def events_dropped(event_types: Sequence[str], first: datetime | None, last: datetime | None, as_json: bool) -> None:
    """Print how many events of EVENT_TYPES (default: all) are not counted, by day and reason.

    They were dropped by a rule (robot, ai, machine, preprocessor), merged with another click, dead-lettered, or refused
    because neither the broker nor the spool stored them; or they were not built, because the visitor objects. The day
    is that of processing, refusal or objection. Events without an item (without_item), which the usage of items leaves
    out, are shown under their own day.
    """
    end = last.date() if last else datetime.now(timezone.utc).date()
    start = first.date() if first else first_of_days(end, _DEFAULT_DAYS)
    check_range(start, end)
    days = _by_day(counters.lines(current_search_client, start, end, event_types))
    if as_json:
        click.echo(json.dumps({"from": start.isoformat(), "to": end.isoformat(), "days": days}, indent=2))
        return
    rows = {f"{day} {name}": reasons for day, types in days.items() for name, reasons in types.items()}
    if rows:
        print_table(table_of_facts(_("Events that are not counted"), _("day and event type"), rows))
    elif start == end:
        click.echo(_("Nothing was dropped or rejected on %(day)s.", day=start))
    else:
        click.echo(_("Nothing was dropped or rejected from %(first)s to %(last)s.", first=start, last=end))


def _by_day(lines: Sequence[counters.Line]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the counters by day, event type and reason."""
    days: dict[str, dict[str, dict[str, Any]]] = {}
    for line in lines:
        days.setdefault(line.day.isoformat(), {}).setdefault(line.event_type, {})[line.reason] = line.count
    return days
