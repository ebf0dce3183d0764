"""Define the commands about finished days: `invenio stats daily` and `gaps`."""

import json
from collections.abc import Sequence

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _

from invenio_stats.cli.options import as_json, event_types, report
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.cli.tables import Table, print_table
from invenio_stats.core.moments import iso_zoned
from invenio_stats.operations import daily
from invenio_stats.operations.monitoring import gaps


@click.command("daily")
@as_json
@with_appcontext
def daily_command(as_json: bool) -> None:
    """Do what StatsDailyTask does, in this process: what is due once for each finished day, such as finding gaps."""
    report(daily.run_all(), as_json, str, _("All steps are done."))


@click.command("gaps")
@event_types
@as_json
@with_appcontext
@explain_errors()
def gaps_command(event_types: Sequence[str], as_json: bool) -> None:
    """Print the days of which events of EVENT_TYPES (default: all) are missing, as StatsDailyTask has found them."""
    found = gaps.stored(event_types)
    if as_json:
        lines = {
            name: {"found": line.found and iso_zoned(line.found), "gaps": [gap.as_dict() for gap in line.gaps]}
            for name, line in found.items()
        }
        click.echo(json.dumps(lines, indent=2))
        return
    rows = [
        [gap.event_type, gap.first.isoformat(), gap.last.isoformat(), gap.reason]
        for line in found.values()
        for gap in line.gaps
    ]
    if rows:
        columns = [_("event type"), _("from"), _("to"), _("reason")]
        print_table(Table(_("Days of which events are missing"), columns, rows))
    else:
        click.echo(_("No events of finished days are known to be missing."))
    never = [name for name, line in found.items() if line.found is None]
    if never:
        click.echo(_("Nobody has looked for gaps of: %(names)s. Run `stats daily`.", names=", ".join(never)))
