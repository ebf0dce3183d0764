"""Define the commands for indices: `invenio stats indices list` and `compact`."""

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
from rich.filesize import decimal

from invenio_stats.cli.options import as_json, dry_run, event_types, yes
from invenio_stats.cli.progress import Bar, bar
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.cli.tables import Table, print_table
from invenio_stats.core.month_indices import is_closed
from invenio_stats.errors import StatsError
from invenio_stats.operations import inventory
from invenio_stats.operations.compaction.month import compact
from invenio_stats.operations.compaction.plans import Plan, plans
from invenio_stats.operations.repair import find_broken, put_templates, repair
from invenio_stats.search.failures import describe_failure

logger = logging.getLogger(__name__)

COLORS = {"ok": "green", "warning": "yellow", "error": "red"}


def _month(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return a month as '2026-01'; BadParameter if it is not closed."""
    if value is None:
        return None
    try:
        month = datetime.strptime(value, "%Y-%m").replace(tzinfo=timezone.utc)
    except ValueError as error:
        text = _("%(value)s is not a month. Write it as 2026-01.", value=repr(value))
        raise click.BadParameter(text, ctx, param) from error
    if not is_closed(month, datetime.now(timezone.utc)):
        text = _("%(month)s is not closed: choose a month before the last full one.", month=month.strftime("%Y-%m"))
        raise click.BadParameter(text, ctx, param)
    return month.strftime("%Y-%m")


@click.group("indices")
def indices_group() -> None:
    """List the indices of the search engine, and compact those of closed months."""


@indices_group.command("list")
@as_json
@with_appcontext
@explain_errors()
def indices_list(as_json: bool) -> None:
    """Print all indices of this instance and the shards in use; exit 1 if the limit of shards is almost reached."""
    indices, shards = inventory.indices(current_search_client), inventory.shards(current_search_client)
    facts = {**shards._asdict(), "days_left": shards.days_left, "level": shards.level}
    if as_json:
        kinds = {kind: line._asdict() for kind, line in inventory.sums(indices).items()}
        lines = [index._asdict() for index in indices]
        click.echo(json.dumps({"indices": lines, "kinds": kinds, "shards": facts}, indent=2))
    else:
        print_table(_table(indices))
        text = _("%(used)s of %(limit)s shards of the search engine are in use.", **facts)
        if shards.days_left is not None and shards.level != "ok":
            text += " " + _("At %(daily)s more each day the limit is reached in %(days_left)s days.", **facts)
        click.secho(f"{shards.level}: {text}", fg=COLORS[shards.level])
        if shards.level != "ok":
            cure = _("Compact closed months with `invenio stats indices compact`, or add a node.")
            click.echo(f"    {cure}")
    if shards.level == "error":
        raise click.exceptions.Exit(1)


@indices_group.command("compact")
@event_types
@click.option("--month", callback=_month, help="Only this month, for example 2026-01.")
@dry_run
@yes
@as_json
@with_appcontext
@explain_errors()
def indices_compact(event_types: Sequence[str], month: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Compact the daily indices of each closed month of EVENT_TYPES (default: all) into one index.

    Searches find every event exactly once at any time. Late events of a month stay queued while it is compacted.
    """
    due = list(plans(current_search_client, event_types, datetime.now(timezone.utc), month))
    documents = {index.name: index.documents for index in inventory.indices(current_search_client)} if due else {}
    sizes = [sum(documents.get(index, 0) for index in plan.sources) for plan in due]
    if due and not (dry_run or yes):
        for plan, size in zip(due, sizes, strict=True):
            click.echo(_planned(plan, size), err=True)
        click.confirm(_("Compact each of these months into one index?"), abort=True, err=True)
    results: list[dict[str, Any]] = []
    with bar(_("Compacting"), as_json or dry_run) as progress:
        for plan, size in zip(due, sizes, strict=True):
            progress.begin(f"{plan.event_type} {plan.month}", 2 * size)
            facts = {"replaced": len(plan.sources), "documents": size} if dry_run else _compact(plan, progress)
            results.append({"event_type": plan.event_type, "month": plan.month, **facts})
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "months": results}, indent=2))
    else:
        _print(results, _("would become one index") if dry_run else _("are one index now"))
    if any("error" in result for result in results):
        raise click.exceptions.Exit(1)


@indices_group.command("repair")
@dry_run
@yes
@as_json
@with_appcontext
@explain_errors()
def indices_repair(dry_run: bool, yes: bool, as_json: bool) -> None:
    """Give indices of totals their right mapping, if they were made before `invenio index init` was run.

    The index templates are put in place; each index with text fields that queries use is copied and replaced.
    """
    broken = list(find_broken(current_search_client))
    if not dry_run:
        put_templates()
    if broken and not (dry_run or yes):
        for index in broken:
            click.echo(f"{index.index}: {', '.join(index.fields)}", err=True)
        click.confirm(_("Replace each of these indices by a copy with the right mapping?"), abort=True, err=True)
    for index in () if dry_run else broken:
        repair(current_search_client, index)
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "indices": [index._asdict() for index in broken]}, indent=2))
        return
    would, did = _("%(index)s: %(documents)s totals would be copied"), _("%(index)s: %(documents)s totals copied")
    for index in broken:
        click.secho((would if dry_run else did) % index._asdict(), fg="green")
    if not broken:
        click.echo(_("No index of totals needs a repair."))


def _compact(plan: Plan, progress: Bar) -> dict[str, Any]:
    """Compact one month and return the result, or its error, which does not stop the other months."""
    try:
        return compact(current_search_client, plan, _now, progress.advance)._asdict()
    except (StatsError, search.exceptions.TransportError, search.helpers.ScanError) as error:
        logger.exception("A month could not be compacted", extra={"index": plan.name})
        return {"error": str(error) if isinstance(error, StatsError) else describe_failure(error)}


def _print(results: list[dict[str, Any]], what: str) -> None:
    if not results:
        click.echo(_("There is nothing to do: no closed month has daily indices."))
    for result in results:
        month = f"{result['event_type']} {result['month']}"
        if "error" in result:
            click.secho(f"{month}: {result['error']}", fg="red")
            continue
        line = _("%(replaced)s indices with %(documents)s events %(what)s", **{**result, "what": what})
        if result.get("doubled"):
            line += "; " + _("%(doubled)s of them were in two indices", **result)
        click.secho(f"{month}: {line}", fg="green")


def _planned(plan: Plan, size: int) -> str:
    return f"{plan.event_type} {plan.month}: " + _(
        "%(count)s indices with %(size)s events", count=len(plan.sources), size=size
    )


def _table(indices: Sequence[inventory.Index]) -> Table:
    size: Callable[[int], str] = decimal
    rows: list[tuple[Any, ...]] = [
        (index.name, index.kind, index.documents, index.shards, size(index.bytes), len(index.aliases))
        for index in indices
    ]
    total = inventory.sums(indices).get("all", inventory.Sum(0, 0, 0, 0))
    rows.append((_("all"), None, total.documents, total.shards, size(total.bytes), None))
    columns = _("index"), _("kind"), _("documents"), _("shards"), _("size"), _("aliases")
    return Table(_("Indices"), columns, rows, optional=(_("aliases"), _("kind"), _("shards"), _("size")))


def _now() -> datetime:
    return datetime.now(timezone.utc)
