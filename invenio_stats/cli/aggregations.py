"""Define the commands for totals: `invenio stats aggregations`."""

from collections.abc import Sequence
from datetime import datetime, timezone
from functools import partial

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _

from invenio_stats.aggregations import StatAggregator
from invenio_stats.cli.options import (
    aggregation_types,
    as_json,
    check_range,
    eager,
    from_option,
    print_task,
    report,
    to_option,
    yes,
)
from invenio_stats.cli.progress import bar, each
from invenio_stats.cli.service_errors import explain_errors, send_task
from invenio_stats.core.moments import iso
from invenio_stats.definitions.aggregators import make_aggregator
from invenio_stats.operations.runner import aggregate_with_automated
from invenio_stats.tasks import aggregate_events
from invenio_stats.totals import deletion


@click.group("aggregations")
def aggregations_group() -> None:
    """Count and delete totals, and list bookmarks."""


@aggregations_group.command("process")
@aggregation_types
@from_option()
@to_option()
@click.option("--update-bookmark", "-b", is_flag=True, help="Move the bookmark, so that the next run starts from here.")
@eager
@as_json
@with_appcontext
def aggregations_process(
    aggregation_types: Sequence[str],
    first: datetime | None,
    last: datetime | None,
    update_bookmark: bool,
    eager: bool,
    as_json: bool,
) -> None:
    """Count the totals of AGGREGATION_TYPES (default: all)."""
    check_range(first, last)
    options = {
        "start_date": first and iso(first),
        "end_date": last and iso(last),
        "update_bookmark": update_bookmark,
    }
    if not eager:
        task = send_task(aggregate_events, list(aggregation_types), **options)
        print_task(_("Aggregations processing"), task, as_json)
        return
    results = {}
    with bar(_("Aggregating"), as_json) as progress:
        for name in aggregation_types:
            progress.begin(name)
            results.update(aggregate_with_automated(name, on_interval=progress.set, **options))
    report(results, as_json, _totals_line, success=_("Aggregations processed successfully."))


@aggregations_group.command("delete")
@aggregation_types
@from_option()
@to_option()
@click.option("--dry-run", is_flag=True, help="Print how many totals would be deleted, and delete nothing.")
@click.option(
    "--include-final",
    is_flag=True,
    help="Also delete totals that cannot be recounted because their raw events are gone.",
)
@yes
@with_appcontext
@explain_errors()
def aggregations_delete(
    aggregation_types: Sequence[str],
    first: datetime | None,
    last: datetime | None,
    dry_run: bool,
    include_final: bool,
    yes: bool,
) -> None:
    """Delete the totals of AGGREGATION_TYPES between the dates; raw events stay."""
    check_range(first, last)
    for name in () if include_final else aggregation_types:
        _check_final(name, first, last)
    if not (dry_run or yes):
        click.confirm(_("Delete the totals of %(names)s?", names=", ".join(aggregation_types)), abort=True)
    line = _("%(name)s: %(count)s totals would be deleted") if dry_run else _("%(name)s: %(count)s totals deleted")
    for name in each(aggregation_types, _("Deleting")):
        aggregator = make_aggregator(name)
        work = partial(deletion.count, aggregator) if dry_run else aggregator.delete
        click.echo(line % {"name": name, "count": work(first, last)})


@aggregations_group.command("list-bookmarks")
@aggregation_types
@from_option()
@to_option()
@click.option(
    "--limit", "-n", default=5, type=click.IntRange(1, 10_000), help="Number of bookmarks of each.", show_default=True
)
@with_appcontext
@explain_errors()
def list_bookmarks(aggregation_types: Sequence[str], first: datetime | None, last: datetime | None, limit: int) -> None:
    """Print the bookmarks of AGGREGATION_TYPES (default: all), the newest first."""
    check_range(first, last)
    for name in aggregation_types:
        click.echo(f"{name}:")
        for bookmark in make_aggregator(name).list_bookmarks(first, last, limit):
            click.echo(f" - {bookmark.date}")


def _check_final(name: str, first: datetime | None, last: datetime | None) -> None:
    """Raise UsageError if the range has totals that cannot be recounted because their raw events are gone."""
    aggregator = make_aggregator(name)
    if not isinstance(aggregator, StatAggregator):
        return
    count, day = deletion.count_final(aggregator, first, last, datetime.now(timezone.utc))
    if count:
        raise click.UsageError(
            _(
                "%(name)s: %(count)s of these totals are older than %(day)s, the first day with all raw events, and "
                "cannot be recounted. Start with --from %(day)s, or give --include-final.",
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
