"""Define the commands for months: `invenio stats counter close`, `status`, `restate` and `prune`."""

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.cli.options import as_json, dry_run, yes
from invenio_stats.cli.progress import Bar, bar
from invenio_stats.cli.service_errors import explain_broker_errors, explain_errors
from invenio_stats.cli.tables import Table, print_table, terminal_width
from invenio_stats.core.counter_months import METRICS, SEARCHES, parse_month
from invenio_stats.core.moments import iso_zoned, to_second
from invenio_stats.counter.closing import pruning
from invenio_stats.counter.closing.closing import Closing, Outcome
from invenio_stats.counter.closing.restatement import Restated, restate
from invenio_stats.counter.closing.status import MonthStatus, Status, read_status
from invenio_stats.counter.reports.descriptions import clean_text
from invenio_stats.errors import CounterSetupError, MonthRefusedError

_MAX_REASON = 500
"""Characters of a reason, which is in the header of each report of the month."""

_WIDTH = 80
"""Columns of a sentence if standard output is not a terminal."""


def _month(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return a month as '2026-05'; BadParameter for anything else."""
    try:
        if value is not None:
            parse_month(value)
    except ValueError as error:
        text = _("%(value)s is not a month. Write it as 2026-05.", value=repr(value))
        raise click.BadParameter(text, ctx, param) from error
    return value


def _reason(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return a reason on one line; BadParameter for an empty one, or one that no report has room for."""
    reason = None if value is None else clean_text(value)
    if reason == "":
        raise click.BadParameter(_("Say why: reports and the log of the month show it."), ctx, param)
    if reason is not None and len(reason) > _MAX_REASON:
        text = _("It has %(length)s characters. Write at most %(limit)s.", length=len(reason), limit=_MAX_REASON)
        raise click.BadParameter(text, ctx, param)
    return reason


def month_option(text: str, required: bool = False, names: Sequence[str] = ("--month",)) -> Callable[..., Any]:
    """Return the option for a month."""
    return click.option(*names, callback=_month, required=required, metavar="YYYY-MM", help=text)


@contextmanager
def explain_refusals() -> Iterator[None]:
    """Turn errors into messages: with exit code 2 if the command or a setting is wrong, else 1."""
    with explain_errors(), explain_broker_errors():
        try:
            yield
        except (MonthRefusedError, CounterSetupError) as error:
            raise click.UsageError(str(error)) from error


@click.command("close")
@month_option("Close only this month, which must be the next one. Default: all that are due.")
@dry_run
@click.option(
    "--accept",
    metavar="REASON",
    callback=_reason,
    help="Close nevertheless over dead letters, unreadable raw events and missing items; reports show the reason.",
)
@yes
@as_json
@with_appcontext
def close_command(month: str | None, dry_run: bool, accept: str | None, yes: bool, as_json: bool) -> None:
    """Close the months that are due, oldest first: from then on reports show them, and nothing changes them.

    What stands in the way is listed with its cure, and the exit code is 1.
    """
    with explain_refusals(), bar(_("Closing"), as_json or dry_run) as progress:
        closing = Closing(current_search_client, _now, accept, lambda name: _begin(progress, name))
        if month is not None:
            closing.check_chosen(month)
        months = closing.find_due() if month is None else [month]
        outcomes = closing.check(months) if dry_run else closing.close(_confirm_months(months, yes))
        found = []
        for outcome in outcomes:
            found.append(outcome)
            if not as_json:
                _print_outcome(outcome, dry_run)
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "months": [_line(outcome) for outcome in found]}, indent=2))
    elif not found:
        click.echo(_("No month is due."))
    if any(_is_in_the_way(outcome, accept) for outcome in found):
        raise click.exceptions.Exit(1)


