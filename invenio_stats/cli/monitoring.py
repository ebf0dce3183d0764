"""Commands for operators: `invenio stats status`, `doctor` and `spool`."""

import json
from datetime import datetime, timezone

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from rich.console import Console

from invenio_stats.broker.outbox import outbox
from invenio_stats.broker.transports.amqp_publisher import failures
from invenio_stats.cli.options import as_json, table
from invenio_stats.cli.progress import bar
from invenio_stats.core.moments import iso, iso_zoned
from invenio_stats.errors import SpoolVersionError
from invenio_stats.operations.monitoring.doctor import examine
from invenio_stats.operations.monitoring.status import aggregations_status, events_status, spool_status
from invenio_stats.operations.runner import send_spool


@click.group("spool")
def spool_command() -> None:
    """Events that wait on this machine's disk because the broker was away."""


@spool_command.command("send")
@click.option("--rejected", is_flag=True, help="Also try again what could not be read.")
@as_json
@with_appcontext
def spool_send(rejected: bool, as_json: bool) -> None:
    """Send what waits in the spool to the broker, now, and count what it could not take."""
    with bar(_("Sending"), as_json) as shown:
        try:
            if rejected:
                outbox().spool.retry_rejected()
            shown.begin(_("spool"), outbox().spool.count())
            sent = send_spool(on_batch=shown.advance)
        except SpoolVersionError as error:
            raise click.ClickException(str(error)) from error
        except failures() as error:
            raise click.ClickException(
                _("The broker does not answer (%(error)s); the events stay.", error=type(error).__name__)
            ) from error
    click.echo(json.dumps({"sent": sent}) if as_json else _("%(count)s events sent", count=sent))


@click.command("status")
@as_json
@with_appcontext
def status_command(as_json: bool) -> None:
    """Print what waits, how fresh the totals are, and what the last runs did."""
    now = datetime.now(timezone.utc)
    found = {"events": events_status(now), "spool": spool_status(), "aggregations": aggregations_status(now)}
    if as_json:
        click.echo(json.dumps({"generated": iso_zoned(now), **found}, indent=2))
        return
    console = Console()
    console.print(table(_("Event types"), _("event type"), found["events"]))
    console.print(table(_("Spool of this machine"), _("spool"), {_("events"): found["spool"]}))
    console.print(table(_("Aggregations"), _("aggregation"), found["aggregations"]))
    click.echo(_("As of %(now)s; all times are UTC.", now=iso(now)[:19]))


@click.command("doctor")
@as_json
@with_appcontext
def doctor_command(as_json: bool) -> None:
    """Say what would make the numbers wrong or the visitors known in production, with the cure; exit 1 for errors."""
    findings = list(examine())
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
