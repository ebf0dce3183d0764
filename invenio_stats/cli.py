"""Commands: `invenio stats ...`, for operators and for programs that read their JSON."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

import click
from flask import current_app
from flask.cli import ScriptInfo, with_appcontext
from flask_babel import gettext as _
from rich.console import Console
from rich.table import Table

from invenio_stats.broker import inspect, stopping
from invenio_stats.broker.confirmed import failures
from invenio_stats.broker.outbox import outbox
from invenio_stats.core.moments import iso, iso_zoned, parse_calendar
from invenio_stats.doctor import examine
from invenio_stats.progress import bar, each
from invenio_stats.proxies import current_stats
from invenio_stats.status import aggregations_status, events_status, spool_status
from invenio_stats.tasks import aggregate_events, aggregate_one, keep_agents, process_events, process_one


def _known(kind: str, known: Callable[[], Any]) -> Callable[..., tuple[str, ...]]:
    """Return a callback that refuses types which are not configured, and reads none as all."""

    def check(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
        if not current_app:  # arguments are read before the command's own context
            ctx.with_resource(ctx.ensure_object(ScriptInfo).load_app().app_context())
        names = list(known())
        unknown = [name for name in value if name not in names]
        if unknown:
            raise click.UsageError(
                f"Invalid {kind} type(s): {', '.join(unknown)}. "
                + _("Configured: %(names)s.", names=", ".join(names) or _("none")),
                ctx,
            )
        return value or tuple(names)

    return check


def _date(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """Read a date in UTC; a year or month alone is its first day."""
    try:
        return None if value is None else parse_calendar(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _types(kind: str, known: Callable[[], Any]) -> Callable[..., Any]:
    return click.argument(f"{kind}-types".replace("-", "_"), nargs=-1, callback=_known(kind, known))


event_types = _types("event", lambda: current_stats.events_config)
aggregation_types = _types("aggregation", lambda: current_stats.aggregations_config)
start_date = click.option("--start-date", callback=_date, help="From this date on, in UTC: 2026, 2026-01, 2026-01-31.")
end_date = click.option("--end-date", callback=_date, help="Up to this date and with it.")
eager = click.option("--eager", "-e", is_flag=True, help="Work here and now instead of sending a task to a worker.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


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
        _sent(_("Events processing"), process_events.delay(list(event_types)), as_json)
        return
    results = {}
    with bar(_("Processing events"), as_json) as shown, stopping.on_sigterm():
        for name in event_types:
            shown.begin(name, inspect.depth(current_stats.events[name].queue) if shown.is_seen else None)
            results[name] = process_one(name, on_batch=shown.advance)
    keep_agents()
    _report(results, as_json, lambda one: _("%(stored)s stored, %(failed)s failed", stored=one[0], failed=one[1]))


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
    _check_range(start_date, end_date)
    options = {
        "start_date": start_date and iso(start_date),
        "end_date": end_date and iso(end_date),
        "update_bookmark": update_bookmark,
    }
    if not eager:
        _sent(_("Aggregations processing"), aggregate_events.delay(list(aggregation_types), **options), as_json)
        return
    results = {}
    with bar(_("Aggregating"), as_json) as shown:
        for name in aggregation_types:
            shown.begin(name)
            results[name] = aggregate_one(name, on_interval=shown.set, **options)
    _report(results, as_json, _totals_line)


@aggregations.command("delete")
@aggregation_types
@start_date
@end_date
@click.option("--dry-run", is_flag=True, help="Say how many totals would be deleted, and delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def aggregations_delete(
    aggregation_types: Sequence[str],
    start_date: datetime | None,
    end_date: datetime | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Delete the totals of AGGREGATION_TYPES, those between the dates; raw events stay."""
    _check_range(start_date, end_date)
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
    _check_range(start_date, end_date)
    for name in aggregation_types:
        click.echo(f"{name}:")
        for bookmark in _aggregator(name).list_bookmarks(start_date, end_date, limit):
            click.echo(f" - {bookmark.date}")


@stats.group()
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


@stats.command()
@as_json
@with_appcontext
def status(as_json: bool) -> None:
    """Print what waits, how fresh the totals are, and what the last runs did."""
    now = datetime.now(timezone.utc)
    found = {"events": events_status(), "spool": spool_status(), "aggregations": aggregations_status(now)}
    if as_json:
        click.echo(json.dumps({"generated": iso_zoned(now), **found}, indent=2))
        return
    console = Console()
    console.print(_table(_("Event types"), _("event type"), found["events"]))
    console.print(_table(_("Spool of this machine"), _("spool"), {_("events"): found["spool"]}))
    console.print(_table(_("Aggregations"), _("aggregation"), found["aggregations"]))
    click.echo(_("As of %(now)s; all times are UTC.", now=iso(now)[:19]))


@stats.command()
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


def _aggregator(name: str) -> Any:
    definition = current_stats.aggregations[name]
    return definition.cls(name=name, **definition.params)


def _check_range(start: datetime | None, end: datetime | None) -> None:
    if start and end and start > end:
        raise click.UsageError(
            _("--start-date %(start)s is after --end-date %(end)s; swap them.", start=iso(start), end=iso(end))
        )


def _sent(what: str, task: Any, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"task": task.id}))
    else:
        click.secho(_("%(what)s task sent: %(id)s.", what=what, id=task.id), fg="yellow")


def _report(results: dict[str, Any], as_json: bool, line: Callable[[Any], str]) -> None:
    """Print what each run did; exit 1 when one failed."""
    failed = [name for name, result in results.items() if isinstance(result, dict)]
    if as_json:
        click.echo(json.dumps(results))
    else:
        for name, result in results.items():
            text = _("failed: %(error)s; the log says more", **result) if name in failed else line(result)
            click.secho(f"{name}: {text}", fg="red" if name in failed else "green")
    if failed:
        raise click.exceptions.Exit(1)


def _totals_line(result: list[tuple[int, int]] | None) -> str:
    if result is None:
        return _("no events")
    return _(
        "%(written)s totals written in %(intervals)s intervals, %(failed)s failed",
        written=sum(written for written, _failed in result),
        intervals=len(result),
        failed=sum(failed for _written, failed in result),
    )


def _table(title: str, what: str, lines: dict[str, dict[str, Any]]) -> Table:
    """Return the lines of the status as a table, a column for each fact."""
    table = Table(title=title)
    columns = list(dict.fromkeys(column for line in lines.values() for column in line))
    for column in [what, *(column.replace("_", " ") for column in columns)]:
        table.add_column(column, overflow="fold")
    for name, line in lines.items():
        table.add_row(name, *(_cell(line.get(column)) for column in columns))
    return table


def _cell(value: Any) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, dict):  # the last run
        return "\n".join(_cell(one) if key == "finished" else f"{one} {key}" for key, one in value.items())
    if isinstance(value, list):
        return "\n".join(value)
    return value[:19].replace("T", "\n") if isinstance(value, str) else str(value)  # a moment in UTC, cut to the second