@click.command("status")
@as_json
@with_appcontext
def status_command(as_json: bool) -> None:
    """Print the state of each month: sums, whether its day totals have moved since, and unusual numbers."""
    with explain_refusals():
        status = read_status(current_search_client, _now())
    if as_json:
        click.echo(json.dumps(_status_facts(status), indent=2))
        return
    columns = [_("month"), _("state"), _("revision"), _("changed"), *map(_short, (*METRICS, SEARCHES))]
    rows = [_status_row(month) for month in status.months]
    caption = _("Months offered: %(first)s to %(last)s.", first=status.first_month, last=status.last_month)
    if status.first_month is None:
        caption = _("No month is closed yet.")
    caption = "\n".join([caption, *(f"{_short(metric)}: {metric}" for metric in (*METRICS, SEARCHES))])
    print_table(Table(_("Months of COUNTER reports"), columns, rows, optional=[_("changed")], caption=caption))
    for month in status.months:
        for line in _restatements(month):
            click.echo(
                textwrap.fill(line, terminal_width() or _WIDTH, subsequent_indent="    ", break_on_hyphens=False)
            )
        for line in _warnings(month):
            click.secho(line, fg="yellow")


@click.command("restate")
@month_option("The month.", required=True)
@click.option("--reason", metavar="TEXT", required=True, callback=_reason, help="Why; the log of the month shows it.")
@dry_run
@as_json
@with_appcontext
def restate_command(month: str, reason: str, dry_run: bool, as_json: bool) -> None:
    """Make the usage of a closed month anew from its day totals, print what differs, and note it as a correction.

    The reason is in the log of corrections, which everybody may read.
    """
    with explain_refusals(), bar(_("Restating"), as_json) as progress:
        restated = restate(current_search_client, month, reason, _now, _begin(progress, month), dry_run)
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, **_restated_facts(restated)}, indent=2))
        return
    would, did = (
        _("Revision %(revision)s of %(month)s would be made."),
        _("Revision %(revision)s of %(month)s is made."),
    )
    click.secho((would if dry_run else did) % {"revision": restated.revision, "month": month}, fg="green")
    click.echo(_("Items that differ: %(items)s.", items=restated.difference.items))
    for metric, number in restated.difference.sums.items():
        click.echo(f"    {metric}: {number:+}")
    if restated.gone:
        click.echo(_("Days whose raw events are gone, taken as they are: %(days)s.", days=restated.gone))


