"""Command that compares: `invenio stats verify`."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from rich.console import Console
from rich.table import Table
from rich.text import Text

from invenio_stats.cli.engine_errors import explain_errors
from invenio_stats.cli.options import aggregation_types, as_json, check_range, from_option, to_option
from invenio_stats.cli.progress import Bar, bar
from invenio_stats.core.intervals import label
from invenio_stats.core.moments import iso
from invenio_stats.definitions.aggregators import make_aggregators
from invenio_stats.operations.verification.comparison import Difference
from invenio_stats.operations.verification.verify import Reason, Skipped, Verification, prepare

MOST_SHOWN = 50
"""Differences that are printed for people."""

Line = dict[str, Any]
"""One difference, ready for JSON."""


@click.command("verify")
@aggregation_types
@from_option("Default: the oldest.")
@to_option("Default: the newest.")
@as_json
@with_appcontext
def verify_command(
    aggregation_types: Sequence[str], first: datetime | None, last: datetime | None, as_json: bool
) -> None:
    """Recount the raw events and compare the totals of AGGREGATION_TYPES (all, unless some are named).

    Nothing is written. Exit 0 when they are equal, 1 when they are not or nothing could be compared.
    """
    check_range(first, last)
    done: list[Verification] = []
    with explain_errors(), bar(_("Comparing"), as_json) as shown:
        lines = _compare(aggregation_types, first, last, shown, done)
        if as_json:
            _print_json(lines, done, first, last)
        else:
            table = differences_table(lines)
    if not as_json:
        if table is not None:
            Console().print(table)
        for one in done:
            print_outcome(one)
    if any(one.found for one in done) or all(one.comparison is None for one in done):
        raise click.exceptions.Exit(1)


def line_of(verification: Verification, difference: Difference) -> Line:
    """Return a difference as programs read it."""
    start, key = difference.one.total_key
    return {
        "aggregation": verification.name,
        "interval": label(start, verification.interval),
        "key": key,
        "kind": difference.kind,
        "stored": difference.stored,
        "counted": difference.counted,
    }


def differences_table(lines: Iterable[Line]) -> Table | None:
    """Read all differences and return a table of the first; None where there are none."""
    table = Table(title=_("Differences"))
    for column in (_("aggregation"), _("interval"), _("key"), _("what"), _("stored"), _("counted")):
        table.add_column(column, overflow="fold")
    count = 0
    for count, line in enumerate(lines, 1):
        if count <= MOST_SHOWN:
            cells = line["aggregation"], line["interval"], str(line["key"]), line["kind"]
            table.add_row(*map(Text, (*cells, _fields(line["stored"]), _fields(line["counted"]))))
    if count > MOST_SHOWN:
        table.caption = _("%(count)s more; invenio stats verify --json prints all", count=count - MOST_SHOWN)
    return table if count else None


def print_outcome(one: Verification) -> None:
    """Print how much of an aggregation was compared, and what was left out and why."""
    if one.comparison is None:
        click.secho(f"{one.name}: " + _("not verifiable, it has an agg_iter of its own"), fg="yellow")
        return
    text = _("%(totals)s totals compared, %(found)s differences", totals=one.totals, found=one.found)
    if one.starts:
        edges = (label(start, one.interval) for start in (one.starts[0], one.starts[-1]))
        text += ", " + _("from %(first)s to %(last)s", **dict(zip(("first", "last"), edges, strict=True)))
    click.secho(f"{one.name}: {text}", fg="red" if one.found else "green")
    for skipped in one.skipped:
        click.echo("    " + _skipped_line(one, skipped))
    if one.others:
        click.echo("    " + _("%(count)s totals of others in the same indices not compared", count=one.others))


def facts_of(one: Verification) -> dict[str, Any]:
    """Return what was compared, for programs."""
    return {
        "verifiable": one.comparison is not None,
        **_range(one, one.starts),
        "totals": one.totals,
        "differences": one.found,
        "others": one.others,
        "skipped": [
            {"reason": skipped.reason, "limit": iso(skipped.limit), **_range(one, skipped.starts)}
            for skipped in one.skipped
        ],
    }


def _compare(
    names: Sequence[str], first: datetime | None, last: datetime | None, shown: Bar, done: list[Verification]
) -> Iterator[Line]:
    """Yield all differences; who has been compared is in `done`."""
    for name in names:
        for aggregator in make_aggregators(name).values():
            shown.begin(aggregator.name)
            one = prepare(aggregator, first, last)
            done.append(one)
            for difference in one.differences(shown.set):
                yield line_of(one, difference)


def _print_json(lines: Iterable[Line], done: list[Verification], first: datetime | None, last: datetime | None) -> None:
    """Print while comparing: there may be more differences than memory holds."""
    dates = {"from": first and iso(first), "to": last and iso(last)}
    click.echo(json.dumps(dates)[:-1] + ', "differences": [')
    before = ""
    for line in lines:
        click.echo(before + json.dumps(line), nl=False)
        before = ",\n"
    click.echo('\n], "aggregations": ' + json.dumps({one.name: facts_of(one) for one in done}, indent=2) + "}")


def _range(one: Verification, starts: Sequence[datetime]) -> dict[str, Any]:
    first, last = (label(starts[place], one.interval) if starts else None for place in (0, -1))
    return {"intervals": len(starts), "first": first, "last": last}


def _skipped_line(one: Verification, skipped: Skipped) -> str:
    reasons: dict[Reason, str] = {
        "incomplete": _(
            "before %(limit)s, the first day whose raw events are all there", limit=iso(skipped.limit)[:10]
        ),
        "not_started": _("before %(limit)s, where the aggregation begins", limit=iso(skipped.limit)),
        "not_due": _("from %(limit)s on the aggregation has not counted yet", limit=iso(skipped.limit)),
    }
    facts = _range(one, skipped.starts)
    return _("%(intervals)s intervals from %(first)s to %(last)s not compared: ", **facts) + reasons[skipped.reason]


def _fields(values: dict[str, Any]) -> str:
    return "\n".join(f"{name} {value}" for name, value in values.items()) or "-"
