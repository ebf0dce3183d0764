"""Define the command that compares totals with a recount: `invenio stats verify`."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _

from invenio_stats.cli.options import aggregation_types, as_json, check_range, from_option, to_option
from invenio_stats.cli.progress import Bar, bar
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.cli.tables import Table, print_table
from invenio_stats.core.intervals import label
from invenio_stats.core.moments import iso
from invenio_stats.definitions.aggregators import make_aggregators
from invenio_stats.operations.verification.comparison import Difference
from invenio_stats.operations.verification.verify import Reason, Skipped, Verification, prepare

MAX_DIFFERENCES_SHOWN = 50
"""Number of differences in the printed table; JSON has all."""

Line = dict[str, Any]
"""One difference, ready for JSON."""


@click.command("verify")
@aggregation_types
@from_option("Default: the oldest total.")
@to_option("Default: the newest total.")
@as_json
@with_appcontext
def verify_command(
    aggregation_types: Sequence[str], first: datetime | None, last: datetime | None, as_json: bool
) -> None:
    """Recount the raw events and compare the totals of AGGREGATION_TYPES (default: all) with them.

    Nothing is written. Exit 0 if they are equal, 1 if they differ, if nothing could be compared, or if an index is
    closed: what is there is not compared, and the rest is.
    """
    check_range(first, last)
    verifications: list[Verification] = []
    with explain_errors(), bar(_("Comparing"), as_json) as progress:
        lines = _compare(aggregation_types, first, last, progress, verifications)
        if as_json:
            _print_json(lines, verifications, first, last)
        else:
            table = differences_table(lines)
    if not as_json:
        if table is not None:
            print_table(table)
        for verification in verifications:
            print_outcome(verification)
    is_different = any(verification.found or verification.closed for verification in verifications)
    if is_different or not any(verification.totals for verification in verifications):
        raise click.exceptions.Exit(1)


def line_of(verification: Verification, difference: Difference) -> Line:
    """Return a difference in the form of the JSON output."""
    start, key = difference.counted_total.total_key
    return {
        "aggregation": verification.name,
        "interval": label(start, verification.interval),
        "key": key,
        "kind": difference.kind,
        "stored": difference.stored,
        "counted": difference.counted,
    }


def differences_table(lines: Iterable[Line]) -> Table | None:
    """Read all differences and return a table of the first of them; None if there are none."""
    rows, count = [], 0
    for count, line in enumerate(lines, 1):
        if count <= MAX_DIFFERENCES_SHOWN:
            rows.append([line[name] for name in ("aggregation", "interval", "key", "kind", "stored", "counted")])
    if not rows:
        return None
    more = count - len(rows)
    caption = _("%(count)s more; invenio stats verify --json prints all", count=more) if more else ""
    columns = _("aggregation"), _("interval"), _("key"), _("what"), _("stored"), _("counted")
    return Table(_("Differences"), columns, rows, caption=caption)


def print_outcome(verification: Verification) -> None:
    """Print how many totals of an aggregation were compared, and which intervals were skipped and why."""
    name, interval = verification.name, verification.interval
    if verification.comparison is None:
        text = (
            _("not verifiable while these indices are closed: %(names)s", names=", ".join(verification.closed))
            if verification.closed
            else _("not verifiable, because its class overrides agg_iter")
        )
        click.secho(f"{name}: {text}", fg="yellow")
        return
    text = _("%(totals)s totals compared, %(found)s differences", totals=verification.totals, found=verification.found)
    if verification.starts:
        first, last = (label(start, interval) for start in (verification.starts[0], verification.starts[-1]))
        several = _("from %(first)s to %(last)s", first=first, last=last)
        text += ", " + (_("of %(interval)s", interval=first) if first == last else several)
    click.secho(f"{name}: {text}", fg="red" if verification.found else "green")
    if verification.closed:
        text = _("not compared, because they are closed: %(names)s. Open them.", names=", ".join(verification.closed))
        click.secho(f"    {text}", fg="yellow")
    for skipped in verification.skipped:
        click.echo("    " + _skipped_line(verification, skipped))
    if verification.others:
        count = verification.others
        click.echo("    " + _("%(count)s totals of other aggregations in the same indices not compared", count=count))


def facts_of(verification: Verification) -> dict[str, Any]:
    """Return the result of a verification in the form of the JSON output."""
    return {
        "verifiable": verification.comparison is not None,
        **_range(verification, verification.starts),
        "totals": verification.totals,
        "differences": verification.found,
        "others": verification.others,
        "closed": verification.closed,
        "skipped": [
            {
                "reason": skipped.reason,
                "limit": skipped.limit and iso(skipped.limit),
                **_range(verification, skipped.starts),
            }
            for skipped in verification.skipped
        ],
    }


def _compare(
    names: Sequence[str],
    first: datetime | None,
    last: datetime | None,
    progress: Bar,
    verifications: list[Verification],
) -> Iterator[Line]:
    """Yield all differences, and append each verification to the list before its differences."""
    for name in names:
        for aggregator in make_aggregators(name).values():
            progress.begin(aggregator.name)
            verification = prepare(aggregator, first, last)
            verifications.append(verification)
            for difference in verification.differences(progress.set):
                yield line_of(verification, difference)


def _print_json(
    lines: Iterable[Line], verifications: list[Verification], first: datetime | None, last: datetime | None
) -> None:
    """Print each difference when it is found, because there may be more than fit in memory."""
    dates = {"from": first and iso(first), "to": last and iso(last)}
    click.echo(json.dumps(dates)[:-1] + ', "differences": [')
    separator = ""
    for line in lines:
        click.echo(separator + json.dumps(line), nl=False)
        separator = ",\n"
    facts = {verification.name: facts_of(verification) for verification in verifications}
    click.echo('\n], "aggregations": ' + json.dumps(facts, indent=2) + "}")


def _range(verification: Verification, starts: Sequence[datetime]) -> dict[str, Any]:
    first, last = (label(starts[position], verification.interval) if starts else None for position in (0, -1))
    return {"intervals": len(starts), "first": first, "last": last}


def _skipped_line(verification: Verification, skipped: Skipped) -> str:
    limit = iso(skipped.limit) if skipped.limit else ""
    reasons: dict[Reason, str] = {
        "closed": _("in a closed index"),
        "incomplete": _("before %(limit)s, the first day with all raw events", limit=limit[:10]),
        "not_started": _("before %(limit)s, when the aggregation starts", limit=limit),
        "not_due": _("from %(limit)s on, which is not aggregated yet", limit=limit),
    }
    facts = _range(verification, skipped.starts)
    if facts["first"] == facts["last"]:
        return _("%(interval)s not compared: ", interval=facts["first"]) + reasons[skipped.reason]
    return _("%(intervals)s intervals from %(first)s to %(last)s not compared: ", **facts) + reasons[skipped.reason]
