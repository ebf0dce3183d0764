"""Commands for operators: `invenio stats status`, `doctor`, `spool` and `dead-letters`."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from rich.console import Console

from invenio_stats.broker import dead_letters
from invenio_stats.broker.confirmed import failures
from invenio_stats.broker.outbox import outbox
from invenio_stats.cli_support import as_json, event_types, table, yes
from invenio_stats.core.moments import iso, iso_zoned
from invenio_stats.doctor import examine
from invenio_stats.progress import bar
from invenio_stats.proxies import current_stats
from invenio_stats.status import aggregations_status, events_status, spool_status


@click.group()
def spool() -> None:
    """Events that wait on this machine's disk because the broker was away."""


@spool.command("send")
@as_json
@with_appcontext
def spool_send(as_json: bool) -> None:
    """Send what waits in the spool to the broker, now."""
    box = outbox()
    with bar(_("Sending"), as_json) as shown:
        shown.begin(_("spool"), box.spool.count())
        try:
            sent = box.send_spool(current_stats.agents_queue, on_batch=shown.advance)
        except failures() as error:
            raise click.ClickException(
                _("The broker does not answer (%(error)s); the events stay.", error=type(error).__name__)
            ) from error
    click.echo(json.dumps({"sent": sent}) if as_json else _("%(count)s events sent", count=sent))


@click.command()
@as_json
@with_appcontext
def status(as_json: bool) -> None:
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


@click.command()
@as_json
@with_appcontext
def doctor(as_json: bool) -> None:
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


@click.group("dead-letters")
def dead_letters_group() -> None:
    """Events that could not be stored, each with its reason."""


reason = click.option("--reason", help="Only those whose reason begins with this.")
limit = click.option("--limit", "-n", type=click.IntRange(1), help="At most so many of each event type.")


@dead_letters_group.command("list")
@event_types
@as_json
@with_appcontext
def dead_letters_list(event_types: Sequence[str], as_json: bool) -> None:
    """Count the dead letters of EVENT_TYPES by reason."""
    found = {name: dead_letters.summary(dead_letters.look(_queue(name))) for name in event_types}
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    lines = {f"{name}: {why}": line for name, reasons in found.items() for why, line in reasons.items()}
    if lines:
        Console().print(table(_("Dead letters"), _("event type: reason"), lines))
    else:
        click.echo(_("There are no dead letters."))


@dead_letters_group.command("show")
@click.argument("event_type")
@reason
@limit
@as_json
@with_appcontext
def dead_letters_show(event_type: str, reason: str | None, limit: int | None, as_json: bool) -> None:
    """Print the dead letters of one event type, and leave them where they are."""
    _check_type(event_type)
    letters = list(dead_letters.look(_queue(event_type), reason, limit))
    if as_json:
        click.echo(json.dumps([letter._asdict() for letter in letters], indent=2))
        return
    for letter in letters:
        click.echo(f"{letter.buried or '-'}  {letter.reason}  {letter.message_id}  {json.dumps(letter.event)}")


@dead_letters_group.command("replay")
@event_types
@reason
@limit
@click.option("--dry-run", is_flag=True, help="Say how many it would be, and leave them.")
@yes
@as_json
@with_appcontext
def dead_letters_replay(event_types: Sequence[str], **options: Any) -> None:
    """Put the dead letters of EVENT_TYPES back onto their queues, to be processed again."""
    _settle(event_types, _("Put them back onto their queues?"), dead_letters.replay, **options)


@dead_letters_group.command("purge")
@event_types
@reason
@limit
@click.option("--older-than", type=click.IntRange(0), help="Only those that were buried so many days ago.")
@click.option("--dry-run", is_flag=True, help="Say how many it would be, and leave them.")
@yes
@as_json
@with_appcontext
def dead_letters_purge(event_types: Sequence[str], older_than: int | None, **options: Any) -> None:
    """Delete the dead letters of EVENT_TYPES for good."""
    before = None if older_than is None else datetime.now(timezone.utc) - timedelta(days=older_than)
    _settle(event_types, _("Delete them for good?"), dead_letters.purge, before=before, **options)


def _settle(
    event_types: Sequence[str],
    question: str,
    work: Any,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    reason: str | None,
    limit: int | None,
    before: datetime | None = None,
) -> None:
    """Say how many letters it is about, ask, do it, and say how many it were."""
    chosen = {
        name: sum(1 for _letter in dead_letters.look(_queue(name), reason, limit, before)) for name in event_types
    }
    if not dry_run:
        if not yes and any(chosen.values()):
            for name, count in chosen.items():
                click.echo(f"{name}: {count}", err=True)
            click.confirm(question, abort=True, err=True)
        with bar(_("Dead letters"), as_json) as shown:
            for name, count in chosen.items():
                shown.begin(name, count)
                chosen[name] = work(_queue(name), reason, limit, before, on_batch=shown.advance)
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, **chosen}))
        return
    for name, count in chosen.items():
        click.echo(f"{name}: {count}")


def _queue(event_type: str) -> Any:
    return current_stats.events[event_type].queue


def _check_type(event_type: str) -> None:
    if event_type not in current_stats.events:
        raise click.UsageError(
            f"Invalid event type(s): {event_type}. "
            + _("Configured: %(names)s.", names=", ".join(current_stats.events) or _("none"))
        )
