"""Define the commands for the log of corrections: `invenio stats corrections`."""

import json

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.cli.options import as_json
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.cli.tables import Table, format_change, print_table
from invenio_stats.core.moments import iso_zoned
from invenio_stats.operations.corrections import Correction, explain_kind, read_corrections


@click.group("corrections")
def corrections_group() -> None:
    """Show which published numbers were corrected."""


@corrections_group.command("list")
@as_json
@with_appcontext
@explain_errors()
def corrections_list(as_json: bool) -> None:
    """Print all corrections of published numbers, the latest first: when, what, by which command, how much."""
    found = read_corrections(current_search_client)
    if as_json:
        lines = [{**line._asdict(), "timestamp": iso_zoned(line.timestamp)} for line in found]
        click.echo(json.dumps(lines, indent=2))
        return
    if not found:
        click.echo(_("No number was ever corrected."))
        return
    columns = [_("time"), _("kind"), _("what"), _("command"), _("change by month")]
    rows = [
        [iso_zoned(line.timestamp), explain_kind(line.kind), line.summary, line.command, _changes(line)]
        for line in found
    ]
    print_table(Table(_("Corrections"), columns, rows, optional=[_("command"), _("kind")]))


def _changes(correction: Correction) -> dict[str, dict[str, str]]:
    return {
        month: {number: format_change(by) for number, by in line.items()} for month, line in correction.months.items()
    }
