"""Define the commands that monitor the pipeline: `invenio stats status`, `doctor` and `spool`."""

import json
import sqlite3
from datetime import datetime, timezone

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _

from invenio_stats.broker.outbox import outbox
from invenio_stats.broker.spool import is_denied
from invenio_stats.broker.transports.drivers import failure_types
from invenio_stats.cli.options import as_json
from invenio_stats.cli.progress import bar
from invenio_stats.cli.service_errors import no_answer
from invenio_stats.cli.tables import print_table, table_of_facts
from invenio_stats.core.moments import iso, iso_zoned
from invenio_stats.counter.closing.doctor_checks import months_checks
from invenio_stats.counter.service.doctor_checks import counter_checks
from invenio_stats.errors import SpoolVersionError
from invenio_stats.operations.monitoring.doctor import CHECKS, examine
from invenio_stats.operations.monitoring.downgrade import CHECKS_BEFORE_DOWNGRADE
from invenio_stats.operations.monitoring.services import event_broker
from invenio_stats.operations.monitoring.status import aggregations_status, events_status, spool_status
from invenio_stats.operations.runner import send_spool


@click.group("spool")
def spool_group() -> None:
    """Handle events stored on this machine's disk while the broker was not available."""


@spool_group.command("send")
@click.option("--rejected", is_flag=True, help="Also send messages that could not be read before.")
@as_json
@with_appcontext
def spool_send(rejected: bool, as_json: bool) -> None:
    """Send the events in the spool to the broker, and store the counters of events that the spool refused."""
    spool = outbox().spool
    with bar(_("Sending"), as_json) as progress:
        try:
            if rejected:
                spool.retry_rejected()
            progress.begin(_("spool"), spool.count())
            sent = send_spool(on_batch=progress.advance)
        except SpoolVersionError as error:
            raise click.ClickException(str(error)) from error
        except (sqlite3.Error, *failure_types()) as error:
            raise _why_not_sent(error, str(spool.path)) from error
    click.echo(json.dumps({"sent": sent}) if as_json else _("%(count)s events sent", count=sent))


def _why_not_sent(error: BaseException, path: str) -> click.ClickException:
    if is_denied(error):
        denied = _("This user cannot open the spool at %(path)s.", path=path)
        cure = _("Run the command as the user of the web server.")
        return click.ClickException(f"{denied} {cure}")
    if isinstance(error, sqlite3.Error):
        return click.ClickException(_("The spool at %(path)s cannot be read (%(error)s).", path=path, error=error))
    return no_answer(event_broker(), error, _("The events stay in the spool."))


@click.command("status")
@as_json
@with_appcontext
def status_command(as_json: bool) -> None:
    """Print the queued events, how current the totals are, and the results of the last runs."""
    now = datetime.now(timezone.utc)
    facts = {"events": events_status(now), "spool": spool_status(), "aggregations": aggregations_status(now)}
    if as_json:
        click.echo(json.dumps({"generated": iso_zoned(now), **facts}, indent=2))
        return
    print_table(table_of_facts(_("Event types"), _("event type"), facts["events"]))
    print_table(table_of_facts(_("Spool of this machine"), _("spool"), {_("events"): facts["spool"]}))
    print_table(table_of_facts(_("Aggregations"), _("aggregation"), facts["aggregations"]))
    click.echo(_("As of %(now)s; all times are UTC.", now=iso(now)[:19]))


@click.command("doctor")
@click.option("--before-downgrade", is_flag=True, help="Check only whether 7.x can take over: nothing waits.")
@as_json
@with_appcontext
def doctor_command(before_downgrade: bool, as_json: bool) -> None:
    """Print what would make numbers wrong or identify visitors in production, with the cure; exit 1 for errors."""
    checks = CHECKS_BEFORE_DOWNGRADE if before_downgrade else (*CHECKS, *months_checks(), *counter_checks())
    findings = list(examine(checks))
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        colors = {"ok": "green", "warning": "yellow", "error": "red"}
        for finding in findings:
            click.secho(f"{finding.level}: {finding.message}", fg=colors[finding.level])
            if finding.cure:
                click.echo(f"    {finding.cure}")
    if any(finding.level == "error" for finding in findings):
        raise click.exceptions.Exit(1)
