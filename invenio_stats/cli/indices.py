"""Commands about indices: `invenio stats indices list` and `compact`."""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from invenio_search import current_search_client
from invenio_search.engine import search
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from invenio_stats.cli.engine_errors import explain_errors
from invenio_stats.cli.options import as_json, dry_run, event_types, yes
from invenio_stats.cli.progress import Bar, bar
from invenio_stats.core.moments import parse_calendar
from invenio_stats.core.month_indices import is_closed
from invenio_stats.errors import StatsError
from invenio_stats.operations import inventory
from invenio_stats.operations.compaction.month import compact
from invenio_stats.operations.compaction.plans import Plan, plans

logger = logging.getLogger(__name__)

COLORS = {"ok": "green", "warning": "yellow", "error": "red"}


def _month(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Read a month that is closed."""
    if value is None:
        return None
    try:
        month = parse_calendar(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error
    if not is_closed(month, datetime.now(timezone.utc)):
        raise click.BadParameter(
            _("%(month)s is not closed: it is the last full month or a later one.", month=f"{month:%Y-%m}"), ctx, param
        )
    return f"{month:%Y-%m}"


@click.group("indices")
def indices_group() -> None:
    """See the indices of the search engine, and make them fewer."""


@indices_group.command("list")
@as_json
@with_appcontext
@explain_errors()
def indices_list(as_json: bool) -> None:
    """Print all indices of this instance and how near the engine is to its limit; exit 1 where that is reached."""
    found, shards = inventory.indices(current_search_client), inventory.shards(current_search_client)
    facts = {**shards._asdict(), "days_left": shards.days_left, "level": shards.level}
    if as_json:
        kinds = {kind: line._asdict() for kind, line in inventory.sums(found).items()}
        click.echo(json.dumps({"indices": [one._asdict() for one in found], "kinds": kinds, "shards": facts}, indent=2))
    else:
        Console().print(_table(found))
        text = _("%(used)s of %(limit)s shards of the search engine are in use.", **facts)
        if shards.days_left is not None and shards.level != "ok":
            text += " " + _("At %(daily)s more each day the limit is reached in %(days_left)s days.", **facts)
        click.secho(f"{shards.level}: {text}", fg=COLORS[shards.level])
        if shards.level != "ok":
            cure = _("Make closed months one index each: invenio stats indices compact. Or add a node.")
            click.echo(f"    {cure}")
    if shards.level == "error":
        raise click.exceptions.Exit(1)


@indices_group.command("compact")
@event_types
@click.option("--month", callback=_month, help="Only this one: 2026-01.")
@dry_run
@yes
@as_json
@with_appcontext
@explain_errors()
def indices_compact(event_types: Sequence[str], month: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Make the days of each closed month one index, for EVENT_TYPES (all, unless some are named).

    Searches find every event once all the time. Events that come late for a month wait while it is worked on.
    """
    due = list(plans(current_search_client, event_types, datetime.now(timezone.utc), month))
    documents = {one.name: one.documents for one in inventory.indices(current_search_client)} if due else {}
    sizes = [sum(documents.get(index, 0) for index in plan.sources) for plan in due]
    if due and not (dry_run or yes):
        for plan, size in zip(due, sizes, strict=True):
            click.echo(_planned(plan, size), err=True)
        click.confirm(_("Make each of these months one index?"), abort=True, err=True)
    results: list[dict[str, Any]] = []
    with bar(_("Compacting"), as_json or dry_run) as shown:
        for plan, size in zip(due, sizes, strict=True):
            shown.begin(f"{plan.event_type} {plan.month}", 2 * size)
            done = {"replaced": len(plan.sources), "documents": size} if dry_run else _compact(plan, shown)
            results.append({"event_type": plan.event_type, "month": plan.month, **done})
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "months": results}, indent=2))
    else:
        _print(results, _("would become one index") if dry_run else _("are one index now"))
    if any("error" in result for result in results):
        raise click.exceptions.Exit(1)


def _compact(plan: Plan, shown: Bar) -> dict[str, Any]:
    """Do one month; what goes wrong with it does not stop the others."""
    try:
        return compact(current_search_client, plan, _now, shown.advance)._asdict()
    except (StatsError, search.exceptions.TransportError, search.helpers.ScanError) as error:
        logger.exception("A month could not be made one index", extra={"index": plan.name})
        return {"error": str(error) if isinstance(error, StatsError) else type(error).__name__}


def _print(results: list[dict[str, Any]], what: str) -> None:
    if not results:
        click.echo(_("There is nothing to do: no closed month has indices of days."))
    for result in results:
        place = f"{result['event_type']} {result['month']}"
        if "error" in result:
            click.secho(f"{place}: {result['error']}", fg="red")
            continue
        line = _("%(replaced)s indices with %(documents)s events %(what)s", **{**result, "what": what})
        if result.get("doubled"):
            line += "; " + _("%(doubled)s of them were in two indices", **result)
        click.secho(f"{place}: {line}", fg="green")


def _planned(plan: Plan, size: int) -> str:
    return f"{plan.event_type} {plan.month}: " + _(
        "%(count)s indices with %(size)s events", count=len(plan.sources), size=size
    )


def _table(found: Sequence[inventory.Index]) -> Table:
    table = Table(title=_("Indices"), show_footer=True)
    total = inventory.sums(found).get("all")
    size: Callable[[int], str] = decimal
    table.add_column(_("index"), _("all"), overflow="fold")
    table.add_column(_("kind"))
    for column, value in (
        (_("documents"), str(total.documents) if total else "0"),
        (_("shards"), str(total.shards) if total else "0"),
        (_("size"), size(total.bytes) if total else "0"),
        (_("aliases"), ""),
    ):
        table.add_column(column, value, justify="right")
    for one in found:
        numbers = str(one.documents), str(one.shards), size(one.bytes), str(len(one.aliases))
        table.add_row(one.name, one.kind, *numbers)
    return table


def _now() -> datetime:
    return datetime.now(timezone.utc)
