"""Define the command that rebuilds totals from raw events: `invenio stats aggregations rebuild`."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _

from invenio_stats.cli.options import aggregation_types, as_json, check_range, from_option, to_option, yes
from invenio_stats.cli.progress import Bar, bar
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.cli.tables import print_table, terminal_width
from invenio_stats.cli.verify import Line, differences_table, line_of
from invenio_stats.core.intervals import label
from invenio_stats.core.moments import iso
from invenio_stats.definitions.aggregators import make_aggregators
from invenio_stats.errors import RebuildError
from invenio_stats.operations.verification.rebuild import Rebuild, RebuildResult, begin

MAX_INTERVALS_SHOWN = 10
"""Number of intervals that are named in a line; JSON has all."""
_MAX_WIDTH = 10_000
"""Of a line that goes to a pipe."""


@click.command("rebuild")
@aggregation_types
@from_option(required=True)
@to_option(required=True)
@click.option("--dry-run", is_flag=True, help="Print the differences, and write nothing.")
@yes
@as_json
@with_appcontext
def aggregations_rebuild(
    aggregation_types: Sequence[str], first: datetime, last: datetime, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Replace wrong totals of AGGREGATION_TYPES (default: all) by a recount of the raw events.

    The differences are printed first. Totals whose events do not count any more are deleted; those whose raw events
    were deleted stay as they are, and are named (exit 1). The same command continues an interrupted rebuild.
    """
    # Compare everything, then ask, then write: nothing is written before the user has seen all differences.
    check_range(first, last)
    with explain_errors():
        rebuilds = _begin(aggregation_types, first, last)
        kinds: dict[str, Counter[str]] = {rebuild.verification.name: Counter() for rebuild in rebuilds}
        with bar(_("Comparing"), as_json) as progress:
            table = differences_table(_compare(rebuilds, progress, kinds))
        if table is not None and not as_json:
            print_table(table)
        is_due = any(rebuild.due for rebuild in rebuilds)
        if is_due and not (dry_run or yes):
            click.confirm(_("Rebuild these totals?"), abort=True, err=True)
        with bar(_("Rebuilding"), as_json or dry_run) as progress:
            results = {rebuild.verification.name: None if dry_run else _run(rebuild, progress) for rebuild in rebuilds}
    _report(rebuilds, kinds, results, dry_run, as_json)
    if any(result and result.failed for result in results.values()) or any(rebuild.lost for rebuild in rebuilds):
        raise click.exceptions.Exit(1)


def _begin(names: Sequence[str], first: datetime, last: datetime) -> list[Rebuild]:
    """Prepare the rebuilds of all aggregations; UsageError, and no rebuild, if one is not possible."""
    try:
        rebuilds = [begin(aggregator, first, last) for name in names for aggregator in make_aggregators(name).values()]
    except RebuildError as error:
        raise click.UsageError(str(error)) from error
    for rebuild in rebuilds:
        if rebuild.resumed is not None:
            click.echo(_resumed_line(rebuild), err=True)
    return rebuilds


def _compare(rebuilds: Sequence[Rebuild], progress: Bar, kinds: dict[str, Counter[str]]) -> Iterator[Line]:
    for rebuild in rebuilds:
        name = rebuild.verification.name
        progress.begin(name)
        for difference in rebuild.differences(progress.set):
            kinds[name][difference.kind] += 1
            yield line_of(rebuild.verification, difference)


def _run(rebuild: Rebuild, progress: Bar) -> RebuildResult:
    progress.begin(rebuild.verification.name, len(rebuild.due))
    return rebuild.run(progress.set)


def _report(
    rebuilds: Sequence[Rebuild],
    kinds: dict[str, Counter[str]],
    results: dict[str, RebuildResult | None],
    dry_run: bool,
    as_json: bool,
) -> None:
    if as_json:
        named = {rebuild.verification.name: rebuild for rebuild in rebuilds}
        facts = {name: _facts(rebuild, kinds[name], results[name]) for name, rebuild in named.items()}
        click.echo(json.dumps({"dry_run": dry_run, "aggregations": facts}, indent=2))
        return
    for rebuild in rebuilds:
        name = rebuild.verification.name
        result = results[name]
        if result is None:
            text = _("%(count)s totals would be written or deleted", count=kinds[name].total())
        else:
            text = _("%(written)s totals written or deleted, %(failed)s failed", **result._asdict())
        if result and result.failed:
            text += ": " + ", ".join(result.errors)
        click.secho(f"{name}: {text}", fg="red" if result and result.failed else "green")
        if rebuild.lost:
            width = terminal_width() or _MAX_WIDTH
            click.secho(click.wrap_text(_lost_text(rebuild), width, "    ", "    "), fg="yellow")


def _lost_text(rebuild: Rebuild) -> str:
    interval = rebuild.verification.interval
    starts = [label(start, interval) for start in sorted(rebuild.lost)]
    shown = [*starts[:MAX_INTERVALS_SHOWN], *(["..."] if len(starts) > MAX_INTERVALS_SHOWN else [])]
    return _(
        "%(count)s totals stay as they are: raw events of them were deleted, and a recount would make them smaller "
        "(%(intervals)s). Restore the events; or, if the totals are wrong, delete them with invenio stats aggregations "
        "delete.",
        count=rebuild.lost.total(),
        intervals=", ".join(shown),
    )


def _facts(rebuild: Rebuild, kinds: Counter[str], result: RebuildResult | None) -> dict[str, Any]:
    return {
        "resumed_behind": rebuild.resumed and iso(rebuild.resumed),
        "intervals": len(rebuild.due),
        "differences": dict(kinds),
        "lost": {label(start, rebuild.verification.interval): count for start, count in sorted(rebuild.lost.items())},
        **(result._asdict() if result else {}),
    }


def _resumed_line(rebuild: Rebuild) -> str:
    return f"{rebuild.verification.name}: " + _(
        "an earlier rebuild with these dates was interrupted; it continues after %(label)s",
        label=label(rebuild.resumed, rebuild.verification.interval),
    )
