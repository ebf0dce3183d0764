"""Command that makes totals anew: `invenio stats aggregations rebuild`."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from rich.console import Console

from invenio_stats.cli.engine_errors import explain_errors
from invenio_stats.cli.options import aggregation_types, as_json, check_range, from_option, to_option, yes
from invenio_stats.cli.progress import Bar, bar
from invenio_stats.cli.verify import Line, differences_table, line_of
from invenio_stats.core.intervals import label
from invenio_stats.core.moments import iso
from invenio_stats.definitions.aggregators import make_aggregators
from invenio_stats.errors import RebuildError
from invenio_stats.operations.verification.rebuild import Mended, Rebuild, begin


@click.command("rebuild")
@aggregation_types
@from_option(required=True)
@to_option(required=True)
@click.option("--dry-run", is_flag=True, help="Show the difference it would make, and write nothing.")
@yes
@as_json
@with_appcontext
def aggregations_rebuild(
    aggregation_types: Sequence[str], first: datetime, last: datetime, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Make the totals of AGGREGATION_TYPES (all, unless some are named) equal to a recount of the raw events.

    It shows the difference first. Totals without raw events are deleted. What was interrupted goes on when the
    command is given again.
    """
    check_range(first, last)
    with explain_errors():
        rebuilds = _begin(aggregation_types, first, last)
        kinds: dict[str, Counter[str]] = {one.verification.name: Counter() for one in rebuilds}
        with bar(_("Comparing"), as_json) as shown:
            table = differences_table(_compare(rebuilds, shown, kinds))
        if table is not None and not as_json:
            Console().print(table)
        is_due = any(one.due for one in rebuilds)
        if is_due and not (dry_run or yes):
            click.confirm(_("Make these totals anew?"), abort=True, err=True)
        with bar(_("Rebuilding"), as_json or dry_run) as shown:
            results = {one.verification.name: None if dry_run else _run(one, shown) for one in rebuilds}
    _report(rebuilds, kinds, results, dry_run, as_json)
    if any(result and result.failed for result in results.values()):
        raise click.exceptions.Exit(1)


def _begin(names: Sequence[str], first: datetime, last: datetime) -> list[Rebuild]:
    """Get ready; nothing is begun when one of them is refused."""
    try:
        rebuilds = [begin(aggregator, first, last) for name in names for aggregator in make_aggregators(name).values()]
    except RebuildError as error:
        raise click.UsageError(str(error)) from error
    for one in rebuilds:
        if one.resumed is not None:
            click.echo(_resumed_line(one), err=True)
    return rebuilds


def _compare(rebuilds: Sequence[Rebuild], shown: Bar, kinds: dict[str, Counter[str]]) -> Iterator[Line]:
    for one in rebuilds:
        name = one.verification.name
        shown.begin(name)
        for difference in one.differences(shown.set):
            kinds[name][difference.kind] += 1
            yield line_of(one.verification, difference)


def _run(one: Rebuild, shown: Bar) -> Mended:
    shown.begin(one.verification.name, len(one.due))
    return one.run(shown.set)


def _report(
    rebuilds: Sequence[Rebuild],
    kinds: dict[str, Counter[str]],
    results: dict[str, Mended | None],
    dry_run: bool,
    as_json: bool,
) -> None:
    if as_json:
        facts = {name: _facts(one, kinds[name], results[name]) for one in rebuilds for name in [one.verification.name]}
        click.echo(json.dumps({"dry_run": dry_run, "aggregations": facts}, indent=2))
        return
    for one in rebuilds:
        name, found = one.verification.name, one.verification.found
        result = results[name]
        if result is None:
            text = _("%(count)s totals would be written or deleted", count=found)
        else:
            text = _("%(written)s totals written or deleted, %(failed)s failed", **result._asdict())
        if result and result.failed:
            text += ": " + ", ".join(result.errors)
        click.secho(f"{name}: {text}", fg="red" if result and result.failed else "green")


def _facts(one: Rebuild, kinds: Counter[str], result: Mended | None) -> dict[str, Any]:
    return {
        "resumed_behind": one.resumed and iso(one.resumed),
        "intervals": len(one.due),
        "differences": dict(kinds),
        **(result._asdict() if result else {}),
    }


def _resumed_line(one: Rebuild) -> str:
    return f"{one.verification.name}: " + _(
        "an earlier call with these dates was stopped; it goes on behind %(label)s",
        label=label(one.resumed, one.verification.interval),
    )
