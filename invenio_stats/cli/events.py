"""Define the commands for raw events: `invenio stats events`."""

import signal
from collections.abc import Sequence

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _

from invenio_stats.broker import queue_depth
from invenio_stats.cli.options import as_json, eager, event_types, print_task, report
from invenio_stats.cli.progress import bar
from invenio_stats.cli.service_errors import send_task
from invenio_stats.operations.runner import process_one, store_agents
from invenio_stats.proxies import current_stats
from invenio_stats.support import shutdown
from invenio_stats.tasks import process_events


@click.group("events")
def events_group() -> None:
    """Process raw events, and show those that were not counted."""


@events_group.command("process")
@event_types
@eager
@as_json
@with_appcontext
def events_process(event_types: Sequence[str], eager: bool, as_json: bool) -> None:
    """Store the events that are on the queues of EVENT_TYPES (default: all)."""
    if not eager:
        print_task(_("Events processing"), send_task(process_events, list(event_types)), as_json)
        return
    results = {}
    with bar(_("Processing events"), as_json) as progress, shutdown.on_sigterm() as signals:
        for name in event_types:
            if shutdown.is_requested():
                break
            progress.begin(name, queue_depth.depth(current_stats.events[name].queue) if progress.is_seen else None)
            results[name] = process_one(name, on_batch=progress.advance)
    store_agents()
    report(
        results,
        as_json,
        lambda result: _("%(stored)s stored, %(failed)s failed", stored=result[0], failed=result[1]),
        success=_("Events processed successfully."),
    )
    if signal.SIGINT in signals:  # a script that runs this command must not go on as if it were done
        raise click.exceptions.Exit(128 + signal.SIGINT)