@click.command("prune")
@dry_run
@yes
@as_json
@with_appcontext
def prune_command(dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete the months before the current calendar year and the 24 months before it, which are no longer offered."""
    with explain_refusals():
        months = pruning.find_prunable(current_search_client, _now().date())
        names = [month.month for month in months]
        if months and not (dry_run or yes):
            click.echo(", ".join(names), err=True)
            click.confirm(_("Delete these months permanently?"), abort=True, err=True)
        for month in () if dry_run else months:
            pruning.prune(current_search_client, month)
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, "months": names}, indent=2))
        return
    for name in names:
        click.echo(f"{name}: " + (_("would be deleted") if dry_run else _("deleted")))
    if not names:
        click.echo(_("There is nothing to delete."))


def _confirm_months(months: Sequence[str], yes: bool) -> list[str]:
    if months and not yes:
        click.echo(", ".join(months), err=True)
        click.confirm(_("Close each of these months?"), abort=True, err=True)
    return list(months)


def _begin(progress: Bar, month: str) -> Callable[[int], None]:
    progress.begin(month)
    return progress.advance


def _is_in_the_way(outcome: Outcome, accept: str | None) -> bool:
    ignored = accept is not None and all(obstacle.is_acceptable for obstacle in outcome.obstacles)
    return bool(outcome.obstacles) and not (outcome.is_closed or ignored)


def _print_outcome(outcome: Outcome, is_dry: bool) -> None:
    if outcome.is_closed:
        click.secho(_("%(month)s is closed.", month=outcome.month), fg="green")
        for metric, number in outcome.sums.items():
            click.echo(f"    {metric}: {number}")
    elif not outcome.obstacles:
        click.secho(_("%(month)s would be closed.", month=outcome.month), fg="green")
    else:
        would, did = _("%(month)s could not be closed now."), _("%(month)s is not closed.")
        click.secho((would if is_dry else did) % {"month": outcome.month}, fg="red")
    for obstacle in outcome.obstacles:
        click.echo(f"    {obstacle.kind}: {obstacle.message}")
        click.echo(f"        {obstacle.cure}")


def _line(outcome: Outcome) -> dict[str, Any]:
    return {
        "month": outcome.month,
        "closed": outcome.is_closed,
        "obstacles": [{**found._asdict(), "acceptable": found.is_acceptable} for found in outcome.obstacles],
        "sums": dict(outcome.sums),
    }


def _short(metric: str) -> str:
    """Return a metric's initials, as in `TII`: a line of a terminal has no room for five names."""
    return "".join(word[0] for word in metric.split("_"))


def _status_row(month: MonthStatus) -> list[Any]:
    known = month.closed
    if known is None:
        return [month.month, month.state, *([None] * (3 + len(METRICS)))]
    return [
        month.month,
        month.state,
        known.revision,
        known.changed,
        *(known.sums.get(metric) for metric in (*METRICS, SEARCHES)),
    ]


def _restatements(month: MonthStatus) -> Iterator[str]:
    """Yield when and why a month was restated, and by how much, oldest first."""
    for entry in () if month.closed is None else month.closed.log:
        if entry["revision"] > 1:
            yield _(
                "%(month)s: restated on %(day)s as revision %(revision)s (%(sums)s). Reason: %(reason)s",
                month=month.month,
                day=entry["at"][:10],
                revision=entry["revision"],
                sums=_format_difference(entry.get("difference", {})) or _("the same sums"),
                reason=entry["reason"],
            )


def _format_difference(sums: Mapping[str, int]) -> str:
    return ", ".join(f"{metric} {number:+}" for metric, number in sums.items())


def _warnings(month: MonthStatus) -> Iterator[str]:
    if month.closed_indices:
        yield _(
            "%(month)s: what it consists of cannot be read, because these indices are closed in the search engine: "
            "%(indices)s. Open them: until then reports of the month fail, and nothing is known of its customers and "
            "day totals.",
            month=month.month,
            indices=", ".join(month.closed_indices),
        )
    if month.moved is not None:
        sums = _format_difference(month.moved.sums)
        yield _(
            "%(month)s: its day totals have moved since %(since)s (%(sums)s). Restate it by %(by)s: `invenio stats "
            "counter restate --month %(month)s --reason ...`.",
            month=month.month,
            since=f"{month.moved.since:%Y-%m-%d}",
            sums=sums or _("%(totals)s totals, with the same sums", totals=month.moved.totals),
            by=month.moved.correct_by,
        )
    for spike in month.spikes:
        yield _(
            "%(month)s: %(customer)s has %(number)s requests, in the months before %(mean)s on average. Look at it.",
            month=month.month,
            customer=spike.customer_id,
            number=spike.number,
            mean=spike.mean,
        )


def _status_facts(status: Status) -> dict[str, Any]:
    return {
        "first_month": status.first_month,
        "last_month": status.last_month,
        "months": [_month_facts(month) for month in status.months],
    }


def _month_facts(month: MonthStatus) -> dict[str, Any]:
    known, moved = month.closed, month.moved
    return {
        "month": month.month,
        "state": month.state,
        "revision": known and known.revision,
        "closed": known and known.closed,
        "changed": known and known.changed,
        "sums": known and dict(known.sums),
        "documents": known and known.documents,
        "accepted": known and list(known.accepted),
        "log": known and list(known.log),
        "moved": moved
        and {
            "sums": dict(moved.sums),
            "totals": moved.totals,
            "since": iso_zoned(to_second(moved.since)),
            "correct_by": moved.correct_by.isoformat(),
        },
        "spikes": [spike._asdict() for spike in month.spikes],
        "closed_indices": month.closed_indices,
    }


def _restated_facts(restated: Restated) -> dict[str, Any]:
    return {
        "month": restated.month,
        "revision": restated.revision,
        "items": restated.difference.items,
        "difference": dict(restated.difference.sums),
        "days_taken_as_they_are": restated.gone,
    }


def _now() -> datetime:
    return datetime.now(timezone.utc)
