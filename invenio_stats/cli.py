"""Commands: `invenio stats ...`, for operators and for programs that read their JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _

from invenio_stats.broker import inspect, stopping
from invenio_stats.cli_archive import export_command, import_command
from invenio_stats.cli_dead_letters import dead_letters_group
from invenio_stats.cli_indices import indices_group
from invenio_stats.cli_ingest import ingest
from invenio_stats.cli_operate import doctor, spool, status
from invenio_stats.cli_rebuild import aggregations_rebuild
from invenio_stats.cli_support import (
    aggregation_types,
    as_json,
    check_range,
    eager,
    end_date,
    event_types,
    report,
    sent,
    start_date,
    yes,
)
from invenio_stats.cli_verify import verify
from invenio_stats.core.moments import iso
from invenio_stats.progress import bar, each
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import aggregate_events, aggregate_one, keep_agents, process_events, process_one


@click.group()
def stats() -> None:
    """Usage statistics: process events, aggregate them, see how it goes."""


@stats.group()
def events() -> None:
    """Raw events: from the queues into the search engine."""


@events.command("process")
@event_types
@eager
@as_json
@with_appcontext
def events_process(event_types: Sequence[str], eager: bool, as_json: bool) -> None:
    """Store the events that wait on the queues of EVENT_TYPES (all, unless some are named)."""
    if not eager:
        sent(_("Events processing"), process_events.delay(list(event_types)), as_json)
        return
    results = {}
    with bar(_("Processing events"), as_json) as shown, stopping.on_sigterm():
        for name in event_types:
            shown.begin(name, inspect.depth(current_stats.events[name].queue) if shown.is_seen else None)
            results[name] = process_one(name, on_batch=shown.advance)
    keep_agents()
    report(results, as_json, lambda one: _("%(stored)s stored, %(failed)s failed", stored=one[0], failed=one[1]))


@stats.group()
def aggregations() -> None:
    """Totals: counted from raw events."""


@aggregations.command("process")
@aggregation_types
@start_date
@end_date
@click.option("--update-bookmark", "-b", is_flag=True, help="Move the bookmark: the next run goes on from here.")
@eager
@as_json
@with_appcontext
def aggregations_process(
    aggregation_types: Sequence[str],
    start_date: datetime | None,
    end_date: datetime | None,
    update_bookmark: bool,
    eager: bool,
    as_json: bool,
) -> None:
    """Count the totals of AGGREGATION_TYPES (all, unless some are named)."""
    check_range(start_date, end_date)
    options = {
        "start_date": start_date and iso(start_date),
        "end_date": end_date and iso(end_date),
        "update_bookmark": update_bookmark,
    }
    if not eager:
        sent(_("Aggregations processing"), aggregate_events.delay(list(aggregation_types), **options), as_json)
        return
    results = {}
    with bar(_("Aggregating"), as_json) as shown:
        for name in aggregation_types:
            shown.begin(name)
            results[name] = aggregate_one(name, on_interval=shown.set, **options)
    report(results, as_json, _totals_line)


@aggregations.command("delete")
@aggregation_types
@start_date
@end_date
@click.option("--dry-run", is_flag=True, help="Say how many totals would be deleted, and delete nothing.")
@click.option("--for-good", is_flag=True, help="Also those that nobody can count again: their raw events are gone.")
@yes
@with_appcontext
def aggregations_delete(
    aggregation_types: Sequence[str],
    start_date: datetime | None,
    end_date: datetime | None,
    dry_run: bool,
    for_good: bool,
    yes: bool,
) -> None:
    """Delete the totals of AGGREGATION_TYPES, those between the dates; raw events stay."""
    check_range(start_date, end_date)
    for name in () if for_good else aggregation_types:
        _check_final(name, start_date, end_date)
    if not (dry_run or yes):
        click.confirm(_("Delete the totals of %(names)s?", names=", ".join(aggregation_types)), abort=True)
    said = _("%(name)s: %(count)s totals would be deleted") if dry_run else _("%(name)s: %(count)s totals deleted")
    for name in each(aggregation_types, _("Deleting")):
        aggregator = _aggregator(name)
        work = aggregator.count_totals if dry_run else aggregator.delete
        click.echo(said % {"name": name, "count": work(start_date, end_date)})


@aggregations.command("list-bookmarks")
@aggregation_types
@start_date
@end_date
@click.option("--limit", "-n", default=5, type=click.IntRange(1, 10_000), help="How many of each.", show_default=True)
@with_appcontext
def list_bookmarks(
    aggregation_types: Sequence[str], start_date: datetime | None, end_date: datetime | None, limit: int
) -> None:
    """Print how far each of AGGREGATION_TYPES has come, the newest first."""
    check_range(start_date, end_date)
    for name in aggregation_types:
        click.echo(f"{name}:")
        for bookmark in _aggregator(name).list_bookmarks(start_date, end_date, limit):
            click.echo(f" - {bookmark.date}")


def _aggregator(name: str) -> Any:
    definition = current_stats.aggregations[name]
    return definition.cls(name=name, **definition.params)


def _check_final(name: str, start_date: datetime | None, end_date: datetime | None) -> None:
    """Refuse to delete totals that nobody could count again."""
    aggregator = _aggregator(name)
    if not hasattr(aggregator, "count_final"):  # not one of ours
        return
    count, day = aggregator.count_final(start_date, end_date)
    if count:
        raise click.UsageError(
            _(
                "%(name)s: %(count)s of these totals are older than %(day)s, the first day whose raw events are all "
                "there; nobody could count them again. Begin with --start-date %(day)s, or give --for-good.",
                name=name,
                count=count,
                day=iso(day)[:10],
            )
        )


def _totals_line(result: list[tuple[int, int]] | None) -> str:
    if result is None:
        return _("no events")
    return _(
        "%(written)s totals written in %(intervals)s intervals, %(failed)s failed",
        written=sum(written for written, _failed in result),
        intervals=len(result),
        failed=sum(failed for _written, failed in result),
    )


aggregations.add_command(aggregations_rebuild)
for command in (
    dead_letters_group,
    doctor,
    export_command,
    import_command,
    indices_group,
    ingest,
    spool,
    status,
    verify,
):
    stats.add_command(command)
