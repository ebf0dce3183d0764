"""Define the commands for dead letters: `invenio stats dead-letters list`, `show`, `replay` and `purge`."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, timezone
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _

from invenio_stats.broker import dead_letters
from invenio_stats.broker.dead_letters import DeadLetter, DeadLetterFilter
from invenio_stats.cli.options import as_json, dry_run, event_type, event_types, yes
from invenio_stats.cli.progress import bar
from invenio_stats.cli.service_errors import explain_broker_errors
from invenio_stats.cli.tables import Table, print_table
from invenio_stats.proxies import current_stats

Work = Callable[..., int]
"""Processes the dead letters that match a filter: `(queue, wanted, on_batch)` -> their number."""

reason = click.option("--reason", help="Only dead letters whose reason begins with this text.")
limit = click.option("--limit", "-n", type=click.IntRange(1), help="Maximal number of dead letters of each event type.")


@click.group("dead-letters")
def dead_letters_group() -> None:
    """Inspect, replay and delete events that could not be stored."""


@dead_letters_group.command("list")
@event_types
@as_json
@with_appcontext
def dead_letters_list(event_types: Sequence[str], as_json: bool) -> None:
    """Count the dead letters of EVENT_TYPES (default: all) by reason."""
    summaries = {}
    with _explain_errors(), bar(_("Dead letters"), as_json) as progress:
        for name in event_types:
            progress.begin(name, dead_letters.count(_queue(name)) if progress.is_seen else None)
            summaries[name] = dead_letters.summary(dead_letters.look(_queue(name), on_batch=progress.advance))
    if as_json:
        click.echo(json.dumps(summaries, indent=2))
        return
    rows = [
        (name, line["count"], line["oldest"], line["newest"], reason)
        for name, reasons in summaries.items()
        for reason, line in reasons.items()
    ]
    if rows:
        columns = _("event type"), _("count"), _("oldest"), _("newest"), _("reason")
        print_table(Table(_("Dead letters"), columns, rows, optional=(_("newest"), _("oldest"))))
    else:
        click.echo(_("There are no dead letters."))


@dead_letters_group.command("show")
@event_type
@reason
@limit
@as_json
@with_appcontext
def dead_letters_show(event_type: str, reason: str | None, limit: int | None, as_json: bool) -> None:
    """Print the dead letters of one event type without removing them.

    With RabbitMQ they never leave the broker. With other transports the command takes them and returns them at its end;
    do not kill it meanwhile.
    """
    printed = _explain_read_errors(dead_letters.look(_queue(event_type), DeadLetterFilter(reason, limit)))
    if as_json:
        click.echo(json.dumps([dead_letter._asdict() for dead_letter in printed], indent=2, default=str))
        return
    for dead_letter in printed:
        click.echo(_line(dead_letter))


@dead_letters_group.command("replay")
@event_types
@reason
@limit
@dry_run
@yes
@as_json
@with_appcontext
def dead_letters_replay(event_types: Sequence[str], reason: str | None, limit: int | None, **options: Any) -> None:
    """Put the dead letters of EVENT_TYPES (default: all) back on their queues with their ids, to be processed again."""
    _settle(
        event_types,
        DeadLetterFilter(reason, limit),
        _("Put them back on their queues?"),
        dead_letters.replay,
        **options,
    )


@dead_letters_group.command("purge")
@event_types
@reason
@limit
@click.option(
    "--older-than", type=click.IntRange(0, 36_500), help="Only dead letters rejected at least so many days ago."
)
@dry_run
@yes
@as_json
@with_appcontext
def dead_letters_purge(
    event_types: Sequence[str], reason: str | None, limit: int | None, older_than: int | None, **options: Any
) -> None:
    """Delete the dead letters of EVENT_TYPES (default: all) permanently."""
    before = None if older_than is None else datetime.now(timezone.utc) - timedelta(days=older_than)
    _settle(
        event_types,
        DeadLetterFilter(reason, limit, before),
        _("Delete them permanently?"),
        dead_letters.purge,
        **options,
    )


def _settle(
    event_types: Sequence[str],
    wanted: DeadLetterFilter,
    question: str,
    work: Work,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Print the numbers of matching dead letters, ask for confirmation, process them, and print their numbers."""
    with _explain_errors():
        counts = {name: dead_letters.count(_queue(name), wanted) for name in event_types}
        if not dry_run:
            _confirm(counts, question, yes)
            with bar(_("Dead letters"), as_json) as progress:
                for name, count in counts.items():
                    progress.begin(name, count)
                    counts[name] = work(_queue(name), wanted, on_batch=progress.advance)
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, **counts}))
        return
    for name, count in counts.items():
        click.echo(f"{name}: {count}")


def _confirm(counts: dict[str, int], question: str, yes: bool) -> None:
    if yes or not any(counts.values()):
        return
    for name, count in counts.items():
        click.echo(f"{name}: {count}", err=True)
    click.confirm(question, abort=True, err=True)


def _line(dead_letter: DeadLetter) -> str:
    event = json.dumps(dead_letter.event, default=str)  # an event that was not JSON may contain any object
    return f"{dead_letter.rejected or '-'}  {dead_letter.reason}  {dead_letter.message_id}  {event}"


def _queue(event_type: str) -> Any:
    return current_stats.events[event_type].queue


def _explain_errors() -> AbstractContextManager[None]:
    return explain_broker_errors(effect=_("Nothing is lost; run the command again."))


def _explain_read_errors(read: Iterator[DeadLetter]) -> Iterator[DeadLetter]:
    """Explain errors of reading dead letters only: an OSError of the terminal is not one of the broker."""
    with _explain_errors():
        yield from read
