"""Commands about dead letters: `invenio stats dead-letters list`, `show`, `replay` and `purge`."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from rich.console import Console

from invenio_stats.broker import dead_letters
from invenio_stats.broker.dead_letters import DeadLetter, DeadLetterFilter
from invenio_stats.broker.transports.amqp_publisher import failures
from invenio_stats.cli.options import as_json, dry_run, event_type, event_types, table, yes
from invenio_stats.cli.progress import bar
from invenio_stats.proxies import current_stats

Work = Callable[..., int]
"""What is done with chosen letters: `(queue, choice, on_batch)` -> how many."""

reason = click.option("--reason", help="Only those whose reason begins with this.")
limit = click.option("--limit", "-n", type=click.IntRange(1), help="At most so many of each event type.")


@click.group("dead-letters")
def dead_letters_group() -> None:
    """Events that could not be stored, each with its reason."""


@dead_letters_group.command("list")
@event_types
@as_json
@with_appcontext
def dead_letters_list(event_types: Sequence[str], as_json: bool) -> None:
    """Count the dead letters of EVENT_TYPES (all, unless some are named) by reason."""
    found = {}
    with _explain_errors(), bar(_("Dead letters"), as_json) as shown:
        for name in event_types:
            shown.begin(name, dead_letters.count(_queue(name)) if shown.is_seen else None)
            found[name] = dead_letters.summary(dead_letters.look(_queue(name), on_batch=shown.advance))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    lines = {f"{name}: {why}": line for name, reasons in found.items() for why, line in reasons.items()}
    if lines:
        Console().print(table(_("Dead letters"), _("event type: reason"), lines))
    else:
        click.echo(_("There are no dead letters."))


@dead_letters_group.command("show")
@event_type
@reason
@limit
@as_json
@with_appcontext
def dead_letters_show(event_type: str, reason: str | None, limit: int | None, as_json: bool) -> None:
    """Print the dead letters of one event type, and leave them where they are.

    On RabbitMQ they never leave the broker. Other transports hand each one out and get it back at the end: do not kill
    the command there.
    """
    found = _explain_dead_letter_errors(dead_letters.look(_queue(event_type), DeadLetterFilter(reason, limit)))
    if as_json:
        click.echo(json.dumps([dead_letter._asdict() for dead_letter in found], indent=2, default=str))
        return
    for dead_letter in found:
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
    """Put the dead letters of EVENT_TYPES back onto their queues, to be processed again, each with the id it had."""
    _settle(
        event_types,
        DeadLetterFilter(reason, limit),
        _("Put them back onto their queues?"),
        dead_letters.replay,
        **options,
    )


@dead_letters_group.command("purge")
@event_types
@reason
@limit
@click.option("--older-than", type=click.IntRange(0), help="Only those that were rejected so many days ago.")
@dry_run
@yes
@as_json
@with_appcontext
def dead_letters_purge(
    event_types: Sequence[str], reason: str | None, limit: int | None, older_than: int | None, **options: Any
) -> None:
    """Delete the dead letters of EVENT_TYPES for good."""
    before = None if older_than is None else datetime.now(timezone.utc) - timedelta(days=older_than)
    _settle(
        event_types, DeadLetterFilter(reason, limit, before), _("Delete them for good?"), dead_letters.purge, **options
    )


def _settle(
    event_types: Sequence[str],
    choice: DeadLetterFilter,
    question: str,
    work: Work,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Say how many letters it is about, ask, do it, and say how many it were."""
    with _explain_errors():
        counts = {name: dead_letters.count(_queue(name), choice) for name in event_types}
        if not dry_run:
            _ask(counts, question, yes)
            with bar(_("Dead letters"), as_json) as shown:
                for name, count in counts.items():
                    shown.begin(name, count)
                    counts[name] = work(_queue(name), choice, on_batch=shown.advance)
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, **counts}))
        return
    for name, count in counts.items():
        click.echo(f"{name}: {count}")


def _ask(counts: dict[str, int], question: str, yes: bool) -> None:
    if yes or not any(counts.values()):
        return
    for name, count in counts.items():
        click.echo(f"{name}: {count}", err=True)
    click.confirm(question, abort=True, err=True)


def _line(dead_letter: DeadLetter) -> str:
    event = json.dumps(
        dead_letter.event, default=str
    )  # what was not JSON when it was rejected has been read back as it was
    return f"{dead_letter.rejected or '-'}  {dead_letter.reason}  {dead_letter.message_id}  {event}"


def _queue(event_type: str) -> Any:
    return current_stats.events[event_type].queue


@contextmanager
def _explain_errors() -> Iterator[None]:
    """Turn a broker's failure into a message and exit code 1."""
    try:
        yield
    except failures() as error:
        raise click.ClickException(
            _(
                "The broker does not answer (%(error)s), see BROKER_URL; no letter is lost. Run the command again.",
                error=type(error).__name__,
            )
        ) from error


def _explain_dead_letter_errors(found: Iterator[DeadLetter]) -> Iterator[DeadLetter]:
    """Explain what goes wrong with the letters, and not with the terminal that they are printed to."""
    with _explain_errors():
        yield from found
